"""The consent service: records who agreed to what, tells the enclaves under seal, hands ids to the recipient.

The coordinator learns a random id, an expiry and a salted commitment; the person stays here and, sealed, with the
enclaves of the scenario (design.md section 5a). A consent is recorded durably before it is sent, and sent to the
enclaves before the coordinator registers it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final, Self

from enclaves.protocols.sealing import seal
from enclaves.transport.channel import now_utc
from enclaves.transport.endpoint import ConsentItem, Endpoint
from enclaves.transport.party import PartyConfig, PartyKeys, sealing_key
from enclaves.transport.sealed_mail import consent_info
from policies.documents.authorization import Scenario
from policies.documents.consent import CONSENT_ID_BYTES, SALT_BYTES, Consent, Grant, pack
from policies.documents.fields import Bilingual
from policies.documents.halts import RevocationTarget
from policies.documents.trust import Role
from policies.resident import ResidentId
from sandbox.client.consent_records import ConsentRecords, Recorded, Unsent
from sandbox.client.errors import InputMalformed
from sandbox.client.member import Member, fresh_id
from sandbox.client.submission import enclaves_of

RECORDS: Final = "consents.db"
BATCH: Final = 200_000
"""Grants of one head: 74 bytes each, sealed below the largest attachment."""
WITHDRAWN: Final = Bilingual(zh="本人撤回同意", en="withdrawn by the person")


@dataclass(frozen=True, slots=True)
class HandedConsent:
    """What the recipient gets for a customer it already knows."""

    person: ResidentId = field(repr=False)
    id: str
    expires_at: int


class ConsentService(Member):
    """A consent service with its durable records."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.CONSENT_SERVICE})

    def __init__(
        self,
        endpoint: Endpoint,
        keys: PartyKeys,
        *,
        records: ConsentRecords,
        clock: Callable[[], datetime] = now_utc,
    ) -> None:
        super().__init__(endpoint, keys, clock=clock)
        self.records = records

    @classmethod
    def open(cls, directory: Path) -> Self:
        config = PartyConfig.load(directory / "client.toml")
        keys = PartyKeys.load(config.keys)
        return cls(config.endpoint(keys), keys, records=ConsentRecords(directory / RECORDS))

    def grant(
        self, scenario: str, recipient: str, persons: Sequence[ResidentId], expires_at: datetime
    ) -> list[str]:
        """Consent ids (32 hex digits) in the order of `persons`; a consent already in force keeps its id.

        Raises InputMalformed for a person named twice, an expiry not in the future, or a scenario that does not rest
        on this service's consents or does not name the recipient.
        """
        approved = self.document(Scenario, scenario)
        if approved.consent.service != self.party or recipient not in approved.recipients:
            raise InputMalformed("expected a scenario that names this service and the recipient, got another")
        if len(set(persons)) != len(persons):
            raise InputMalformed("expected each person once, got one twice")
        now, expiry = int(self.clock().timestamp()), int(expires_at.timestamp())
        if expiry <= now:
            raise InputMalformed("expected an expiry in the future, got another")
        ids = {
            person: recorded.grant.id
            for person, recorded in self.records.active(
                persons, scenario=scenario, recipient=recipient, now=now
            ).items()
        }
        fresh = [_draw(person, expiry) for person in persons if person not in ids]
        for start in range(0, len(fresh), BATCH):
            self._record(approved, recipient, fresh[start : start + BATCH])
        self.resume()
        ids |= {grant.person: grant.id for grant in fresh}
        return [ids[person].hex() for person in persons]

    def withdraw(self, ids: Sequence[str], *, reason: Bilingual = WITHDRAWN) -> int:
        """Withdraw consents by id; returns how many were in force. Enclaves and coordinator are told at once."""
        withdrawn = [recorded for recorded in self.records.get(ids) if not recorded.withdrawn]
        for scenario in dict.fromkeys(recorded.scenario for recorded in withdrawn):
            self._record_withdrawal(scenario, [r for r in withdrawn if r.scenario == scenario], reason)
        self.resume()
        return len(withdrawn)

    def ids_for(self, recipient: str, *, scenario: str | None = None) -> list[HandedConsent]:
        """Consents in force for a recipient, to hand over to it and to nobody else."""
        now = int(self.clock().timestamp())
        return [
            HandedConsent(recorded.grant.person, recorded.id, recorded.grant.expires_at)
            for recorded in self.records.of_recipient(recipient, scenario=scenario)
            if not recorded.withdrawn and recorded.grant.expires_at > now
        ]

    def resume(self) -> None:
        """Send what was recorded and not yet sent; every step may be repeated without harm."""
        for unsent in self.records.unsent_heads():
            self._send_grants(unsent)
            self.records.mark_sent(unsent.digest)
        for unsent in self.records.unsent_withdrawals():
            self._send_withdrawal(unsent)
            self.records.mark_sent(unsent.digest)

    def _record(self, scenario: Scenario, recipient: str, grants: Sequence[Grant]) -> None:
        head = Consent(
            id=fresh_id("consents"),
            service=self.party,
            scenario=scenario.digest,
            recipient=recipient,
            scope=scenario.purpose.code,
            count=len(grants),
            grants=hashlib.sha256(pack(grants)).hexdigest(),
            granted_at=self.now_text(),
        )
        envelope = head.envelope(self.keys.identity)
        self.records.add(envelope, grants, scenario=scenario.digest, recipient=recipient)

    def _send_grants(self, unsent: Unsent) -> None:
        grants = self.records.by_head(unsent.digest)
        packed = pack(grants)
        for enclave in enclaves_of(self, self.document(Scenario, unsent.scenario)):
            public = sealing_key(self.trust.party(enclave), f"enclave `{enclave}`")
            sealed = seal(public, packed, info=consent_info(unsent.digest, enclave))
            attachment = self.endpoint.put_attachment(sealed, audience=(enclave,))
            self.endpoint.send(
                enclave, "consent", {"consent": unsent.envelope.to_json()}, attachments=(attachment,)
            )
        items = [ConsentItem(g.id.hex(), g.expires_at, g.commitment) for g in grants]
        self.endpoint.register_consents(unsent.envelope, items, scenario=unsent.scenario)

    def _record_withdrawal(self, scenario: str, consents: Sequence[Recorded], reason: Bilingual) -> None:
        commitments = {recorded.grant.commitment: recorded.id for recorded in consents}
        for revocation in self.revocations(RevocationTarget.CONSENT, list(commitments), reason):
            ids = [commitments[commitment] for commitment in revocation.digests]
            self.records.withdraw(revocation.envelope(self.keys.identity), ids, scenario=scenario)

    def _send_withdrawal(self, unsent: Unsent) -> None:
        self.endpoint.post_document(unsent.envelope)
        for enclave in enclaves_of(self, self.document(Scenario, unsent.scenario)):
            self.endpoint.send(enclave, "withdrawal", {"revocation": unsent.envelope.to_json()})


def parse_persons(lines: Iterable[str]) -> list[ResidentId]:
    """Resident numbers, one a line, blank lines skipped; raises `ResidentIdInvalid`."""
    return [ResidentId.parse(line) for line in lines if line.strip()]


def _draw(person: ResidentId, expires_at: int) -> Grant:
    return Grant(secrets.token_bytes(CONSENT_ID_BYTES), person, expires_at, secrets.token_bytes(SALT_BYTES))
