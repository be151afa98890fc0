"""A job, its plan, and what comes of it: release and receipt.

- The **job** is signed by the partner or recipient that submits it. A score or vet job cites a model and its subjects, an
  attachment: slot k is the k-th consent id (16 bytes each); count and digest stand here. An aggregate job cites a query.
- The **plan** is the coordinator's signed proposal of one attempt; its digest under a label is the run id `sid` that every
  key, mask and signature of the attempt contains.
- The **release** is the gate's signed statement of the scores it sealed, the **table-release** of the table it sealed; the
  **receipt** the operator's of what was delivered.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Self

from pydantic import Field, model_validator

from policies.documents import strict_json
from policies.documents.authorization import ASKING, JobKind, Mode, RosterMember, check_roster
from policies.documents.document import Document
from policies.documents.encrypted import Encryption
from policies.documents.fields import Base64Text, DecimalText, Id, Instant, Party, Record, Sha256, ShortText
from policies.documents.query import ParameterValue
from policies.errors import PolicyError
from policies.recovery import MIN_PARTIES, threshold

MAX_SUBJECTS: Final = 1_000_000_000
MAX_LANES: Final = 100_000
MAX_ENCRYPTED_SUBJECTS: Final = 100_000
"""Subjects of one job in mode paillier, which takes milliseconds a person (protocols.md §3.4)."""
SECAGG_LABEL: Final = b"domicile-secagg/1"
RECOVERING: Final = frozenset({JobKind.SCORE, JobKind.VET, JobKind.AGGREGATE})
"""Kinds of jobs whose masked sums survive the silence of some parties after their shares."""


class Subjects(Record):
    """The ordered list of consent ids: how many and their SHA-256."""

    count: Annotated[int, Field(ge=1, le=MAX_SUBJECTS)]
    sha256: Sha256


class WorkMismatch(PolicyError):
    """A job that works on something else than is asked for: subjects of an aggregate, a query of a score job."""

    code = "job_kind_mismatch"


class Work:
    """What a job or plan cites to work on; mixed into both, since a plan repeats its job."""

    if TYPE_CHECKING:  # pydantic takes fields from plain bases too
        model: str | None
        query: str | None
        subjects: Subjects | None

    @property
    def scored_model(self) -> str:
        """The digest of the model. Raises WorkMismatch in an aggregate."""
        if self.model is None:
            raise WorkMismatch("expected a job with a model, got an aggregate")
        return self.model

    @property
    def listed_subjects(self) -> Subjects:
        """The subjects. Raises WorkMismatch in an aggregate, which names nobody."""
        if self.subjects is None:
            raise WorkMismatch("expected a job with subjects, got an aggregate")
        return self.subjects

    @property
    def cited_work(self) -> dict[str, str]:
        """The model or the query by name, as the intent entry states it."""
        return {"model": self.model} if self.model is not None else {"query": self.query or ""}


class Job(Work, Document):
    """A request to run; signed by its submitter."""

    kind: ClassVar[str] = "job"

    job_kind: Annotated[str, Field(pattern=r"^[a-z][a-z-]{0,31}$")]
    """A plain word, so that an unknown kind reaches the decision point and is refused there with a reason."""
    sql: Annotated[str, Field(max_length=8192)] | None = None
    """Refused as raw export: query text travels in a signed `query` document, where everybody who must can read it."""
    submitter: Party
    purpose: Id
    scenario: Sha256
    authorization: Sha256 | None
    """None for a vet job, which runs under the scenario alone."""
    model: Sha256 | None
    """Exactly for what reads features: score and vet."""
    query: Sha256 | None = None
    """Exactly for a job that asks a question: the digest of the signed question document."""
    parameters: Annotated[tuple[ParameterValue, ...], Field(max_length=16)] = ()
    """Values for the query's declared parameters, sorted by name."""
    mode: Mode
    encryption: Encryption | None = None
    """The gate's key and the encrypted weights, exactly in mode paillier; of a score job those of its authorization."""
    subjects: Subjects | None
    """None for a job that asks a question, which names nobody."""
    recipient: Party
    """For a vet job the examiner; otherwise a recipient named in the authorization."""
    submitted_at: Instant
    expires_at: Instant

    @model_validator(mode="after")
    def _whole(self) -> Self:
        _check_work(self.job_kind, model=self.model, query=self.query, subjects=self.subjects)
        _check_encryption(self.mode, self.encryption, self.subjects)
        names = [value.name for value in self.parameters]
        if names != sorted(set(names)):
            raise ValueError("expected the parameters sorted by name, each once")
        return self


def _check_work(kind: str, *, model: str | None, query: str | None, subjects: Subjects | None) -> None:
    """Raise ValueError unless a job or plan cites what its kind works on, and nothing else."""
    if kind in ASKING:
        if query is None or model is not None or subjects is not None:
            raise ValueError("expected a query, no model and no subjects in a job that asks a question")
    elif query is not None or model is None or subjects is None:
        raise ValueError("expected a model and subjects, and no query, in a job that asks no question")


def _check_encryption(mode: Mode, encryption: Encryption | None, subjects: Subjects | None) -> None:
    """Raise ValueError unless a job or plan cites key and weights exactly in mode paillier, for not too many people."""
    if (mode is Mode.PAILLIER) != (encryption is not None):
        raise ValueError("expected key and encrypted weights exactly in mode paillier")
    if encryption is not None and (subjects is None or subjects.count > MAX_ENCRYPTED_SUBJECTS):
        raise ValueError(f"expected 1 to {MAX_ENCRYPTED_SUBJECTS} subjects in mode paillier")


class HeKey(Document):
    """The gate's public key context for one attempt of one `bfv` job; signed by the gate."""

    kind: ClassVar[str] = "he-key"

    gate: Party
    job: Sha256
    attempt: Annotated[int, Field(ge=1)]
    context: Sha256


class Plan(Work, Document):
    """One attempt of one job, to be run by exactly this roster; signed by the coordinator."""

    kind: ClassVar[str] = "plan"

    job: Sha256
    attempt: Annotated[int, Field(ge=1, le=16)]
    job_kind: JobKind
    scenario: Sha256
    authorization: Sha256 | None
    model: Sha256 | None
    query: Sha256 | None = None
    mode: Mode
    encryption: Encryption | None = None
    """As the job's."""
    roster: Annotated[tuple[RosterMember, ...], Field(min_length=1, max_length=50)]
    gate: Party
    gate_keyid: Sha256
    recipient: Party
    recipient_sealing_key: Sha256
    subjects: Subjects | None
    lanes: Annotated[int, Field(ge=1, le=MAX_LANES)] | None = None
    """Numbers in an aggregate's vector, as its query lays them out; None for slots of subjects."""
    he_key: Sha256 | None
    """Digest of the `he-key` document for `bfv`, else None."""
    intent: Annotated[int, Field(ge=1)]
    """Log index of the job's intent entry."""
    expires_at: Instant

    @model_validator(mode="after")
    def _whole(self) -> Self:
        check_roster(self.roster)
        _check_work(self.job_kind, model=self.model, query=self.query, subjects=self.subjects)
        _check_encryption(self.mode, self.encryption, self.subjects)
        if (self.job_kind in ASKING) != (self.lanes is not None):
            raise ValueError("expected lanes exactly in a job that asks a question")
        if self.lanes is not None and self.mode is not Mode.MASKED:
            raise ValueError("expected a job that asks a question in mode masked")
        if (self.mode is Mode.BFV) != (self.he_key is not None):
            raise ValueError("expected he_key exactly in mode bfv")
        if (self.job_kind is JobKind.VET) != (self.authorization is None):
            raise ValueError("expected an authorization exactly for what is not a vet job")
        return self

    @property
    def slots(self) -> int:
        """Numbers in each party's vector: one a subject, or an aggregate's lanes."""
        return self.subjects.count if self.subjects is not None else self.lanes or 0

    @property
    def accepting(self) -> int:
        """Bits of the accept bitmap: one a subject; a single one, "takes part", for an aggregate."""
        return 1 if self.subjects is None else self.subjects.count

    @property
    def recovers(self) -> bool:
        """Whether the masked sum opens with the help of t parties alone (protocols.md §2.3): it follows from the plan."""
        return self.mode is Mode.MASKED and self.job_kind in RECOVERING and len(self.roster) >= MIN_PARTIES

    @property
    def threshold(self) -> int:
        """How many parties must agree and help in a run that recovers."""
        return threshold(len(self.roster))

    @property
    def needed(self) -> int:
        """How many parties must contribute: all, or t of an aggregate that recovers; of a person no part may lack."""
        if self.recovers and self.job_kind is JobKind.AGGREGATE:
            return self.threshold
        return len(self.roster)

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


class ReviewCopy(Record):
    """The same table sealed to a reviewer."""

    reviewer: Party
    sha256: Sha256


class SealedTable(Record):
    """The sealed table and its disclosure report: one HPKE message, its SHA-256 and size."""

    sha256: Sha256
    size: Annotated[int, Field(ge=1, le=16 << 20)]
    expires_at: Instant


class TableRelease(Document):
    """The table that left through the gate in one aggregate run; signed by the gate."""

    kind: ClassVar[str] = "table-release"

    gate: Party
    run: Sha256
    job: Sha256
    authorization: Sha256
    query: Sha256
    recipient: Party
    recipient_sealing_key: Sha256
    cells: Annotated[int, Field(ge=0, le=500)]
    """Cells of the table, withheld ones included where the group dictionary is public."""
    report: Sha256
    """Digest of the disclosure report, which is sealed with the table."""
    sealed: SealedTable
    review: bool
    """Whether two reviewers of two organizations must approve before the table is handed over (L8)."""
    reviewers: Annotated[tuple[ReviewCopy, ...], Field(max_length=8)]
    issued_at: Instant

    @model_validator(mode="after")
    def _whole(self) -> Self:
        names = [copy.reviewer for copy in self.reviewers]
        if names != sorted(set(names)) or (self.review != bool(self.reviewers)):
            raise ValueError("expected reviewers sorted, each once, exactly where a review is asked for")
        return self


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
