"""Who must sign what, and whether they did: the table from document kind to parties, and the checks upon it.

Rules:
1. Keys come from the pinned trust root and from nowhere else; a key id in an envelope is a hint for look-up.
2. Opening needs every signature: scenario and authorization are signed by every department in the list, the agency, the
   operator and the partner, and the authorization by exactly the parties its scenario needed (RQ-302).
3. A party stands where its role allows: a release is the gate's, metrics are an enclave's of that department.
4. Closing needs one: any party that had to sign a document may suspend it, and the agency may suspend anything.
5. A revoked key signs nothing any more, not even what it signed before.

Follows design.md §3, §5 and §6; protocols.md §9.2. When a document is in force is left to `policies.decision`; messages of
a run (bundle, transcript, contribution) are signed by boot keys and checked by those who receive them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Final

from policies.documents import strict_json
from policies.documents.authorization import Authorization, OverallAuthorization, Scenario
from policies.documents.consent import Consent
from policies.documents.dataset import Dataset
from policies.documents.document import Document
from policies.documents.encrypted import EncryptedWeights, PaillierKey
from policies.documents.envelope import Envelope
from policies.documents.halts import Revocation, RevocationTarget, Suspension, SuspensionTarget
from policies.documents.job import HeKey, Job, Plan, Receipt, Release, TableRelease
from policies.documents.model import Model
from policies.documents.price import PriceFiling
from policies.documents.query import Query
from policies.documents.review import OutputReview
from policies.documents.run import Boot
from policies.documents.survivors import Survivors
from policies.documents.trust import PartyDocument, PartyEntry, Role, TrustRoot
from policies.documents.vetting import VetBands, VetMetrics, VettingReport
from policies.errors import PolicyError
from policies.keys import IdentityKey

NO_KEYS: Final[frozenset[str]] = frozenset()
REVIEWERS: Final = frozenset({Role.EXAMINER, Role.DEPARTMENT})
"""Roles that may review an output (L8)."""


class SignaturesMissing(PolicyError):
    """A document that not everybody signed who had to; the message names the parties."""

    code = "signatures_missing"


class SignersUndefined(PolicyError):
    """A document whose signers cannot be named: a run message, or an authorization without its scenario."""

    code = "signers_undefined"


class RoleMismatch(PolicyError):
    """A document that puts a party in a place its role does not allow."""

    code = "role_mismatch"


class PinMismatch(PolicyError):
    """A trust root other than the one that was pinned."""

    code = "pin_mismatch"


def check_trust_root(envelope: Envelope, pin: str) -> TrustRoot:
    """The trust root in `envelope`, whose digest is `pin` (64 hex digits) and which its agency and operator signed."""
    if envelope.digest != pin:
        raise PinMismatch(f"expected the trust root {pin}, got {envelope.digest}")
    trust = TrustRoot.read(envelope)
    check_signed(envelope, trust, trust)
    return trust


def required_signers(
    document: Document, trust: TrustRoot, *, scenario: Scenario | None = None
) -> frozenset[str]:
    """Ids of the parties that must sign `document`; never empty.

    An authorization cites its partner only through its scenario, which must then be given; `SignersUndefined` otherwise.
    Raises `RoleMismatch` if a party named in the document does not hold the role its place needs.
    """
    if isinstance(document, Authorization):
        return _authorization_signers(document, trust, scenario)
    signers = _SIGNERS.get(type(document))
    if signers is None:
        raise SignersUndefined(f"expected a document signed by identity keys, got a {document.kind}")
    return frozenset(signers(document, trust))


def valid_signers(
    envelope: Envelope, trust: TrustRoot, *, revoked_keys: frozenset[str] = NO_KEYS
) -> frozenset[str]:
    """Ids of the parties of the trust root whose signature over `envelope` verifies; revoked key ids do not count."""
    by_keyid = {party.key.keyid: party for party in trust.parties}
    verified = envelope.signers(party.key for party in trust.parties)
    return frozenset(by_keyid[keyid].id for keyid in verified - revoked_keys)


def missing_signers(
    envelope: Envelope,
    document: Document,
    trust: TrustRoot,
    *,
    scenario: Scenario | None = None,
    revoked_keys: frozenset[str] = NO_KEYS,
) -> frozenset[str]:
    """Ids of the parties that had to sign and did not; empty when the document is completely signed."""
    if envelope.digest != document.digest or envelope.kind != document.kind:
        raise SignaturesMissing(f"expected signatures over this {document.kind}, got those over another body")
    needed = required_signers(document, trust, scenario=scenario)
    return needed - valid_signers(envelope, trust, revoked_keys=revoked_keys)


def check_signed(
    envelope: Envelope,
    document: Document,
    trust: TrustRoot,
    *,
    scenario: Scenario | None = None,
    revoked_keys: frozenset[str] = NO_KEYS,
) -> None:
    """Raise `SignaturesMissing` unless every party that must sign `document` did."""
    missing = missing_signers(envelope, document, trust, scenario=scenario, revoked_keys=revoked_keys)
    if missing:
        raise SignaturesMissing(
            f"expected a {document.kind} signed by all, got none by {', '.join(sorted(missing))}"
        )


def check_party_signed(
    envelope: Envelope, trust: TrustRoot, party_id: str, *, revoked_keys: frozenset[str] = NO_KEYS
) -> PartyEntry:
    """The pinned party `party_id`, which signed `envelope`; `SignaturesMissing` otherwise."""
    party = trust.party(party_id)
    if party is None or party.id not in valid_signers(envelope, trust, revoked_keys=revoked_keys):
        name = strict_json.quoted(party_id, 80)
        raise SignaturesMissing(f"expected a {envelope.kind} signed by {name}, got no such signature")
    return party


def check_boot(
    envelope: Envelope, trust: TrustRoot, *, revoked_keys: frozenset[str] = NO_KEYS
) -> tuple[PartyEntry, IdentityKey]:
    """The party a boot certificate speaks for and the boot key it certifies.

    A pinned key cannot pass as a boot key: one key would then speak in two voices.
    """
    boot = Boot.read(envelope)
    party = check_party_signed(envelope, trust, boot.party, revoked_keys=revoked_keys)
    if boot.key in {entry.identity_key for entry in trust.parties} | {trust.log.key}:
        raise SignaturesMissing("expected a boot key of its own, got a pinned key")
    return party, IdentityKey.from_base64(boot.key)


def may_suspend(
    suspension: Suspension, target: Document | None, trust: TrustRoot, *, scenario: Scenario | None = None
) -> bool:
    """Whether `suspension.by` may stop its target: any one party that had to sign it, or the agency.

    `target` is the document named by digest, or None when the target is a party (which itself, agency and operator may
    stop). With `scenario` the partner may stop an authorization too; without it everybody else still can.
    """
    agency = trust.sole(Role.AGENCY).id
    if trust.party(suspension.by) is None:
        return False
    if suspension.target.kind is SuspensionTarget.PARTY:
        party = suspension.target.party
        closers = {agency, trust.sole(Role.OPERATOR).id, party}
        return trust.party(party or "") is not None and suspension.by in closers
    if target is None or target.digest != suspension.target.digest or target.kind != suspension.target.kind:
        return False
    return suspension.by == agency or suspension.by in _closers(target, trust, scenario)


def may_revoke(revocation: Revocation, trust: TrustRoot, *, models: Sequence[Model] = ()) -> bool:
    """Whether `revocation.by` may end its targets for good.

    A model: its partner, the examiner or the agency (`models` are the documents named). A key: its party, the party's
    owner or the agency. Consents: a consent service; commitments do not say whose, so each enclave ends only those it
    holds from that service.
    """
    by = trust.party(revocation.by)
    if by is None:
        return False
    match revocation.target:
        case RevocationTarget.CONSENT:
            return by.role is Role.CONSENT_SERVICE
        case RevocationTarget.MODEL:
            partners = {model.digest: model.partner for model in models}
            officers = {Role.AGENCY, Role.EXAMINER}
            return all(
                digest in partners and (by.role in officers or by.id == partners[digest])
                for digest in revocation.digests
            )
        case RevocationTarget.KEY:
            holders = {party.key.keyid: party for party in trust.parties}
            return all(
                digest in holders
                and (by.role is Role.AGENCY or by.id in {holders[digest].id, holders[digest].owner})
                for digest in revocation.digests
            )


def data_list_digest(scenario: Scenario) -> str:
    """SHA-256 of the scenario's data list as an authorization cites it: one scenario, one list, one authorization."""
    return strict_json.digest([line.model_dump(mode="json") for line in scenario.data_list])


def _closers(target: Document, trust: TrustRoot, scenario: Scenario | None) -> frozenset[str]:
    if isinstance(target, Authorization) and scenario is None:
        # The partner is known only through the scenario; every other signer stands in the authorization itself.
        return frozenset({member.department for member in target.roster} | _officers(trust))
    return required_signers(target, trust, scenario=scenario)


def _officers(trust: TrustRoot) -> set[str]:
    return {trust.sole(Role.AGENCY).id, trust.sole(Role.OPERATOR).id}


def _authorization_signers(
    document: Authorization, trust: TrustRoot, scenario: Scenario | None
) -> frozenset[str]:
    if scenario is None or scenario.digest != document.scenario:
        raise SignersUndefined("expected the scenario the authorization cites, got none or another")
    departments = tuple(member.department for member in document.roster)
    if departments != scenario.departments:
        raise RoleMismatch("expected the roster to be the departments of the scenario, got others")
    return frozenset(_scenario_signers(scenario, trust))


def _scenario_signers(document: Scenario, trust: TrustRoot) -> set[str]:
    departments = {_held(trust, department, Role.DEPARTMENT) for department in document.departments}
    return departments | _officers(trust) | {_held(trust, document.partner, Role.PARTNER)}


def _overall_signers(document: OverallAuthorization, trust: TrustRoot) -> set[str]:
    return {_held(trust, document.agency, Role.AGENCY), _held(trust, document.operator, Role.OPERATOR)}


def _metrics_signers(document: VetMetrics, trust: TrustRoot) -> set[str]:
    enclave = trust.enclave_of(document.department)
    if enclave is None or enclave.id != document.enclave:
        raise RoleMismatch("expected the enclave of the department it names, got another")
    return {enclave.id}


def _review_signers(document: OutputReview, trust: TrustRoot) -> set[str]:
    """A reviewer answers for an organization that gains nothing by the release: the agency's examiner or a department."""
    reviewer = trust.party(document.reviewer)
    if reviewer is None or reviewer.role not in REVIEWERS:
        raise RoleMismatch("expected a review by the examiner or a department, got another party's")
    return {reviewer.id}


def _receipt_signers(document: Receipt, trust: TrustRoot) -> set[str]:
    _held(trust, document.operator, Role.OPERATOR)
    return {trust.sole(Role.COORDINATOR).id}


def _held(trust: TrustRoot, party_id: str, role: Role) -> str:
    """`party_id` if the trust root gives it `role`; `RoleMismatch` otherwise."""
    party = trust.party(party_id)
    if party is None or party.role is not role:
        raise RoleMismatch(
            f"expected a party with the role {role}, got {strict_json.quoted(party_id, 80)} without it"
        )
    return party.id


def _table() -> dict[type[Document], Callable[..., set[str]]]:
    return {
        TrustRoot: lambda document, trust: _officers(document),
        PartyDocument: lambda document, trust: {document.id},
        Dataset: lambda document, trust: {_held(trust, document.owner, Role.DEPARTMENT)},
        OverallAuthorization: _overall_signers,
        Scenario: _scenario_signers,
        Consent: lambda document, trust: {_held(trust, document.service, Role.CONSENT_SERVICE)},
        Model: lambda document, trust: {_held(trust, document.partner, Role.PARTNER)},
        Query: lambda document, trust: {_held(trust, document.partner, Role.PARTNER)},
        VettingReport: lambda document, trust: {_held(trust, document.examiner, Role.EXAMINER)},
        VetMetrics: _metrics_signers,
        VetBands: lambda document, trust: {_held(trust, document.gate, Role.GATE)},
        HeKey: lambda document, trust: {_held(trust, document.gate, Role.GATE)},
        PaillierKey: lambda document, trust: {_held(trust, document.gate, Role.GATE)},
        EncryptedWeights: lambda document, trust: {_held(trust, document.examiner, Role.EXAMINER)},
        Release: lambda document, trust: {_held(trust, document.gate, Role.GATE)},
        TableRelease: lambda document, trust: {_held(trust, document.gate, Role.GATE)},
        OutputReview: _review_signers,
        Job: lambda document, trust: {document.submitter},
        Plan: lambda document, trust: {trust.sole(Role.COORDINATOR).id},
        Survivors: lambda document, trust: {trust.sole(Role.COORDINATOR).id},
        Receipt: _receipt_signers,
        Boot: lambda document, trust: {document.party},
        Suspension: lambda document, trust: {document.by},
        Revocation: lambda document, trust: {document.by},
        PriceFiling: lambda document, trust: _officers(trust),
    }


_SIGNERS: Final = MappingProxyType(_table())
