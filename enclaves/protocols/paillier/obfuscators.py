"""Obfuscators: encryptions of zero that hide how a ciphertext was made, prepared ahead and used once each.

    h = -x^2 mod n    h_s = h^n mod n^2    obfuscator = h_s^alpha, alpha uniform of half the modulus' bits or more

Rules:
- An obfuscator leaves the pool exactly once; an empty pool makes a fresh one. A pool is not pickled, and a process that
  inherited one by fork finds it empty, since two processes with one pool would use the same obfuscators.
- alpha has at least half as many bits as n (1536), so no short-exponent assumption is made beyond that of the paper.
- Windows of 9 bits: a ninth fewer multiplications than with 8, for twice the table.
- With a base x that nobody chose, h_s^alpha is indistinguishable from r^n under the assumption of Damgård, Jurik and
  Nielsen, for anyone who cannot factor n. Against the key's holder that is not enough; `weights` says what is done.

Follows Damgård, Jurik and Nielsen, "A generalization of Paillier's public-key system" (IJIS 2010), and protocols.md
section 4.
"""

import os
import secrets
from collections import deque
from dataclasses import dataclass
from typing import Final

import gmpy2
import numpy as np
from gmpy2 import mpz

from enclaves.protocols.paillier.errors import PaillierRefused
from enclaves.protocols.paillier.keys import PublicKey, RandomBits
from enclaves.protocols.paillier.powers import PowerTable

WINDOW: Final = 9
_PLACES: Final = 1 << np.arange(WINDOW, dtype=np.int64)
_SPARE_BITS: Final = 128
# More than this many at once gain nothing.
_AT_ONCE: Final = 256


@dataclass(frozen=True, slots=True)
class Base:
    """The number h_s whose powers are obfuscators. Raises PaillierRefused unless it is a unit modulo n^2, not 1."""

    key: PublicKey
    value: mpz

    def __post_init__(self) -> None:
        if not 1 < self.value < self.key.n2 or gmpy2.jacobi(self.value, self.key.n) != 1:
            raise PaillierRefused("expected a base with Jacobi symbol 1 modulo n, got another number")

    def to_wire(self) -> bytes:
        """Big-endian, as long as a ciphertext."""
        return int(self.value).to_bytes(self.key.ciphertext_bytes, "big")


def draw_base(key: PublicKey, *, randbits: RandomBits = secrets.randbits) -> Base:
    """A fresh base: -x^2 for a uniform x, raised to n modulo n^2; about 30 ms for 3072 bits."""
    while True:
        x = mpz(randbits(key.bits + _SPARE_BITS)) % key.n
        if gmpy2.gcd(x, key.n) == 1:
            return Base(key, gmpy2.powmod(key.n - x * x % key.n, key.n, key.n2))


def base_from_wire(key: PublicKey, data: bytes) -> Base:
    """The base in `data`, whose sender has been verified. Raises PaillierRefused."""
    if len(data) != key.ciphertext_bytes:
        raise PaillierRefused(f"expected a base of {key.ciphertext_bytes} bytes, got {len(data)}")
    return Base(key, mpz(int.from_bytes(data, "big")))


class Pool:
    """Obfuscators over one base, made ahead by `fill` and handed out once each by `take`.

    Its table of powers takes about a second and 80 MB for 3072 bits and alpha of 1536 bits.
    """

    __slots__ = ("_process", "_randbits", "_ready", "_table", "base", "exponent_bits")

    def __init__(
        self, base: Base, *, exponent_bits: int | None = None, randbits: RandomBits = secrets.randbits
    ) -> None:
        """`exponent_bits` is the length of alpha: half the modulus' bits unless more are asked for, whole windows.

        Raises PaillierRefused for fewer, or for more than the modulus and a margin could use.
        """
        least = base.key.bits // 2
        wanted = least if exponent_bits is None else exponent_bits
        if not least <= wanted <= 2 * base.key.bits:
            raise PaillierRefused(f"expected exponents of {least} to {2 * base.key.bits} bits, got {wanted}")
        self.base: Final = base
        self.exponent_bits: Final = -(-wanted // WINDOW) * WINDOW
        self._randbits = randbits
        self._table = PowerTable(base.value, base.key.n, bits=self.exponent_bits, window=WINDOW)
        self._ready: deque[mpz] = deque()
        self._process = os.getpid()

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a pool of obfuscators is not pickled")

    @property
    def key(self) -> PublicKey:
        """The key whose ciphertexts these obfuscators hide."""
        return self.base.key

    @property
    def ready(self) -> int:
        """How many obfuscators are ready to be taken."""
        self._forget_inherited()
        return len(self._ready)

    def fill(self, count: int) -> None:
        """Make obfuscators until `count` are ready, some at a time."""
        while (missing := count - self.ready) > 0:
            self._ready.extend(self._fresh(min(missing, _AT_ONCE)))

    def take(self) -> mpz:
        """An obfuscator that nobody else gets, ready or fresh."""
        self._forget_inherited()
        try:
            # Atomic, so two threads never take the same one.
            return self._ready.popleft()
        except IndexError:
            return self._fresh(1)[0]

    def _fresh(self, count: int) -> list[mpz]:
        size = -(-self.exponent_bits // 8)
        alphas = b"".join(self._randbits(self.exponent_bits).to_bytes(size, "little") for _ in range(count))
        bits = np.unpackbits(
            np.frombuffer(alphas, dtype=np.uint8).reshape(count, size), axis=1, bitorder="little"
        )
        # Shape (count, windows): the digits of every alpha. The table's offset only shifts a uniform exponent.
        windows = bits[:, : self.exponent_bits].reshape(count, -1, WINDOW).astype(np.int64)
        return self._table.powers((windows @ _PLACES).tolist())

    def _forget_inherited(self) -> None:
        if self._process != os.getpid():
            self._ready.clear()
            self._process = os.getpid()
