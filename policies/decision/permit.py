"""The Permit: proof that a decision allowed something. Only this module can make one.

A permit is bound to the digest of the job, to one run, one action, one list of columns, to the policies and to the facts it
was decided on. It is not sent anywhere: an enclave turns it into its worker's order and puts its digest into the signed
contribution, so that the decision can be replayed (docs/protocol.md).

INVARIANT: `Permit` is constructed in `grant` and nowhere else; copying, replacing fields of and pickling one fail.
"""

from __future__ import annotations

from dataclasses import InitVar, dataclass
from typing import Final, NoReturn

from policies.decision.actions import Action
from policies.decision.case import Case
from policies.decision.decide import Decision, Denial, decide
from policies.decision.engine import Library
from policies.decision.facts import facts_of
from policies.documents import strict_json
from policies.documents.authorization import ListedColumn
from policies.documents.envelope import Envelope
from policies.documents.job import Plan
from policies.documents.strict_json import Json
from policies.errors import PolicyError

PERMIT_LABEL: Final = "domicile-permit/1"
NO_SCENARIO: Final = "-"
_MINT: Final = object()


class Refused(PolicyError):
    """A decision that was a denial; `denials` says why, in rule-book order."""

    code = "refused"

    def __init__(self, decision: Decision) -> None:
        self.decision: Final = decision
        self.denials: Final[tuple[Denial, ...]] = decision.denials
        super().__init__(f"expected a permitted {decision.action}, got {', '.join(decision.codes)}")


class PermitForged(PolicyError):
    """An attempt to make a permit without a decision."""

    code = "permit_forged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """One permitted action. Obtain one from `grant`."""

    action: Action
    principal: str
    scenario: str
    authorization: str | None
    job: str | None
    """Digest of the job; None for a delivery, which may span the releases of several jobs."""
    run: str | None
    """The plan's `sid` in hex where there is a plan."""
    columns: tuple[ListedColumn, ...]
    """What may be read, in an enclave; empty elsewhere, where nothing is read."""
    policies: str
    context: str
    determining: tuple[str, ...]
    mint: InitVar[object]

    def __post_init__(self, mint: object) -> None:
        if mint is not _MINT:
            raise PermitForged("expected a permit made by a decision, got one made by hand")

    def __reduce__(self) -> NoReturn:
        raise PermitForged("expected a permit to stay where it was granted, got an attempt to copy it")

    def to_body(self) -> dict[str, Json]:
        """The permit as canonical JSON takes it."""
        return {
            "label": PERMIT_LABEL,
            "action": str(self.action),
            "principal": self.principal,
            "scenario": self.scenario,
            "authorization": self.authorization,
            "job": self.job,
            "run": self.run,
            "columns": [column.model_dump(mode="json") for column in self.columns],
            "policies": self.policies,
            "context": self.context,
            "determining": list(self.determining),
        }

    @property
    def digest(self) -> str:
        """SHA-256 over the canonical permit, 64 hex digits."""
        return strict_json.digest(self.to_body())


def decide_case(action: Action, case: Case, *, library: Library | None = None) -> Decision:
    """The decision on `action` from the documents and counts of `case`."""
    scenario = NO_SCENARIO if case.scenario is None else case.scenario.digest
    return decide(action, case.actor, scenario=scenario, facts=facts_of(case), library=library)


def grant(action: Action, case: Case, *, library: Library | None = None) -> Permit:
    """A permit for `action`; raises `Refused` with every reason when the decision is a denial."""
    decision = decide_case(action, case, library=library)
    if not decision.allowed:
        raise Refused(decision)
    return Permit(
        action=action,
        principal=decision.principal,
        scenario=decision.scenario,
        authorization=_digest(case.authorization),
        job=_digest(case.job),
        run=None if case.plan is None else Plan.read(case.plan).sid.hex(),
        columns=case.columns or (),
        policies=decision.policies,
        context=decision.context,
        determining=decision.determining,
        mint=_MINT,
    )


def _digest(envelope: Envelope | None) -> str | None:
    return None if envelope is None else envelope.digest
