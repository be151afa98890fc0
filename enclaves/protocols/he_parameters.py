"""Which homomorphic parameters may be used: the security table, the project's named sets, and what refuses others.

Rules:
- 128 bits of security against the best known lattice attacks, with a ternary secret: log2 q of all primes together, the
  special one included, is at most what SEAL's table allows for the ring. One bit more is refused.
- A sum of n parties must fit: below t/2 for BFV, and for CKKS below half of what the first prime leaves above the scale.
- A CKKS set says its expected error before it runs, and one whose error exceeds the tolerance is refused with the number.
  [40, 20, 40] at scale 2^20, which tutorials use, errs by 1.6 % of a product: its 20-bit prime is that far from
  2^20.
- Nothing here has rotations: rows are packed column-wise, so no set needs Galois keys.

Follows protocols.md section 3.1; the table is that of the HomomorphicEncryption.org standard (2018) as in SEAL's
`CoeffModulus::MaxBitCount`. Error terms follow Cheon, Kim, Kim and Song (ASIACRYPT 2017) for SEAL's public-key
encryption, which divides by the special prime. Left to others: keys, contexts and every byte of a ciphertext.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, unique
from types import MappingProxyType
from typing import ClassVar, Final

from enclaves.protocols.errors import ProtocolError

SECURITY_BITS: Final = 128
MAX_LOG2_Q: Final[Mapping[int, int]] = MappingProxyType(
    {1024: 27, 2048: 54, 4096: 109, 8192: 218, 16384: 438, 32768: 881}
)
"""Ring degree to the largest log2 q for `SECURITY_BITS`, ternary secret."""

# SEAL's limits of one prime (SEAL_USER_MOD_BIT_COUNT_MIN is 2; below 20 no batching prime of these rings exists).
_MIN_PRIME_BITS: Final = 20
_MAX_PRIME_BITS: Final = 60
# Worst slot of a vector: 8 standard deviations for the tail, times 2 for what encoding in doubles adds (measured 7.9).
_WORST_DEVIATIONS: Final = 16.0


@unique
class Scheme(Enum):
    """Exact integers, or approximate reals."""

    BFV = "bfv"
    CKKS = "ckks"


@unique
class Unfit(Enum):
    """Why parameters are refused."""

    SHAPE = "shape"
    SECURITY = "security"
    OVERFLOW = "overflow"
    PRECISION = "precision"


class ParametersRefused(ProtocolError):
    """Homomorphic parameters that are insecure, too small for the sum, or too coarse for it."""

    code: ClassVar[str] = "he_parameters_refused"

    def __init__(self, unfit: Unfit, message: str) -> None:
        """`unfit` is what a caller may act on; the message names the numbers."""
        self.unfit = unfit
        super().__init__(f"{unfit.value}: {message}")


@dataclass(frozen=True, slots=True)
class HeParameters:
    """One set. `primes` are the bit lengths of the coefficient modulus, the special prime last.

    `plain_modulus` belongs to BFV, `scale_bits` to CKKS. `products` is the number of plain products before the sum.
    """

    scheme: Scheme
    degree: int
    primes: tuple[int, ...]
    plain_modulus: int | None = None
    scale_bits: int | None = None
    products: int = 0

    def __post_init__(self) -> None:
        """Raises ParametersRefused(`shape`) for a set that no scheme has; security and range are `check_parameters`."""
        _check_shape(self)

    @property
    def log2_q(self) -> int:
        """Bits of the whole modulus, the special prime included: what security depends on."""
        return sum(self.primes)

    @property
    def slots(self) -> int:
        """Values in one ciphertext."""
        return self.degree if self.scheme is Scheme.BFV else self.degree // 2

    @property
    def final_scale_bits(self) -> int:
        """CKKS: log2 of the scale after all products, each followed by a division by one prime; 0 for BFV."""
        scale = self.scale_bits or 0
        for product in range(self.products):
            scale += (self.scale_bits or 0) - self.primes[-2 - product]
        return scale

    @property
    def capacity(self) -> int:
        """The magnitude that a sum must stay below; from the first prime for CKKS, from t for BFV."""
        if self.plain_modulus is not None:
            return (self.plain_modulus + 1) // 2
        left = sum(self.primes[: len(self.primes) - 1 - self.products]) - 1 - self.final_scale_bits
        return int(2**left) if left > 0 else 0

    @property
    def slot_deviation(self) -> float:
        """Standard deviation of one fresh ciphertext's error in one slot; 0 for BFV, which is exact."""
        if self.scale_bits is None:
            return 0.0
        return _rounding_deviation(self.degree) / 2.0**self.scale_bits

    def expected_error(self, *, parties: int, bound: float, factor: float) -> float:
        """The largest error of any slot of a sum over `parties` values within `bound`, each times at most `factor`.

        0 for BFV.
        """
        if self.scale_bits is None:
            return 0.0
        square, drift = self.slot_deviation**2, 0.0
        for product in range(self.products):
            # The ciphertext's error grows with the plaintext factor; the encoding of the factor adds its own rounding,
            # and dividing by the prime rounds once more, at the scale that is left.
            encoding = bound * math.sqrt(self.degree / 24) / 2.0**self.scale_bits
            rescaling = _rounding_deviation(self.degree) / 2.0**self.final_scale_bits
            square = square * factor**2 + encoding**2 + rescaling**2
            drift += bound * factor * _prime_gap(self.primes[-2 - product], self.degree)
        return _WORST_DEVIATIONS * math.sqrt(parties * square) + parties * drift


@dataclass(frozen=True, slots=True)
class NamedSet:
    """A set of the project with what it is for and how far it carries."""

    parameters: HeParameters
    use: str
    max_parties: int
    max_factor: float
    """The largest magnitude of a plain factor; 1 where nothing is multiplied."""
    security_bits: int = SECURITY_BITS

    @property
    def bound(self) -> int:
        """The magnitude that the sum of all parties must stay below."""
        return self.parameters.capacity

    @property
    def expected_error(self) -> float:
        """Of any slot, with as many parties and as large a factor as allowed, for values within 1."""
        return self.parameters.expected_error(parties=self.max_parties, bound=1.0, factor=self.max_factor)


DEFAULT_TOLERANCE: Final = 2.0**-13
"""The error of a CKKS sum that is accepted unless the caller names another, as a part of its largest single term."""


def check_parameters(
    parameters: HeParameters,
    *,
    parties: int,
    bound: float,
    factor: float = 1.0,
    tolerance: float = DEFAULT_TOLERANCE,
) -> None:
    """Refuse parameters that are unfit for a sum of `parties` contributions of magnitude up to `bound`.

    Raises ParametersRefused whose `unfit` says which of security, overflow and precision it was.
    """
    allowed = MAX_LOG2_Q[parameters.degree]
    if parameters.log2_q > allowed:
        raise ParametersRefused(
            Unfit.SECURITY,
            f"expected log2 q of at most {allowed} for {SECURITY_BITS} bits at N={parameters.degree},"
            f" got {parameters.log2_q}",
        )
    if parties < 1 or not (math.isfinite(bound) and bound >= 0):
        raise ParametersRefused(
            Unfit.OVERFLOW, f"expected a party and a finite bound from 0, got {parties} and {bound}"
        )
    if parties * bound * factor >= parameters.capacity:
        raise ParametersRefused(
            Unfit.OVERFLOW,
            f"expected a sum below {parameters.capacity}, got {parties} parties of {bound:g} times {factor:g}",
        )
    error = parameters.expected_error(parties=parties, bound=bound, factor=factor)
    if error > tolerance * bound * factor:
        raise ParametersRefused(
            Unfit.PRECISION,
            f"expected an error of at most {tolerance:g} of {bound * factor:g}, got {error:.2g}",
        )


def _check_shape(parameters: HeParameters) -> None:
    if parameters.degree not in MAX_LOG2_Q:
        raise ParametersRefused(Unfit.SHAPE, f"expected a ring degree of the table, got {parameters.degree}")
    if not all(_MIN_PRIME_BITS <= bits <= _MAX_PRIME_BITS for bits in parameters.primes):
        raise ParametersRefused(
            Unfit.SHAPE, f"expected primes of {_MIN_PRIME_BITS} to {_MAX_PRIME_BITS} bits, got others"
        )
    # One prime to hold the sum, one for each product, and the special one.
    if parameters.products < 0 or len(parameters.primes) < 2 + parameters.products:
        raise ParametersRefused(
            Unfit.SHAPE,
            f"expected {2 + parameters.products} primes or more for {parameters.products} products,"
            f" got {len(parameters.primes)}",
        )
    match parameters.scheme:
        case Scheme.BFV:
            _check_batching(parameters)
        case Scheme.CKKS:
            if (
                parameters.plain_modulus is not None
                or not 1 <= (parameters.scale_bits or 0) <= _MAX_PRIME_BITS
            ):
                raise ParametersRefused(
                    Unfit.SHAPE, "expected a scale and no plain modulus for ckks, got others"
                )


def _check_batching(parameters: HeParameters) -> None:
    """Slots exist where t is a prime with t = 1 mod 2N; products and scales are not BFV's here."""
    modulus = parameters.plain_modulus
    if modulus is None or parameters.scale_bits is not None or parameters.products:
        raise ParametersRefused(Unfit.SHAPE, "expected a plain modulus and no scale for bfv, got others")
    prime = modulus > 2 and all(modulus % divisor for divisor in range(2, math.isqrt(modulus) + 1))
    if not prime or modulus % (2 * parameters.degree) != 1:
        raise ParametersRefused(
            Unfit.SHAPE, f"expected a prime that is 1 modulo {2 * parameters.degree}, got {modulus}"
        )


def _prime_gap(bits: int, degree: int) -> float:
    """How far a prime of `bits` that is 1 modulo 2N lies from 2^bits, relatively: twice the mean gap of such primes.

    TenSEAL divides by the prime and keeps the scale as if it had been 2^bits, so a product is off by this part of itself.
    """
    return bits * math.log(2) * 2 * degree / 2.0**bits


def _rounding_deviation(degree: int) -> float:
    """One slot's deviation, unscaled, after a ciphertext was divided by a prime.

    Both polynomials round uniformly (variance 1/12 a coefficient), and the second meets the ternary secret (2/3 of its
    coefficients are not zero). A slot's real part sums `degree` coefficients with mean square 1/2.
    """
    return math.sqrt(degree / 2 * (1 + 2 * degree / 3) / 12)


BFV_SUM: Final = NamedSet(
    HeParameters(Scheme.BFV, 4096, (36, 36, 37), plain_modulus=1_032_193),
    use="exact sums of integers; every batch score in mode bfv",
    max_parties=64,
    max_factor=1.0,
)
CKKS_SUM: Final = NamedSet(
    HeParameters(Scheme.CKKS, 4096, (58, 50), scale_bits=40),
    use="sums of real vectors whose key is at the gate; add-only",
    max_parties=64,
    max_factor=1.0,
)
CKKS_PRODUCT: Final = NamedSet(
    HeParameters(Scheme.CKKS, 8192, (60, 40, 60), scale_bits=40, products=1),
    use="one product with a plain vector before the sum; figures for comparison only, no run of the project uses it",
    max_parties=64,
    max_factor=64.0,
)
NAMED_SETS: Final = (BFV_SUM, CKKS_SUM, CKKS_PRODUCT)
