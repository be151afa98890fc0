"""Shares of a 32-byte secret: any `threshold` of them give it back, fewer tell nothing about it.

Rules:
- The field is Z_p with p = 2^521 - 1. A polynomial of degree threshold - 1 has the secret at 0 and uniform coefficients
  elsewhere; party number x (1..50) holds its value at x. Uniform means drawn below p by rejection, never reduced.
- On the wire a share is x in one byte and the value in 66, big-endian. Any other length, x = 0, x above 50 or a value from p
  up is refused: one share has one encoding.
- `combine` takes exactly `threshold` shares of different parties. It cannot notice a wrong share; the caller checks the
  result against what the dealer committed to. A result of more than 256 bits cannot be a dealt secret and is refused.

Follows Shamir, "How to share a secret", CACM 1979, and protocols.md section 2.3. Python integers do not take constant
time; shares are handled only inside an enclave or at the gate, once per session.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from enclaves.protocols.recovery.errors import Reason, RecoveryRefused

PRIME: Final = (1 << 521) - 1
MAX_PARTIES: Final = 50
SECRET_BYTES: Final = 32
VALUE_BYTES: Final = 66
SHARE_BYTES: Final = 1 + VALUE_BYTES

Draw = Callable[[int], bytes]
"""Gives that many fresh, uniform, secret bytes."""


@dataclass(frozen=True, slots=True)
class Share:
    """The value of one secret's polynomial at `x`."""

    x: int
    value: int = field(repr=False)

    def __post_init__(self) -> None:
        """Raises RecoveryRefused for a coordinate outside 1..50 or a value outside the field."""
        if not 1 <= self.x <= MAX_PARTIES:
            raise RecoveryRefused(
                Reason.SHARE, f"expected a coordinate from 1 to {MAX_PARTIES}, got {self.x}"
            )
        if not 0 <= self.value < PRIME:
            raise RecoveryRefused(Reason.SHARE, "expected a share within the field, got a larger one")

    def to_wire(self) -> bytes:
        """67 bytes: x, then the value big-endian."""
        return bytes([self.x]) + self.value.to_bytes(VALUE_BYTES, "big")

    @classmethod
    def from_wire(cls, data: bytes) -> "Share":
        """The share in `data`. Raises RecoveryRefused for anything but the one encoding of a share."""
        if len(data) != SHARE_BYTES:
            raise RecoveryRefused(Reason.SHARE, f"expected a share of {SHARE_BYTES} bytes, got {len(data)}")
        return cls(data[0], int.from_bytes(data[1:], "big"))


def split(secret: bytes, *, parties: int, needed: int, draw: Draw) -> tuple[Share, ...]:
    """The shares of parties 1..`parties`, of which `needed` give the 32-byte `secret` back. Raises RecoveryRefused."""
    if len(secret) != SECRET_BYTES:
        raise RecoveryRefused(Reason.SHARE, f"expected a secret of {SECRET_BYTES} bytes, got {len(secret)}")
    if not 1 <= needed <= parties <= MAX_PARTIES:
        raise RecoveryRefused(Reason.SHARE, f"expected 1 to {parties} of them to be needed, got {needed}")
    rising = [int.from_bytes(secret, "big"), *(_element(draw) for _ in range(needed - 1))]
    return tuple(Share(x, _at(rising, x)) for x in range(1, parties + 1))


def combine(shares: Sequence[Share], *, needed: int) -> bytes:
    """The secret of exactly `needed` shares at different coordinates. Raises RecoveryRefused."""
    at = tuple(share.x for share in shares)
    if len(at) != needed or needed < 1:
        raise RecoveryRefused(Reason.SHARE, f"expected {needed} shares, got {len(at)}")
    if len(set(at)) != len(at):
        raise RecoveryRefused(Reason.SHARE, "expected shares of different parties, got one twice")
    secret = sum(w * share.value for w, share in zip(_weights(at), shares, strict=True)) % PRIME
    if secret >> (8 * SECRET_BYTES):
        raise RecoveryRefused(Reason.SHARE, "expected shares of one dealt secret, got others")
    return secret.to_bytes(SECRET_BYTES, "big")


def _at(rising: Sequence[int], x: int) -> int:
    """The polynomial with these coefficients, constant first, at x (Horner)."""
    value = 0
    for coefficient in reversed(rising):
        value = (value * x + coefficient) % PRIME
    return value


@lru_cache(maxsize=64)
def _weights(at: tuple[int, ...]) -> tuple[int, ...]:
    """Lagrange's weights at 0. Coordinates are public, and the same for every secret of a session."""
    weights = []
    for own in at:
        above, below = 1, 1
        for other in at:
            if other != own:
                above = above * other % PRIME
                below = below * (other - own) % PRIME
        weights.append(above * pow(below, -1, PRIME) % PRIME)
    return tuple(weights)


def _element(draw: Draw) -> int:
    """A uniform field element: 521 bits, drawn again in the one case in 2^521 that is not below p."""
    while True:
        drawn = draw(VALUE_BYTES)
        if len(drawn) != VALUE_BYTES:
            raise RecoveryRefused(Reason.RANDOMNESS, f"expected {VALUE_BYTES} drawn bytes, got {len(drawn)}")
        value = int.from_bytes(drawn, "big") & PRIME
        if value != PRIME:
            return value
