"""Keys and parts for the tests of the Paillier room and its attacks. TEST ONLY: the factors below are public.

The key of 3072 bits came from `keys.generate` once. Small keys are for laws that do not depend on the size.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

from phe.paillier import PaillierPublicKey

from enclaves.protocols.paillier import keys, obfuscators, weights
from enclaves.protocols.paillier.bounds import PartBounds
from enclaves.protocols.paillier.keys import PrivateKey
from enclaves.protocols.paillier.obfuscators import Pool
from enclaves.protocols.paillier.weights import AcceptedPart, EncryptedPart
from enclaves.protocols.secagg import PairKey

_P: Final = (
    "c996bebc84425ba3726bbc90a3daeeda5b554c85b9375c714c1d23c6c9f9e6a786cb83471f4d9ebae6708621cbab8010"
    "49670aad48b83f022fd26f5ca2f888d2672932ebfb91901c563256732f590bfa3ffbd2f6c175dfd1a5a2beda5a63e2fd"
    "0f55abef14abf2581fcea866dababe9ab5d74ce7ad2e62427ef17f55375fe4136dd52a73e6e9065f24ebf1e5040d47d0"
    "077a1c3cd8ac6705d9b8532e8d86c155e3e7b1fce4c05ad1b321d07e801c69bf5288c7b5e7ee6e046c9843130ad15533"
)
_Q: Final = (
    "e1a50fea06944b9d215d93a77f1e8b1d38a3a21d01273336db98505759646240c4e7918f93cec536e7029ab6d884f67c"
    "044aaeeab3612853818cdc2529e0300d35b0df12b04620e8360e1bb367451989a04a5d35e5ea6ffd2b7c1c1c87795466"
    "becceb04e5b7c16c7f1080577b70418a52c8fd53646443714f8ccda7d4acaa3959e14e63d59da60a8fa3d47786974e8e"
    "63e1f96e93ec986855d7d4082be187dfe4ab2b92e3479ad2c5ea194ee8935c5afdd8fb26c582f634542f95e5a0c55c97"
)
SMALL_BITS: Final = 512
BINDING: Final = hashlib.sha256(b"what the examiner vetted").digest()


@cache
def full() -> PrivateKey:
    """The committed key of production size."""
    return keys.from_primes(int(_P, 16), int(_Q, 16))


@cache
def small(bits: int = SMALL_BITS, seed: int = 20261124) -> PrivateKey:
    """A small key, the same every time."""
    return keys.unsafe_generate_small(bits=bits, randbits=dice(seed))


@cache
def full_pool() -> Pool:
    """One pool over the full key for every test that needs no other: its table takes half a second."""
    return Pool(obfuscators.draw_base(full().public))


@cache
def small_pool(seed: int = 20261124) -> Pool:
    return Pool(obfuscators.draw_base(small(seed=seed).public))


def dice(seed: int) -> Callable[[int], int]:
    """Bits that are the same every time. Never for anything but tests."""
    return random.Random(seed).getrandbits


def phe_key(private: PrivateKey) -> PaillierPublicKey:
    """phe's own public key, the reference."""
    return PaillierPublicKey(int(private.public.n))


def pair_keys(parties: Sequence[str]) -> dict[str, dict[str, PairKey]]:
    """A key for every pair, as both of its sides hold it."""

    def shared(*pair: str) -> PairKey:
        return PairKey(hashlib.sha256("|".join(sorted(pair)).encode()).digest())

    return {one: {other: shared(one, other) for other in parties if other != one} for one in parties}


def bounds_of(features: int, *, low: int = -100, high: int = 100) -> PartBounds:
    return PartBounds(((low, high),) * features, weight=1000, intercept=10_000)


def signed_part(
    values: Sequence[int], intercept: int, *, bounds: PartBounds, pool: Pool
) -> tuple[EncryptedPart, AcceptedPart]:
    """What an examiner made and a department accepted."""
    part = weights.encrypt_part(values, intercept, bounds=bounds, binding=BINDING, pool=pool)
    accepted = weights.accept(
        part, key=pool.key, bounds=bounds, binding=BINDING, is_signed={part.digest}.__contains__
    )
    return part, accepted
