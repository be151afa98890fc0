"""What a domain remembers of the answers on one snapshot of a person universe, besides the atoms.

Rules (protocols.md §6.2 L5, §6.3):

1. The history belongs to one partner, its affiliates included, and one universe; all scenarios share it.
2. At most `predicates_per_snapshot` admitted answers. A new snapshot comes with one more predicate, "changed since".
3. A refusal tells that some atom would be small. At most `refusals_per_scenario`, then people look at the scenario first.
4. The bounds of a column stay for the snapshot: an amount clipped at two bounds in two answers would leave, by
   subtraction, the excess of the few persons between them.

`encode` and `decode` turn an atom vector into bytes for the store that keeps it, encrypted, in the domain; where and when it
becomes durable is the store's matter. Durable before anything is contributed: see `policies.atoms.admission` for why a
finer vector than what was released does no harm.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

import numpy as np

from policies.atoms.errors import AtomsInvalid, BoundsChanged, HistoryExhausted, RefusalsExhausted
from policies.atoms.partition import Labels, check_labels
from policies.disclosure.limits import Limits
from policies.documents.strict_json import quoted

_MAGIC: Final = b"domicile-atoms/1\n"
_LENGTH_BYTES: Final = 8
_MAX_UNITS: Final = 2**31 - 1
# Labels are dense, so most vectors fit two bytes a unit; the level is chosen for speed.
_NARROW: Final = 2**16
_LEVEL: Final = 1

Bounds = tuple[int, int, int]
"""Low, high and the decimal digits of both."""


@dataclass(frozen=True, slots=True)
class History:
    """Admitted predicates, refusals by scenario, and bounds by column, within one snapshot."""

    predicates: int = 0
    refusals: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    bounds: Mapping[str, Bounds] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if self.predicates < 0 or any(count < 0 for count in self.refusals.values()):
            raise AtomsInvalid("expected counts of at least zero, got fewer")

    def check_open(self, scenario: str, limits: Limits, *, predicates: int = 1) -> None:
        """Raise unless `predicates` more answers and one more refusal are within the limits; ask before any data is read."""
        if self.predicates + predicates > limits.predicates_per_snapshot:
            raise HistoryExhausted(
                f"expected at most {limits.predicates_per_snapshot} predicates a snapshot, got one more"
            )
        if self.refusals.get(scenario, 0) >= limits.refusals_per_scenario:
            raise RefusalsExhausted(
                f"expected fewer than {limits.refusals_per_scenario} refusals, got as many; people must look first"
            )

    def check_bounds(self, bounds: Mapping[str, Bounds]) -> None:
        """`BoundsChanged` if a column was answered under other bounds in this snapshot."""
        for column, wanted in bounds.items():
            if self.bounds.get(column, wanted) != wanted:
                raise BoundsChanged(
                    f"expected the bounds earlier answers used for {quoted(column)}, got others"
                )

    def accepted(self, *, predicates: int = 1, bounds: Mapping[str, Bounds] | None = None) -> History:
        """After an admitted answer."""
        self.check_bounds(bounds or {})
        return replace(
            self,
            predicates=self.predicates + predicates,
            bounds=MappingProxyType({**self.bounds, **(bounds or {})}),
        )

    def refused(self, scenario: str) -> History:
        """After a refusal; a partial admission is none."""
        count = self.refusals.get(scenario, 0) + 1
        return replace(self, refusals=MappingProxyType({**self.refusals, scenario: count}))

    def reviewed(self, scenario: str) -> History:
        """After people have looked at the scenario's refusals."""
        return replace(
            self,
            refusals=MappingProxyType({name: n for name, n in self.refusals.items() if name != scenario}),
        )


def fresh(units: int) -> Labels:
    """The atoms before any answer: everybody alike."""
    return np.zeros(units, dtype=np.int32)


def encode(atoms: Labels) -> bytes:
    """Atoms as bytes: a magic line, the number of units (8 bytes, big-endian), then zlib of little-endian labels."""
    check_labels(atoms)
    width = "<u2" if int(atoms.max(initial=0)) < _NARROW else "<i4"
    body = zlib.compress(atoms.astype(width).tobytes(), _LEVEL)
    return _MAGIC + len(atoms).to_bytes(_LENGTH_BYTES, "big") + body


def decode(data: bytes) -> Labels:
    """The inverse of `encode`; `AtomsInvalid` for anything that `encode` did not make of dense labels."""
    header = len(_MAGIC) + _LENGTH_BYTES
    if not data.startswith(_MAGIC) or len(data) < header:
        raise AtomsInvalid("expected an atom vector, got other bytes")
    units = int.from_bytes(data[len(_MAGIC) : header], "big")
    if units > _MAX_UNITS:
        raise AtomsInvalid(f"expected at most {_MAX_UNITS} units, got more")
    raw = _inflated(data[header:], most=4 * units)
    if len(raw) not in {2 * units, 4 * units}:
        raise AtomsInvalid(f"expected labels of {units} units, got another length")
    atoms = np.frombuffer(raw, dtype="<u2" if len(raw) == 2 * units else "<i4").astype(np.int32)
    check_labels(atoms)
    if atoms.size and (int(atoms.max()) >= units or not np.bincount(atoms).all()):
        raise AtomsInvalid("expected dense labels, got others")
    return atoms


def _inflated(data: bytes, *, most: int) -> bytes:
    """At most `most` bytes, whatever the bytes claim to expand to."""
    inflating = zlib.decompressobj()
    try:
        raw = inflating.decompress(data, most + 1)
    except zlib.error:
        raise AtomsInvalid("expected compressed labels, got other bytes") from None
    if not inflating.eof or inflating.unused_data or inflating.unconsumed_tail:
        raise AtomsInvalid("expected compressed labels that end where they should, got others")
    return raw
