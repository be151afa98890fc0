"""Encrypted weights of one domain's part: made by the examiner, signed by it, and used by a department that cannot read them.

Rules:
- The examiner encrypts the integers that it has vetted, under the authorization's key. A ciphertext that it did not
  make could be a unit vector, positional weights or a number outside of the group, and nobody could see it; so a
  department uses a part only after its signature over the part's digest has been verified.
- The digest covers every ciphertext with its place, their number, the base, the key and the binding (the digest of what
  the examiner vetted: authorization, features, bounds). Nothing can be left out, moved, repeated or carried over.
- The signature is checked before any number is parsed.
- All ciphertexts of a part, and every obfuscator that a department puts on its scores, are over the one base that the
  examiner drew and signed. So whatever x is, the part of a score that hides it is a power of that base:

      prod E(w_j)^(x_j) * h_s^alpha  =  (1 + n)^score * h_s^(sum a_j x_j + alpha)

  and no subgroup tells anything of x, although the key's holder knows the factors and sees all its cosets. With alpha
  40 bits longer than any sum a_j x_j (`flood_bits`) the exponent is within 2^-40 of one independent of x, even for a
  holder that chose n so as to take logarithms. With a base of the department's own this would not hold: the Jacobi
  symbol of E(w_j), and residues modulo small factors of p-1 and q-1, would show parities of sums of x_j.

Follows protocols.md sections 3.3 (3) and 4 (circuit privacy), mode S3. Left to others: signing, vetting, the documents.
"""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import InitVar, dataclass, field
from typing import Final

import gmpy2

from enclaves.protocols.labels import Label
from enclaves.protocols.paillier.bounds import PartBounds
from enclaves.protocols.paillier.ciphertexts import Ciphertext, encrypt, from_wire
from enclaves.protocols.paillier.errors import PaillierRefused, PartNotSigned
from enclaves.protocols.paillier.keys import PublicKey, RandomBits
from enclaves.protocols.paillier.obfuscators import WINDOW, Base, Pool, base_from_wire

DIGEST_BYTES: Final = 32
_FLOOD_BITS: Final = 40
_ACCEPTED: Final = object()


@dataclass(frozen=True, slots=True)
class EncryptedPart:
    """What the examiner hands over: the base, the intercept and the weights in feature order, each as wire bytes.

    `key_digest` is `PublicKey.digest`; `binding` is 32 bytes that name what was vetted. Nothing in it is parsed yet.
    """

    key_digest: bytes
    binding: bytes
    base: bytes = field(repr=False)
    intercept: bytes = field(repr=False)
    weights: tuple[bytes, ...] = field(repr=False)

    def __post_init__(self) -> None:
        if not len(self.key_digest) == len(self.binding) == DIGEST_BYTES:
            raise PaillierRefused(f"expected a key digest and a binding of {DIGEST_BYTES} bytes, got others")
        if not self.weights or len({len(self.base), len(self.intercept), *map(len, self.weights)}) != 1:
            raise PaillierRefused("expected ciphertexts of one length, got none or several lengths")

    @property
    def entry_digests(self) -> tuple[bytes, ...]:
        """SHA-256 of the base, the intercept and each weight, every one bound to its place in this part."""
        entries = (self.base, self.intercept, *self.weights)
        head = Label.PAILLIER_ENTRY.value + self.binding + self.key_digest + len(entries).to_bytes(4, "big")
        return tuple(
            hashlib.sha256(head + index.to_bytes(4, "big") + entry).digest()
            for index, entry in enumerate(entries)
        )

    @property
    def digest(self) -> bytes:
        """SHA-256 over all entry digests, 32 bytes: what the examiner signs."""
        return hashlib.sha256(Label.PAILLIER_PART.value + b"".join(self.entry_digests)).digest()

    def to_wire(self) -> bytes:
        """key digest, binding, then base, intercept and weights, all of the key's one ciphertext length."""
        return b"".join((self.key_digest, self.binding, self.base, self.intercept, *self.weights))


@dataclass(frozen=True, slots=True)
class AcceptedPart:
    """A part whose signature held and whose ciphertexts are in the group. Only `accept` builds one."""

    key: PublicKey
    bounds: PartBounds
    base: Base
    intercept: Ciphertext
    weights: tuple[Ciphertext, ...]
    built_by: InitVar[object] = None

    def __post_init__(self, built_by: object) -> None:
        if built_by is not _ACCEPTED:
            raise PaillierRefused("expected a part from accept, got one built otherwise")

    @property
    def flood_bits(self) -> int:
        """How many bits of alpha hide this part's rows within 2^-40 from the key's holder."""
        return flood_bits(self.key, self.bounds)

    def pool(self, *, randbits: RandomBits = secrets.randbits) -> Pool:
        """A pool whose obfuscators fit this part: the examiner's base and flooding exponents."""
        return Pool(self.base, exponent_bits=self.flood_bits, randbits=randbits)


def flood_bits(key: PublicKey, bounds: PartBounds) -> int:
    """The length of exponents 2^40 times longer than any sum of the weights' exponents times a row's features."""
    # The examiner's exponents are alpha plus the table's offset: at most one bit longer than alpha's windows.
    examiner = _plain_exponent_bits(key) + 1
    return examiner + bounds.exponents.bit_length() + _FLOOD_BITS


def _plain_exponent_bits(key: PublicKey) -> int:
    """The length of alpha in a pool that was not asked for more: half the modulus, in whole windows."""
    return -(-(key.bits // 2) // WINDOW) * WINDOW


def encrypt_part(
    weights: Sequence[int], intercept: int, *, bounds: PartBounds, binding: bytes, pool: Pool
) -> EncryptedPart:
    """The examiner's side: vetted integers in feature order, encrypted over the pool's base, which is fresh per part.

    Raises PaillierRefused for a weight or intercept beyond `bounds`, or another number of weights than features.
    """
    if len(weights) != len(bounds.features):
        raise PaillierRefused(f"expected {len(bounds.features)} weights, got {len(weights)}")
    if any(abs(weight) > bounds.weight for weight in weights) or abs(intercept) > bounds.intercept:
        raise PaillierRefused("expected weights and intercept within their bounds, got a larger one")
    if pool.exponent_bits != _plain_exponent_bits(pool.key):
        raise PaillierRefused("expected a pool with exponents of half the modulus, got another length")
    return EncryptedPart(
        key_digest=pool.key.digest,
        binding=binding,
        base=pool.base.to_wire(),
        intercept=encrypt(intercept, pool).to_wire(),
        weights=tuple(encrypt(weight, pool).to_wire() for weight in weights),
    )


def part_from_wire(data: bytes, *, features: int, bits: int) -> EncryptedPart:
    """The part in `data`, of exactly the length that its features give. Raises PaillierRefused."""
    size, head = bits // 4, 2 * DIGEST_BYTES
    expected = head + (2 + features) * size
    if features < 1 or len(data) != expected:
        raise PaillierRefused(f"expected a part of {expected} bytes, got {len(data)}")
    base, intercept, *weights = (data[at : at + size] for at in range(head, expected, size))
    return EncryptedPart(data[:DIGEST_BYTES], data[DIGEST_BYTES:head], base, intercept, tuple(weights))


def accept(
    part: EncryptedPart,
    *,
    key: PublicKey,
    bounds: PartBounds,
    binding: bytes,
    is_signed: Callable[[bytes], bool],
) -> AcceptedPart:
    """The department's side: the part to compute with.

    `is_signed` says whether the examiner signed a part's digest: a signature check, or `__contains__` of the digests
    in a verified document.

    Raises PartNotSigned for another key, binding or digest; PaillierRefused for a ciphertext outside of the group, or
    another number of weights than features.
    """
    # 1. It is about this authorization's key and about what was vetted for it.
    if part.key_digest != key.digest or part.binding != binding:
        raise PartNotSigned("expected a part for this authorization and key, got another's")
    # 2. The examiner made every ciphertext of it.
    if not is_signed(part.digest):
        raise PartNotSigned("expected a part signed by the examiner, got another")
    if len(part.weights) != len(bounds.features):
        raise PaillierRefused(f"expected {len(bounds.features)} weights, got {len(part.weights)}")
    # 3. Only now are its numbers parsed, and held to be in the group of the base.
    base = base_from_wire(key, part.base)
    intercept, *weights = (_in_group(from_wire(key, data)) for data in (part.intercept, *part.weights))
    return AcceptedPart(key, bounds, base, intercept, tuple(weights), built_by=_ACCEPTED)


def _in_group(ciphertext: Ciphertext) -> Ciphertext:
    # Powers of a base have Jacobi symbol 1. A part encrypted in some other way would show parities (see above).
    if gmpy2.jacobi(ciphertext.value, ciphertext.key.n) != 1:
        raise PaillierRefused("expected ciphertexts over the part's base, got another")
    return ciphertext
