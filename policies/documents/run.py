"""What enclaves say to each other and to the gate within one run; signed by boot keys, relayed unchanged.

A **boot** certificate binds a process's boot key to its party's identity key. In a run each enclave signs a **bundle**
(its ephemeral key and accept bitmap), then a **transcript** (that it saw exactly these bundles), then a
**contribution** (its masked or encrypted vector). protocols.md §2.3 names these R1, T1 and R3. In a run that recovers
(`Plan.recovers`) each also carries what the protocol's own statements need; what follows there is in `survivors`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Annotated, ClassVar, Final, Self

from pydantic import Field, model_validator

from policies.documents.document import Document
from policies.documents.fields import (
    Base64Key,
    Base64Signature,
    Base64Text,
    Instant,
    Party,
    PublicKey,
    Record,
    Sha256,
)

CHUNK_SLOTS: Final = 1_000_000
"""Slots per masked vector; the mask counter continues over chunks."""
MAX_CHUNKS: Final = 1000


class Boot(Document):
    """A boot key; signed by the identity key of `party`."""

    kind: ClassVar[str] = "boot"

    party: Party
    key: PublicKey
    started_at: Instant


class RecoveryKeys(Record):
    """R1 of a run that recovers: the key that shares are sealed to, the commitment to the self mask, the room's signature."""

    share_key: Base64Key
    self_commitment: Sha256
    signature: Base64Signature
    """Over the protocol's statement of these and the bundle's ephemeral key, by the same boot key."""


class SealedShare(Record):
    """The shares dealt to `enclave`, sealed to its share key."""

    enclave: Party
    sealed: Annotated[Base64Text, Field(max_length=400)]


class Dealt(Record):
    """R2 of a run that recovers: the signature over the protocol's T1, and shares for every other enclave, by their ids."""

    transcript: Sha256
    signature: Base64Signature
    shares: Annotated[tuple[SealedShare, ...], Field(min_length=3, max_length=49)]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        names = [share.enclave for share in self.shares]
        if names != sorted(set(names)):
            raise ValueError("expected shares sorted by enclave, each once")
        return self


class Bundle(Document):
    """R1: an enclave's ephemeral X25519 key and which slots it accepts; signed by its boot key."""

    kind: ClassVar[str] = "bundle"

    run: Sha256
    department: Party
    enclave: Party
    boot: Sha256
    ephemeral_key: Base64Key
    accepts: Sha256
    """SHA-256 of the accept bitmap: one bit per slot, most significant bit first, last byte zero-padded."""
    recovery: RecoveryKeys | None = None
    """Exactly in a run that recovers; the ephemeral key is then the one that pair masks come from."""


class Transcript(Document):
    """T1: the enclave saw exactly these bundles; signed by its boot key."""

    kind: ClassVar[str] = "transcript"

    run: Sha256
    enclave: Party
    transcript: Sha256
    recovery: Dealt | None = None
    """Exactly in a run that recovers."""


class Contribution(Document):
    """R3: the enclave's vector for the gate; signed by its boot key."""

    kind: ClassVar[str] = "contribution"

    run: Sha256
    department: Party
    enclave: Party
    transcript: Sha256
    permit: Sha256
    """Digest of the enclave's permit, so that the decision can be replayed."""
    vectors: Annotated[tuple[Sha256, ...], Field(min_length=1, max_length=MAX_CHUNKS)]
    """One attachment per chunk: little-endian u64 words of `CHUNK_SLOTS` slots (masked), or ciphertexts (bfv, paillier), whose
    chunks are smaller (docs/protocol.md §4)."""
    receiver_key: Annotated[Base64Text, Field(max_length=4096)] | None
    """Base64 of the receiver-mask key sealed to the gate; None in modes bfv and paillier."""
    cells: Sha256 | None = None
    """Aggregate of one domain without a dictionary: the cells' keys, sealed to the gate, as an attachment."""
    commitment: Sha256
    """SHA-256 commitment to the encoded input, opened only on dispute."""
    recovery: Base64Signature | None = None
    """In a run that recovers, the signature over the protocol's statement of vector, receiver key and commitment."""


def transcript_digest(run: str, bundles: Iterable[str]) -> str:
    """T1 over the digests of all bundles of `run`, in any order."""
    label = b"domicile-transcript/1\0"
    return hashlib.sha256(
        label + bytes.fromhex(run) + b"".join(sorted(map(bytes.fromhex, bundles)))
    ).hexdigest()
