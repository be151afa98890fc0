"""Approximate homomorphic sums of real vectors: what leaves is flooded and rounded to a grid, never the decryption itself.

A decryption of CKKS is m + e, and e is linear in the secret key: whoever sees it and knows m solves for the key (Li and
Micciancio, EUROCRYPT 2021; IND-CPA-D). Rules:

- One parameter set, `he_parameters.CKKS_SUM`: N = 4096, [58, 50], scale 2^40, sums below 2^17. Aggregates only: real
  vectors of all parties are added and opened once, with the key at the gate. Nothing is multiplied here.
- A `Release` is declared before the keys exist: how many parties and slots, how large a value, which grid. It is refused
  unless the grid is coarse enough for the flooding to hide e, and the sum fits.
- Opening adds to every slot a discrete Gaussian of deviation grid/4 in units of 2^-32, by OpenDP, and rounds to the grid;
  only then does the function return. It is the only one that decrypts, it returns whole numbers of the grid, and no
  argument turns flooding or rounding off.
- Given everything an observer of one opening sees, what is returned is within 2^-FLOOD_BITS (total variation) of a value that
  depends on m alone: by convexity KL <= E|e|^2 / (2 sigma^2), then Pinsker. Rounding is processing after that.
- Keys serve one opening; the gate's `HeKeys` spends them. Two openings of the same ciphertexts would average the flood.

Honest limits. 20 bits is what 58-bit ciphertexts carry beside a useful grid; 40 and more need another set. Honest
encryptions are assumed: a malicious party can choose its own e. No modular masks exist over the reals, so the
coordinator and the gate together open single contributions (protocols.md S2): this mode carries no claim against both.

Follows protocols.md sections 3.1-3.4 and rule 3, with the caps and contexts of `he_frames` and `he_context`.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Final, NewType

import numpy as np
import tenseal as ts
from numpy.typing import NDArray

from enclaves.noise import gaussian
from enclaves.protocols.errors import ProtocolError
from enclaves.protocols.he_context import ContextPair, Contexts, added
from enclaves.protocols.he_frames import FIELD_1, FrameShape
from enclaves.protocols.he_parameters import CKKS_SUM, check_parameters

SLOTS: Final = 2048
MAX_PARTIES: Final = CKKS_SUM.max_parties
MAX_SLOTS: Final = 1 << 20
FLOOD_BITS: Final = 20
"""The least statistical distance of an opening, as -log2 of the total variation."""
# A fresh ciphertext has 63,716 bytes with a deviation of 14, so this is 20 deviations above the mean.
FRAME_BYTES: Final = 64_000

# Decryptions are read in units of 2^-32, near their own error of 2^-30.6, so that all later arithmetic is exact.
_FINE_BITS: Final = 32
# Deviation of the flood as a part of the grid: what is returned is off by 0.38 grid units (deviation), rounding included.
_FLOOD_PART: Final = Fraction(1, 4)
# Twice the deviation that theory gives covers TenSEAL's encoding in doubles (measured: 1.01 times at 2^16).
_ERROR_SLACK: Final = 2.0
# 12 deviations of the flood and its rounding: an honest sum is refused with probability below 2^-90 a slot.
_TAIL_UNITS: Final = 4

CkksKeys = ContextPair
Contribution = NewType("Contribution", bytes)


class CkksRefused(ProtocolError):
    """A release, context, ciphertext or vector that this room does not accept."""

    code: ClassVar[str] = "ckks_refused"


@dataclass(frozen=True, slots=True)
class Release:
    """What one opening lets out: `slots` sums over `parties` values of magnitude up to `bound`, on the grid 2^-grid_bits.

    `grid_bits` may be negative: a grid of 1, 2, 4 units. Raises CkksRefused for a grid too fine to hide the key's
    error, ParametersRefused for a sum that does not fit.
    """

    parties: int
    slots: int
    bound: float
    grid_bits: int

    def __post_init__(self) -> None:
        if not (1 <= self.parties <= MAX_PARTIES and 1 <= self.slots <= MAX_SLOTS):
            raise CkksRefused(
                f"expected 1 to {MAX_PARTIES} parties and 1 to {MAX_SLOTS} slots,"
                f" got {self.parties} and {self.slots}"
            )
        check_parameters(CKKS_SUM.parameters, parties=self.parties, bound=self.bound)
        if not -16 <= self.grid_bits <= _FINE_BITS or self.flood_bits < FLOOD_BITS:
            raise CkksRefused(
                f"expected a grid that leaves {FLOOD_BITS} bits of flooding, got 2^{-self.grid_bits}"
            )

    @property
    def grid(self) -> float:
        """The value of one unit of what is returned."""
        return 2.0**-self.grid_bits

    @property
    def flood_bits(self) -> float:
        """-log2 of the total variation between what is returned and a value that depends on the sum alone.

        All slots of all frames count, padding included, since their decryptions exist.
        """
        decrypted = -(-self.slots // SLOTS) * SLOTS
        deviation = _ERROR_SLACK * CKKS_SUM.parameters.slot_deviation * math.sqrt(self.parties)
        # Reading in fine units may move a slot by one unit more than its error.
        distance = math.sqrt(decrypted) * (deviation + 2.0**-_FINE_BITS)
        return -math.log2(distance / (2 * float(_FLOOD_PART) * self.grid))


_CONTEXTS: Final = Contexts(CKKS_SUM.parameters, CkksRefused)
# The packed slot count, 2048 as varint 80 10; behind the ciphertext field 3, the scale as a double.
_SHAPE: Final = FrameShape(
    slots=SLOTS,
    head=FIELD_1 + b"\x02\x80\x10",
    tail=b"\x19" + struct.pack("<d", 2.0**40),
    frame_bytes=FRAME_BYTES,
    refused=CkksRefused,
)


def generate() -> CkksKeys:
    """A fresh key pair for one opening."""
    return _CONTEXTS.generate()


def encrypt(public: bytes, values: NDArray[np.float64], *, release: Release) -> Contribution:
    """The framed ciphertexts of `values`, flat float64 of `release.slots` entries, 31.25 bytes a slot.

    Raises CkksRefused for a context of another shape, another length, or a value beyond the declared bound.
    """
    if values.dtype != np.float64 or values.shape != (release.slots,):
        raise CkksRefused(f"expected {release.slots} float64 values, got {values.dtype} of {values.shape}")
    if not np.all(np.abs(values) <= release.bound):
        raise CkksRefused(f"expected finite values of magnitude up to {release.bound:g}, got another")
    context = _CONTEXTS.load_public(public)
    frames = bytearray()
    for start in range(0, release.slots, SLOTS):
        slots = np.zeros(SLOTS, dtype=np.float64)
        part = values[start : start + SLOTS]
        slots[: len(part)] = part
        frames += _SHAPE.framed(_encrypt_slots(context, slots))
    return Contribution(bytes(frames))


def open_sum(secret: bytes, contributions: Sequence[bytes], *, release: Release) -> NDArray[np.int64]:
    """The sum of all `contributions` in whole units of `release.grid`, shape (slots,): flooded and rounded.

    Off by 0.38 units (deviation). Raises CkksRefused for another number of contributions, malformed frames, or a sum
    beyond what the declared parties can have.
    """
    if len(contributions) != release.parties:
        raise CkksRefused(f"expected {release.parties} contributions, got {len(contributions)}")
    for contribution in contributions:
        _SHAPE.check_size(contribution, count=release.slots)
    context = _CONTEXTS.load_secret(secret)
    streams = [_SHAPE.split(contribution, count=release.slots) for contribution in contributions]
    parts = [_open_frame(context, ciphertexts, release=release) for ciphertexts in zip(*streams, strict=True)]
    sums = np.concatenate(parts)[: release.slots]
    # Only the declared slots: padding is not looked at, and a refusal says nothing about it.
    if np.any(np.abs(sums) > release.parties * release.bound / release.grid + _TAIL_UNITS):
        raise CkksRefused("expected sums within the declared bound, got one beyond it")
    return sums


def _encrypt_slots(context: Any, slots: NDArray[np.float64]) -> bytes:
    def encrypt_slots() -> bytes:
        serialized: bytes = ts.ckks_vector(context, slots).serialize()
        return serialized

    return _CONTEXTS.guarded(encrypt_slots)


def _open_frame(context: Any, ciphertexts: Sequence[bytes], *, release: Release) -> NDArray[np.int64]:
    """Add, decrypt, flood and round one frame. The decryption lives in this function alone."""

    def decrypt() -> list[float]:
        total = added([ts.ckks_vector_from(context, ciphertext) for ciphertext in ciphertexts])
        values: list[float] = total.decrypt()
        return values

    decrypted = np.array(_CONTEXTS.guarded(decrypt), dtype=np.float64)
    if decrypted.shape != (SLOTS,) or not np.all(np.isfinite(decrypted)):
        raise CkksRefused(f"expected {SLOTS} finite sums, got others")
    # Beyond the capacity nothing is a sum of declared values. It is clipped, not refused here, so that every refusal is
    # of a flooded value: what is clipped still lies twice beyond any release, and `open_sum` refuses it.
    clipped = np.clip(decrypted, -2 * CKKS_SUM.bound, 2 * CKKS_SUM.bound)
    fine = np.rint(clipped * 2.0**_FINE_BITS).astype(np.int64)
    unit_bits = _FINE_BITS - release.grid_bits
    flood = gaussian.draw((_FLOOD_PART * 2**unit_bits) ** 2, SLOTS)
    half = np.int64(1 << unit_bits >> 1)
    rounded: NDArray[np.int64] = (fine + flood + half) >> unit_bits
    return rounded
