"""Exact homomorphic sums: residues encrypted for the gate, added there, decrypted once.

Rules:
- One parameter set, `he_parameters.BFV_SUM`: N = 4096, t = 1,032,193, SEAL's default 128-bit coefficient modulus. A context
  with any other parameters is refused by comparing its bytes, before SEAL parses a key of it.
- The public context carries the public key and nothing else: no secret, relinearization or Galois keys. A foreign
  context that carries more is refused.
- A contribution is a sequence of frames of one size, each one ciphertext of 4096 slots, the last padded with zeros: its
  length tells the slot count and nothing about values.
- Foreign bytes are bounded before they are parsed, and whatever TenSEAL raises becomes BfvRefused. SEAL's parser is
  still not trusted with hostile input: callers verify the sender's signature first and run this room in a confined
  child (protocols.md rule 3).
- Only the sum is decrypted, never a single contribution; decryption stays with the secret key's holder, since BFV in
  SEAL is IND-CPA only. Keys serve one job.

Follows protocols.md sections 3.1-3.4 (mode S2). Pair masks modulo t are `secagg.mask_mod`; nothing is multiplied here, so a
foreign ciphertext never meets a feature. What it owes SEAL is its documentation's warning that ciphertexts are
unauthenticated: a mutant may be accepted, and only the signature over it tells.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NewType

import numpy as np
import tenseal as ts
from numpy.typing import NDArray

from enclaves.protocols.errors import BfvRefused
from enclaves.protocols.he_context import ContextPair, Contexts, PublicContext, SecretContext, added
from enclaves.protocols.he_frames import FIELD_1, MAX_CIPHERTEXT_BYTES, MAX_CONTEXT_BYTES, FrameShape
from enclaves.protocols.he_parameters import BFV_SUM

__all__ = [
    "FRAME_BYTES",
    "MAX_CIPHERTEXT_BYTES",
    "MAX_CONTEXT_BYTES",
    "MAX_PARTIES",
    "MODULUS",
    "SLOTS",
    "BfvKeys",
    "Contribution",
    "PublicContext",
    "SecretContext",
    "add_and_decrypt",
    "check_public",
    "encrypt",
    "generate",
    "split",
]

SLOTS: Final = 4096
MODULUS: Final = 1_032_193
# A sum of this many fresh ciphertexts still has noise budget to spare.
MAX_PARTIES: Final = BFV_SUM.max_parties
# A fresh ciphertext has 88,535 bytes with a deviation of 31, so this is 17 deviations above the mean; 21.75 bytes a slot.
FRAME_BYTES: Final = 89_088

BfvKeys = ContextPair
Contribution = NewType("Contribution", bytes)

_CONTEXTS: Final = Contexts(BFV_SUM.parameters, BfvRefused)
# The packed slot count, 4096 as varint 80 20.
_SHAPE: Final = FrameShape(
    slots=SLOTS, head=FIELD_1 + b"\x02\x80\x20", tail=b"", frame_bytes=FRAME_BYTES, refused=BfvRefused
)


def generate() -> BfvKeys:
    """A fresh key pair; randomness comes from SEAL, which seeds itself from the operating system."""
    return _CONTEXTS.generate()


def encrypt(public: bytes, residues: NDArray[np.uint64]) -> Contribution:
    """The framed ciphertexts of `residues`, flat uint64 below t, 21.75 bytes a slot.

    Raises BfvRefused for a context of another shape or residues outside 0..t-1.
    """
    _check_residues(residues)
    context = _CONTEXTS.load_public(public)
    frames = bytearray()
    for start in range(0, len(residues), SLOTS):
        slots = np.zeros(SLOTS, dtype=np.int64)
        part = residues[start : start + SLOTS]
        slots[: len(part)] = part
        frames += _SHAPE.framed(_encrypt_slots(context, slots))
    return Contribution(bytes(frames))


def add_and_decrypt(secret: bytes, contributions: Sequence[bytes], *, count: int) -> NDArray[np.int64]:
    """The centered sums of `count` slots over all `contributions`, shape (count,), within (-t/2, t/2).

    Raises BfvRefused for a contribution that is not exactly ceil(count / 4096) well-formed frames.
    """
    if not 1 <= len(contributions) <= MAX_PARTIES:
        raise BfvRefused(f"expected 1 to {MAX_PARTIES} contributions, got {len(contributions)}")
    for contribution in contributions:
        _SHAPE.check_size(contribution, count=count)
    context = _CONTEXTS.load_secret(secret)
    sums = np.empty(count, dtype=np.int64)
    streams = [split(contribution, count=count) for contribution in contributions]
    for start, ciphertexts in zip(range(0, count, SLOTS), zip(*streams, strict=True), strict=True):
        slots = _decrypt_sum(context, ciphertexts)
        part = sums[start : start + SLOTS]
        part[:] = slots[: len(part)]
    return sums


def split(contribution: bytes, *, count: int) -> Iterator[bytes]:
    """The checked ciphertexts of a contribution of `count` slots, in slot order; nothing is parsed by SEAL yet.

    Raises BfvRefused.
    """
    return _SHAPE.split(contribution, count=count)


def check_public(public: bytes) -> None:
    """Raise BfvRefused unless `public` is a context of the one accepted shape, holding a public key only."""
    _CONTEXTS.load_public(public)


def _encrypt_slots(context: Any, slots: NDArray[np.int64]) -> bytes:
    def encrypt_slots() -> bytes:
        serialized: bytes = ts.bfv_vector(context, slots).serialize()
        return serialized

    return _CONTEXTS.guarded(encrypt_slots)


def _decrypt_sum(context: Any, ciphertexts: Sequence[bytes]) -> NDArray[np.int64]:
    def decrypt() -> list[int]:
        total = added([ts.bfv_vector_from(context, ciphertext) for ciphertext in ciphertexts])
        values: list[int] = total.decrypt()
        return values

    values = np.array(_CONTEXTS.guarded(decrypt), dtype=np.int64)
    if values.shape != (SLOTS,):
        raise BfvRefused(f"expected {SLOTS} decrypted slots, got {values.size}")
    return values


def _check_residues(residues: NDArray[np.uint64]) -> None:
    if residues.dtype != np.uint64 or residues.ndim != 1 or residues.size == 0:
        raise BfvRefused(f"expected a flat uint64 array, got {residues.dtype} of shape {residues.shape}")
    if int(residues.max()) >= MODULUS:
        raise BfvRefused(f"expected residues below {MODULUS}, got a larger one")
