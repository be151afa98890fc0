"""A job, its plan, and what comes of it: release and receipt.

- The **job** is signed by the partner or recipient that submits it. Its subjects are an attachment: slot k is the k-th
  consent id (16 bytes each); count and digest stand here.
- The **plan** is the coordinator's signed proposal of one attempt; its digest under a label is the run id `sid` that every
  key, mask and signature of the attempt contains.
- The **release** is the gate's signed statement of what it sealed; the **receipt** the operator's of what was delivered.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, ClassVar, Final, Self

from pydantic import Field, model_validator

from policies.documents import strict_json
from policies.documents.authorization import JobKind, Mode, RosterMember, check_roster
from policies.documents.document import Document
from policies.documents.fields import Base64Text, DecimalText, Id, Instant, Party, Record, Sha256, ShortText

MAX_SUBJECTS: Final = 1_000_000_000
SECAGG_LABEL: Final = b"domicile-secagg/1"


class Subjects(Record):
    """The ordered list of consent ids: how many and their SHA-256."""

    count: Annotated[int, Field(ge=1, le=MAX_SUBJECTS)]
    sha256: Sha256


class Job(Document):
    """A request to run; signed by its submitter."""

    kind: ClassVar[str] = "job"

    job_kind: Annotated[str, Field(pattern=r"^[a-z][a-z-]{0,31}$")]
    """A plain word, so that an unknown kind reaches the decision point and is refused there with a reason."""
    sql: Annotated[str, Field(max_length=8192)] | None = None
    """Not offered yet: a job that carries query text is refused as raw export."""
    submitter: Party
    purpose: Id
    scenario: Sha256
    authorization: Sha256 | None
    """None for a vet job, which runs under the scenario alone."""
    model: Sha256
    mode: Mode
    subjects: Subjects
    recipient: Party
    """For a vet job the examiner; otherwise a recipient named in the authorization."""
    submitted_at: Instant
    expires_at: Instant


class HeKey(Document):
    """The gate's public key context for one attempt of one `bfv` job; signed by the gate."""

    kind: ClassVar[str] = "he-key"

    gate: Party
    job: Sha256
    attempt: Annotated[int, Field(ge=1)]
    context: Sha256


class Plan(Document):
    """One attempt of one job, to be run by exactly this roster; signed by the coordinator."""

    kind: ClassVar[str] = "plan"

    job: Sha256
    attempt: Annotated[int, Field(ge=1, le=16)]
    job_kind: JobKind
    scenario: Sha256
    authorization: Sha256 | None
    model: Sha256
    mode: Mode
    roster: Annotated[tuple[RosterMember, ...], Field(min_length=1, max_length=50)]
    gate: Party
    gate_keyid: Sha256
    recipient: Party
    recipient_sealing_key: Sha256
    subjects: Subjects
    he_key: Sha256 | None
    """Digest of the `he-key` document for `bfv`, else None."""
    intent: Annotated[int, Field(ge=1)]
    """Log index of the job's intent entry."""
    expires_at: Instant

    @model_validator(mode="after")
    def _whole(self) -> Self:
        check_roster(self.roster)
        if (self.mode is Mode.BFV) != (self.he_key is not None):
            raise ValueError("expected he_key exactly in mode bfv")
        if (self.job_kind is JobKind.VET) != (self.authorization is None):
            raise ValueError("expected an authorization exactly for what is not a vet job")
        return self

    @property
    def sid(self) -> bytes:
        """Run id, 32 bytes: SHA-256("domicile-secagg/1" ‖ 0x00 ‖ JCS(plan)) (protocols.md §2.3)."""
        return hashlib.sha256(SECAGG_LABEL + b"\0" + strict_json.canonical(self.to_body())).digest()


class Sealed(Record):
    """The sealed slots: how many, the content-key wrap, the Merkle root over them in slot order."""

    count: Annotated[int, Field(ge=0, le=MAX_SUBJECTS)]
    wrap: Annotated[Base64Text, Field(max_length=4096)]
    """Base64 of the HPKE-sealed content key."""
    root: Sha256
    slots: Sha256
    """SHA-256 of the attachment: accept bitmap, then the sealed slots."""
    expires_at: Instant


class Release(Document):
    """What left through the gate in one run; signed by the gate."""

    kind: ClassVar[str] = "release"

    gate: Party
    run: Sha256
    job: Sha256
    authorization: Sha256
    model: Sha256
    recipient: Party
    recipient_sealing_key: Sha256
    bands: Annotated[int, Field(ge=2, le=20)]
    sealed: Sealed
    issued_at: Instant


class Delivery(Record):
    """One delivered score in a receipt: its slot in its release."""

    release: Sha256
    slot: Annotated[int, Field(ge=0)]


class Receipt(Document):
    """Proof of one delivery, for either side; signed by the coordinator for the operator (RQ-317)."""

    kind: ClassVar[str] = "receipt"

    operator: Party
    recipient: Party
    authorization: Sha256
    deliveries: Sha256
    """Digest of the ordered list of (release, slot) delivered."""
    units: Annotated[int, Field(ge=1)]
    unit_price: DecimalText
    currency: ShortText
    delivered_at: Instant
