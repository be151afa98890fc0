"""What a decision is made from: the documents as envelopes, what the log says, and what the asking process counted.

A case holds no verdicts. Everything in it is either signed by somebody (and verified again in `facts`) or measured by the
process that asks. What is not known stays None and denies.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from policies.documents.authorization import ListedColumn
from policies.documents.envelope import Envelope
from policies.documents.trust import TrustRoot
from policies.halts import Halts


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question's evidence. `now` is aware; counts are not negative; ages are seconds."""

    trust: TrustRoot
    """The pinned trust root, already checked."""
    now: datetime
    actor: str
    """Party that asks: a job's submitter, or the recipient that fetches."""
    halts: Halts
    """This party's own replay of the log; required, so that silence never means "nothing was stopped"."""
    department: str | None = None
    """In an enclave: whose; its own data set citations are compared. None elsewhere."""

    job: Envelope | None = None
    plan: Envelope | None = None
    scenario: Envelope | None = None
    authorization: Envelope | None = None
    overall: Envelope | None = None
    model: Envelope | None = None
    report: Envelope | None = None
    price: Envelope | None = None
    query: Envelope | None = None
    key: Envelope | None = None
    """In mode paillier the `paillier-key` that the job cites."""
    weights: tuple[Envelope, ...] = ()
    """In mode paillier the `encrypted-weights` that the job cites, of every department."""
    datasets: tuple[Envelope, ...] = ()
    """In an enclave: the data set documents of what it holds now."""
    listed: tuple[Envelope, ...] = ()
    """For an aggregate: the data set documents its scenario cites; the statement is read against these, by everybody alike."""
    releases: tuple[Envelope, ...] = ()
    """For a delivery: the releases that the fetched slots or tables belong to."""

    columns: tuple[ListedColumn, ...] | None = None
    """In an enclave: every column the job would read here and what for (`facts.columns_of`)."""
    intent_included: bool | None = None
    """Whether the job's intent entry was proven to stand in the quorum-cosigned checkpoint."""
    checkpoint_size: int | None = None
    """Size of that checkpoint."""
    checkpoint_age_s: int | None = None
    """Seconds since the oldest cosignature that makes the quorum; None without a quorum."""
    runs_used: int | None = None
    """Earlier jobs of this kind under the authorization (score) or scenario (vet), this one not counted."""
    slots_accepted: int | None = None
    """Slots whose consent stands: own bitmap, effective slots at the gate, consents of a fetch."""
    fetches_used: int | None = None
    """Scores delivered before under the authorization."""
    unit_price: Decimal | None = None
    """What a unit would be charged, in yuan; the filed price unless given."""
