"""Exact homomorphic sums: residues encrypted for the gate, added there, decrypted once. The only room of TenSEAL.

Rules:
- One parameter set: BFV, N = 4096, t = 1,032,193, SEAL's default 128-bit coefficient modulus. A context with any
  other parameters is refused by comparing its bytes, before SEAL parses a key of it.
- The public context carries the public key and nothing else: no secret, relinearization or Galois keys. A foreign
  context that carries more is refused.
- A contribution is a sequence of frames, each `u32 length || ciphertext` of 4096 slots, the last padded with zeros.
  Every ciphertext has the same outer shape, so size tells the slot count and nothing about values.
- Foreign bytes are bounded before they are parsed (context 1 MB, ciphertext 512 kB), and whatever TenSEAL raises
  becomes BfvRefused. SEAL's parser is still not trusted with hostile input: callers verify the sender's signature
  first and run this room in a confined child (protocols.md rule 3).
- Only the sum is decrypted, never a single contribution; decryption stays with the secret key's holder, since BFV in
  SEAL is IND-CPA only. Keys serve one job.

Follows protocols.md sections 3.1-3.4 (mode S2). Pair masks modulo t are `secagg.mask_mod`; nothing is multiplied here.
"""

import functools
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NewType, TypeVar

import numpy as np
from numpy.typing import NDArray

from enclaves.protocols.errors import BfvRefused

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import tenseal as ts

SLOTS: Final = 4096
MODULUS: Final = 1_032_193
MAX_CONTEXT_BYTES: Final = 1_000_000
MAX_CIPHERTEXT_BYTES: Final = 512_000
# BFV default coefficient modulus at N = 4096: a sum of this many fresh ciphertexts still has noise budget to spare.
MAX_PARTIES: Final = 64

_LENGTH_BYTES: Final = 4
# Protobuf of TenSEAL: field 1 holds the parameters, field 2 the public part of a context; in a vector, field 1 holds
# the packed slot count (4096 as varint 80 20) and field 2 the SEAL ciphertext.
_FIELD_1: Final = b"\x0a"
_FIELD_2: Final = b"\x12"
_VECTOR_SHAPE: Final = _FIELD_1 + b"\x02\x80\x20"
# SEAL header: magic a15e, header size 16, then version 4.3.
_SEAL_HEADER: Final = b"\x5e\xa1\x10\x04\x03"
_SEAL_HEADER_BYTES: Final = 16

PublicContext = NewType("PublicContext", bytes)
SecretContext = NewType("SecretContext", bytes)
Contribution = NewType("Contribution", bytes)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class BfvKeys:
    """The gate's key pair for one job, serialized. `secret` never leaves the gate's process."""

    secret: SecretContext = field(repr=False)
    public: PublicContext


def generate() -> BfvKeys:
    """A fresh key pair; randomness comes from SEAL, which seeds itself from the operating system."""
    context = _new_context()
    return BfvKeys(
        secret=SecretContext(_serialize(context, secret=True)),
        public=PublicContext(_serialize(context, secret=False)),
    )


def encrypt(public: bytes, residues: NDArray[np.uint64]) -> Contribution:
    """The framed ciphertexts of `residues`, flat uint64 below t, about 21.6 bytes a slot.

    Raises BfvRefused for a context of another shape or residues outside 0..t-1.
    """
    _check_residues(residues)
    context = _load(public, secret=False)
    frames = bytearray()
    for start in range(0, len(residues), SLOTS):
        slots = np.zeros(SLOTS, dtype=np.int64)
        part = residues[start : start + SLOTS]
        slots[: len(part)] = part
        ciphertext = _encrypt_slots(context, slots)
        frames += len(ciphertext).to_bytes(_LENGTH_BYTES, "little")
        frames += ciphertext
    return Contribution(bytes(frames))


def add_and_decrypt(secret: bytes, contributions: Sequence[bytes], *, count: int) -> NDArray[np.int64]:
    """The centered sums of `count` slots over all `contributions`, shape (count,), within (-t/2, t/2).

    Raises BfvRefused for a contribution that is not exactly ceil(count / 4096) well-formed frames.
    """
    if not 1 <= len(contributions) <= MAX_PARTIES:
        raise BfvRefused(f"expected 1 to {MAX_PARTIES} contributions, got {len(contributions)}")
    context = _load(secret, secret=True)
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
    position = 0
    for _ in range(-(-count // SLOTS)):
        body = position + _LENGTH_BYTES
        length = int.from_bytes(contribution[position:body], "little")
        if len(contribution) < body + length or length == 0:
            raise BfvRefused("expected another whole frame, got the end of the contribution")
        ciphertext = bytes(contribution[body : body + length])
        _check_ciphertext(ciphertext)
        yield ciphertext
        position = body + length
    if position != len(contribution):
        raise BfvRefused(f"expected {position} bytes for {count} slots, got {len(contribution)}")


def check_public(public: bytes) -> None:
    """Raise BfvRefused unless `public` is a context of the one accepted shape, holding a public key only."""
    _load(public, secret=False)


def _encrypt_slots(context: Any, slots: NDArray[np.int64]) -> bytes:
    def encrypt_slots() -> bytes:
        serialized: bytes = ts.bfv_vector(context, slots).serialize()
        return serialized

    ciphertext = _guarded(encrypt_slots)
    _check_ciphertext(ciphertext)
    return ciphertext


def _decrypt_sum(context: Any, ciphertexts: Sequence[bytes]) -> NDArray[np.int64]:
    def decrypt() -> list[int]:
        vectors = [ts.bfv_vector_from(context, ciphertext) for ciphertext in ciphertexts]
        total = vectors[0]
        for vector in vectors[1:]:
            total.add_(vector)
        values: list[int] = total.decrypt()
        return values

    values = np.array(_guarded(decrypt), dtype=np.int64)
    if values.shape != (SLOTS,):
        raise BfvRefused(f"expected {SLOTS} decrypted slots, got {values.size}")
    return values


def _check_residues(residues: NDArray[np.uint64]) -> None:
    if residues.dtype != np.uint64 or residues.ndim != 1 or residues.size == 0:
        raise BfvRefused(f"expected a flat uint64 array, got {residues.dtype} of shape {residues.shape}")
    if int(residues.max()) >= MODULUS:
        raise BfvRefused(f"expected residues below {MODULUS}, got a larger one")


def _check_ciphertext(ciphertext: bytes) -> None:
    """One vector of 4096 slots whose SEAL body fills the rest exactly, by its own header."""
    if len(ciphertext) > MAX_CIPHERTEXT_BYTES:
        raise BfvRefused(f"expected at most {MAX_CIPHERTEXT_BYTES} bytes a ciphertext, got {len(ciphertext)}")
    shape = len(_VECTOR_SHAPE)
    if ciphertext[:shape] != _VECTOR_SHAPE or ciphertext[shape : shape + 1] != _FIELD_2:
        raise BfvRefused(f"expected a vector of {SLOTS} slots, got another shape")
    length, body = _varint(ciphertext, shape + 1)
    if body + length != len(ciphertext):
        raise BfvRefused(f"expected {body + length} bytes of ciphertext, got {len(ciphertext)}")
    _check_seal_header(ciphertext[body:])


def _check_seal_header(sealed: bytes) -> None:
    """SEAL's header must carry the pinned version and the exact size of what follows."""
    size = int.from_bytes(sealed[8:_SEAL_HEADER_BYTES], "little")
    if not sealed.startswith(_SEAL_HEADER) or size != len(sealed):
        raise BfvRefused("expected a whole SEAL 4.3 object, got another header")


def _check_context(serialized: bytes) -> None:
    """The parameters must be ours to the byte, and a public part must follow."""
    if len(serialized) > MAX_CONTEXT_BYTES:
        raise BfvRefused(f"expected a context of at most {MAX_CONTEXT_BYTES} bytes, got {len(serialized)}")
    prefix = _parameter_prefix()
    if not serialized.startswith(prefix + _FIELD_2):
        raise BfvRefused(f"expected BFV parameters N={SLOTS}, t={MODULUS}, got others")


def _check_public_only(serialized: bytes) -> None:
    """After the parameters a public context has one field, the public part; secret keys live in a later field."""
    length, body = _varint(serialized, len(_parameter_prefix()) + 1)
    if body + length != len(serialized):
        raise BfvRefused("expected a public context, got one with a further part")


@functools.cache
def _parameter_prefix() -> bytes:
    """The leading bytes of every accepted context. SEAL serializes parameters deterministically."""
    serialized = _serialize(_new_context(), secret=False)
    length, body = _varint(serialized, 1)
    return serialized[: body + length]


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """A protobuf length of at most four bytes, and the position after it."""
    value = 0
    for index in range(4):
        if position + index >= len(data):
            break
        byte = data[position + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, position + index + 1
    raise BfvRefused("expected a length of at most four bytes, got none")


def _new_context() -> Any:
    return ts.context(ts.SCHEME_TYPE.BFV, poly_modulus_degree=SLOTS, plain_modulus=MODULUS, n_threads=1)


def _serialize(context: Any, *, secret: bool) -> bytes:
    serialized: bytes = context.serialize(
        save_public_key=True, save_secret_key=secret, save_galois_keys=False, save_relin_keys=False
    )
    return serialized


def _load(serialized: bytes, *, secret: bool) -> Any:
    """Parse a context after checking its bytes, then check what it holds."""
    _check_context(serialized)
    if not secret:
        _check_public_only(serialized)
    context = _guarded(lambda: ts.context_from(serialized, n_threads=1))
    if context.has_secret_key() is not secret or not context.has_public_key():
        raise BfvRefused(f"expected a context with{'' if secret else 'out'} a secret key, got the other kind")
    if context.has_galois_keys() or context.has_relin_keys():
        raise BfvRefused("expected no evaluation keys, got some")
    return context


def _guarded(act: Callable[[], Result]) -> Result:
    """Run a TenSEAL call; its exceptions are many and untyped, and none may pass this room."""
    try:
        return act()
    except (
        ValueError,
        RuntimeError,
        TypeError,
        IndexError,
        OverflowError,
        AttributeError,
        MemoryError,
    ) as error:
        raise BfvRefused(f"expected input that the library accepts, got {type(error).__name__}") from None
