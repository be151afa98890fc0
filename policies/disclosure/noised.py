"""A differentially private answer: which lanes get noise, and the table computed from those lanes alone (L7).

Rules:

1. Beside the exact lanes a question with `rho` has a *noised copy*: of each cell its persons, of each measure the lanes its
   value is computed from. A count of all persons of a cell is the cell's own lane; nothing is noised twice.
2. What is withheld is decided on the exact lanes, by the rules of `release`. Every number that is shown is computed from the
   noised copy and nothing else: replacing a mark by a number is the only thing the exact lanes decide.
3. Counts are not below zero, a share not above one, a variance not below zero; a mean is a noised sum over a noised count of
   at least one row. All of that is done to numbers that are private already, and costs nothing.
4. No rounding to a base: it would hide no more, and add to the error. A division ends after nine digits, at most twelve of them
   behind the point.

How much noise there is, is left to `policies.aggregate.noise`; that a repeat gets the same, to the enclave's ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from policies.disclosure.cells import Cells, Coverage, Kind, Measure, Shape
from policies.disclosure.errors import CellsInvalid
from policies.disclosure.release import Judged, Mark, Row, Value
from policies.disclosure.rounding import plain, root, significant, to_places
from policies.documents.strict_json import Json

DIGITS: Final = 9
"""Significant digits of what is divided; sums and counts are shown whole."""
PLACES: Final = 12
"""What is divided has no more digits behind the point, so that a column of it fits 38 digits (Arrow's decimal128)."""
_ROOTS: Final = frozenset({Kind.STDDEV, Kind.STDDEV_POP})
_OF_ALL: Final = frozenset({Kind.VARIANCE_POP, Kind.STDDEV_POP})


@dataclass(frozen=True, slots=True)
class NoisedLane:
    """One lane of the noised copy: `measure` is its place in the shape, None for the persons of the cell."""

    measure: int | None
    lane: str

    def values(self, cells: Cells) -> NDArray[np.int64]:
        """int64[cells], exact."""
        found = cells if self.measure is None else cells.lanes[self.measure]
        return np.asarray(getattr(found, self.lane), dtype=np.int64)

    def is_there(self, cells: Cells) -> NDArray[np.bool_]:
        """bool[cells]: where somebody contributes to it."""
        found = cells if self.measure is None else cells.lanes[self.measure]
        return np.asarray(found.domains > 0)


PERSONS: Final = NoisedLane(None, "persons")


def noised_lanes(shape: Shape) -> tuple[NoisedLane, ...]:
    """The lanes of the noised copy, in their order."""
    of_measures = (
        NoisedLane(place, name) for place, measure in enumerate(shape.measures) for name in _needed(measure)
    )
    return (PERSONS, *of_measures)


def with_noise(judged: Judged, noised: NDArray[np.int64], *, privacy: Mapping[str, Json]) -> Judged:
    """`judged` with every number taken from `noised`, int64[lanes, cells]; `privacy` is what its report says of the noise."""
    lanes = noised_lanes(judged.shape)
    if noised.dtype != np.int64 or noised.shape != (len(lanes), len(judged.rows)):
        raise CellsInvalid(f"expected {len(lanes)} noised lanes of {len(judged.rows)} cells, got others")
    rows = tuple(
        _row(row, judged.shape, dict(zip(lanes, column, strict=True)))
        for row, column in zip(judged.rows, noised.T.tolist(), strict=True)
    )
    return Judged(judged.shape, rows, replace(judged.report, privacy=privacy))


def _needed(measure: Measure) -> tuple[str, ...]:
    match measure.kind:
        case Kind.PERSONS:
            return () if measure.coverage is Coverage.CELL else ("persons",)
        case Kind.SHARE:
            return ("persons", "base")
        case kind:
            return kind.lanes


def _row(row: Row, shape: Shape, noised: Mapping[NoisedLane, int]) -> Row:
    values = tuple(
        value if isinstance(value, Mark) else _value(place, measure, noised)
        for place, (measure, value) in enumerate(zip(shape.measures, row.values, strict=True))
    )
    return Row(row.key, row.persons if isinstance(row.persons, Mark) else max(0, noised[PERSONS]), values)


def _value(place: int, measure: Measure, noised: Mapping[NoisedLane, int]) -> Value:
    own = {name: noised[NoisedLane(place, name)] for name in _needed(measure)}
    scale = 10**measure.scale
    match measure.kind:
        case Kind.COUNT:
            return max(0, own["rows"])
        case Kind.PERSONS:
            return max(0, own.get("persons", noised[PERSONS]))
        case Kind.SUM:
            value = plain(Fraction(own["total"], scale))
        case Kind.MEAN:
            value = significant(Fraction(own["total"], scale * max(1, own["rows"])), DIGITS)
        case Kind.SHARE:
            share = Fraction(max(0, own["persons"]), max(1, own["base"]))
            value = significant(min(share, Fraction(1)), DIGITS)
        case kind:
            value = _dispersion(kind, own, scale=scale)
    return to_places(value, PLACES if measure.places is None else measure.places)


def _dispersion(kind: Kind, own: Mapping[str, int], *, scale: int) -> Decimal:
    rows = max(2, own["rows"])
    deviations = own["squares"] - Fraction(own["total"] ** 2, rows)
    variance = max(Fraction(0), deviations) / (rows if kind in _OF_ALL else rows - 1) / scale**2
    return significant(root(variance) if kind in _ROOTS else variance, DIGITS)
