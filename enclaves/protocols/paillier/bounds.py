"""The largest score that encrypted weights can give, so that a configuration that could wrap is refused beforehand.

Rules:
- A feature is an integer between the two ends that its part declares, both within 32 bits with sign.
- The magnitude of a part is the sum over its features of the largest weight times the largest magnitude, plus the
  largest intercept. The total over all parts must fit a signed 64-bit integer and stay 2^128 times below n: then a mask
  that was not removed gives a total within its bounds with probability below 2^-126, and is noticed.

Follows protocols.md section 2.2 (refused at configuration, never warned about) and section 4.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from enclaves.protocols.errors import HeadroomExceeded
from enclaves.protocols.paillier.errors import PaillierRefused
from enclaves.protocols.paillier.modulus import PRODUCTION_BITS

FEATURE_LIMIT: Final = 1 << 31
MAX_FEATURES: Final = 1024
_TOTAL_LIMIT: Final = 1 << 63
_MASK_MARGIN_BITS: Final = 128


@dataclass(frozen=True, slots=True)
class PartBounds:
    """What one domain's part may hold: the ends of each feature, and the largest magnitude of a weight and intercept."""

    features: tuple[tuple[int, int], ...]
    weight: int
    intercept: int

    def __post_init__(self) -> None:
        if not 1 <= len(self.features) <= MAX_FEATURES:
            raise PaillierRefused(f"expected 1 to {MAX_FEATURES} features, got {len(self.features)}")
        for index, (low, high) in enumerate(self.features):
            if not -FEATURE_LIMIT <= low <= high < FEATURE_LIMIT:
                raise PaillierRefused(f"expected ends of feature {index} in order within 32 bits, got others")
        if self.weight < 0 or self.intercept < 0:
            raise PaillierRefused("expected bounds of weight and intercept from 0, got a negative one")

    @property
    def exponents(self) -> int:
        """The largest sum of exponents that one row raises the part's ciphertexts to, the intercept's included."""
        return 1 + sum(max(abs(low), abs(high)) for low, high in self.features)

    @property
    def exponent_bits(self) -> int:
        """The bits of the widest feature, counted from its low end; at least one."""
        return max(1, *((high - low).bit_length() for low, high in self.features))

    @property
    def magnitude(self) -> int:
        """The largest magnitude of this part's score."""
        return self.weight * (self.exponents - 1) + self.intercept


def check_capacity(parts: Sequence[PartBounds], *, bits: int = PRODUCTION_BITS) -> int:
    """The largest magnitude of a total over `parts`, for a modulus of `bits` bits.

    Raises HeadroomExceeded, with the numbers, where it could wrap or hide masks that were not removed.
    """
    total = sum(part.magnitude for part in parts)
    if not parts or total >= _TOTAL_LIMIT:
        raise HeadroomExceeded(
            f"expected at least 1 part and totals below 2^63, got {len(parts)} and {total}"
        )
    if total.bit_length() + 1 + _MASK_MARGIN_BITS > bits - 1:
        raise HeadroomExceeded(
            f"expected totals of at most {bits - 2 - _MASK_MARGIN_BITS} bits under a modulus of {bits}, "
            f"got {total.bit_length()}"
        )
    return total
