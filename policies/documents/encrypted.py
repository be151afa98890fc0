"""Weights that departments never see (mode `paillier`): the gate's key for one model, the examiner's ciphertexts for each part.

- The **paillier-key** is the gate's for one (scenario, model): modulus and, as an attachment, the proof that it is a
  Paillier-Blum modulus. Its secret half stays at the gate, durably.
- The **encrypted-weights** are the examiner's for one department: what the department must know of each feature, the bounds
  that capacity is checked against, and by digest the ciphertexts. The binding in every ciphertext's digest covers all of it.
- Authorization, job and plan cite both as one `Encryption`, so that everybody signs exactly these.

Follows protocols.md sections 3.4 (S3) and 4. The arithmetic is `policies.fixed_point`; cryptography is left to
`enclaves.protocols.paillier`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from policies.documents import strict_json
from policies.documents.document import Document
from policies.documents.fields import Base64Text, Id, Instant, Party, Record, Sha256
from policies.documents.model import LatestRow, ShownFeature

MAX_SPAN: Final = 2**16
Steps = Annotated[int, Field(ge=-(2**50), lt=2**50)]
_NOT_BOUND: Final = frozenset({"ciphertexts", "entries"})


class WeightsCitation(Record):
    """One department's `encrypted-weights` by digest."""

    department: Party
    digest: Sha256


class Encryption(Record):
    """What a job in mode paillier computes with: the `paillier-key`, and the weights of each department, sorted."""

    key: Sha256
    weights: Annotated[tuple[WeightsCitation, ...], Field(min_length=1, max_length=50)]

    @model_validator(mode="after")
    def _sorted(self) -> Self:
        if list(self.departments) != sorted(set(self.departments)):
            raise ValueError("expected the weights sorted by department, each once")
        return self

    @property
    def departments(self) -> tuple[str, ...]:
        return tuple(cited.department for cited in self.weights)

    def of(self, department: str) -> str | None:
        """Digest of a department's weights; None where there are none."""
        return next((cited.digest for cited in self.weights if cited.department == department), None)


class PaillierKey(Document):
    """The gate's public key for one model under one scenario; signed by the gate."""

    kind: ClassVar[str] = "paillier-key"

    gate: Party
    scenario: Sha256
    model: Sha256
    modulus: Annotated[Base64Text, Field(min_length=4, max_length=4096)]
    """Base64 of n, big-endian."""
    proof: Sha256
    """The Paillier-Blum modulus proof, an attachment."""
    made_at: Instant


class SteppedFeature(ShownFeature):
    """A feature as an integer number of steps: rint(value * 2^shift), from `first` to `last`."""

    shift: Annotated[int, Field(ge=-64, le=64)]
    first: Steps
    last: Steps

    @model_validator(mode="after")
    def _spanning(self) -> Self:
        if not 0 < self.last - self.first <= MAX_SPAN:
            raise ValueError(f"expected 1 to {MAX_SPAN} steps")
        return self


class EncryptedWeights(Document):
    """One department's weights under the gate's key; signed by the examiner, who encrypted what it has vetted."""

    kind: ClassVar[str] = "encrypted-weights"

    form: Literal["linear"] = "linear"
    examiner: Party
    partner: Party
    """Whose model it is."""
    scenario: Sha256
    model: Sha256
    key: Sha256
    """Digest of the `paillier-key`."""
    department: Party
    dataset: Id
    part: Sha256
    """Digest of the part that was encrypted, as the model's head names it."""
    row: LatestRow | None = None
    features: Annotated[tuple[SteppedFeature, ...], Field(min_length=1, max_length=200)]
    """In the part's order."""
    weight_bound: Annotated[int, Field(ge=1)]
    """No encrypted weight is larger in magnitude; follows from the head's ends, so it says nothing of the weights."""
    intercept_bound: Annotated[int, Field(ge=0)]
    ciphertexts: Sha256
    """The ciphertexts with their base, an attachment."""
    entries: Sha256
    """Digest over every ciphertext in its place, key and binding: what a department holds a part against."""

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(feature.column for feature in self.features))

    @property
    def binding(self) -> bytes:
        """32 bytes: SHA-256 of everything here but the ciphertexts, which are bound to it."""
        body = {name: value for name, value in self.to_body().items() if name not in _NOT_BOUND}
        return bytes.fromhex(strict_json.digest(body))
