"""The cells of an answer before release: what is asked of each (`Shape`) and its exact integer lanes (`Cells`).

Everything is an integer: counts, sums in fixed point (`Measure.scale` decimal digits), sums of squares in twice the scale. A
lane is one integer per cell, additive over domains, so that the same numbers are made in a domain, masked, summed and
judged at the gate; `Cells.matrix` and `Cells.from_matrix` are the one spelling of the lanes' order.

Every measure has lanes of its own for who stands behind it: `domains` (how many domains contribute), `base` (persons in the
cell in those domains) and `persons` (persons who have a value or meet the condition there). A measure that one domain
withholds therefore never borrows the persons of a cell that the domain does contribute to.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from policies.disclosure.errors import AnswerTooLarge, CellsInvalid
from policies.disclosure.limits import Limits

Lane: TypeAlias = NDArray[np.int64]
Key: TypeAlias = str | int | bool | Decimal | dt.date | dt.datetime | None
"""A group key as the partner may see it; `datetime` counts as `date`."""

MAX_SCALE: Final = 9
MAX_PLACES: Final = 6


class Kind(Enum):
    """What is computed from a measure's lanes."""

    COUNT = "count"
    PERSONS = "persons"
    SUM = "sum"
    MEAN = "mean"
    VARIANCE = "variance"
    VARIANCE_POP = "variance_pop"
    STDDEV = "stddev"
    STDDEV_POP = "stddev_pop"
    SHARE = "share"

    @property
    def lanes(self) -> tuple[str, ...]:
        """Names of the lanes of values, besides `domains`, `base` and `persons`."""
        return _VALUE_LANES[self]

    @property
    def is_dispersion(self) -> bool:
        """Whether it is a variance or its root, which need more persons."""
        return "squares" in self.lanes


_VALUE_LANES: Final[dict[Kind, tuple[str, ...]]] = {
    Kind.COUNT: ("rows",),
    Kind.PERSONS: (),
    Kind.SUM: ("total",),
    Kind.MEAN: ("rows", "total"),
    Kind.VARIANCE: ("rows", "total", "squares"),
    Kind.VARIANCE_POP: ("rows", "total", "squares"),
    Kind.STDDEV: ("rows", "total", "squares"),
    Kind.STDDEV_POP: ("rows", "total", "squares"),
    Kind.SHARE: (),
}
_WHO_LANES: Final = ("domains", "base", "persons")


class Coverage(Enum):
    """Which persons of a cell stand behind a measure."""

    CELL = "cell"
    """All of them: COUNT(*), COUNT(DISTINCT person)."""
    PRESENT = "present"
    """Those with a non-null value."""
    CONDITION = "condition"
    """Those who meet the condition of a conditional aggregate (and have a value)."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One aggregate of the answer: `scale` fixed-point digits of its sums, `places` digits of an outer ROUND, if any."""

    name: str
    kind: Kind
    coverage: Coverage = Coverage.CELL
    scale: int = 0
    places: int | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise CellsInvalid("expected a name for a measure, got an empty one")
        if not 0 <= self.scale <= MAX_SCALE or not 0 <= (self.places or 0) <= MAX_PLACES:
            raise CellsInvalid(
                f"expected a scale of 0 to {MAX_SCALE} and 0 to {MAX_PLACES} places, got others"
            )
        if self.kind is Kind.SHARE and self.coverage is not Coverage.CONDITION:
            raise CellsInvalid("expected a condition for a share, got none")

    @property
    def lanes(self) -> tuple[str, ...]:
        """Names of all its lanes, in their order in the matrix."""
        return _WHO_LANES + self.kind.lanes


@dataclass(frozen=True, slots=True)
class Shape:
    """Keys and measures of an answer, in the order in which they are computed."""

    keys: tuple[str, ...]
    measures: tuple[Measure, ...]

    def __post_init__(self) -> None:
        names = self.keys + tuple(measure.name for measure in self.measures)
        if not self.measures or len(set(names)) != len(names):
            raise CellsInvalid("expected at least one measure and different names, got others")

    @property
    def width(self) -> int:
        """Number of lanes: two of the cell (domains, persons), then those of each measure."""
        return 2 + sum(len(measure.lanes) for measure in self.measures)

    @property
    def lane_names(self) -> tuple[str, ...]:
        """`domains`, `persons`, then `measure.lane`; the order of the matrix."""
        own = (f"{measure.name}.{lane}" for measure in self.measures for lane in measure.lanes)
        return ("domains", "persons", *own)

    def check_size(self, n_cells: int, limits: Limits) -> None:
        """`AnswerTooLarge` for more keys, measures or cells than may be released at once (L0)."""
        for what, got, most in (
            ("keys", len(self.keys), limits.max_keys),
            ("measures", len(self.measures), limits.max_measures),
            ("cells", n_cells, limits.max_cells),
        ):
            if got > most:
                raise AnswerTooLarge(f"expected at most {most} {what}, got {got}")


@dataclass(frozen=True, slots=True)
class MeasureLanes:
    """The lanes of one measure, each int64[cells]; a lane its kind does not need is all zero."""

    domains: Lane
    base: Lane
    persons: Lane
    rows: Lane
    total: Lane
    squares: Lane

    @classmethod
    def zero(cls, n_cells: int) -> MeasureLanes:
        """Nobody anywhere."""
        return cls(*(np.zeros(n_cells, dtype=np.int64) for _ in range(6)))

    def __iter__(self) -> Iterator[Lane]:
        return iter((self.domains, self.base, self.persons, self.rows, self.total, self.squares))

    def kept(self, keep: NDArray[np.bool_]) -> MeasureLanes:
        """The same lanes with zero where `keep` is false."""
        return MeasureLanes(*(np.where(keep, lane, 0) for lane in self))


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of an answer: keys, contributing domains and distinct persons per cell, lanes per measure.

    In a domain `domains` is the indicator 0 or 1; at the gate it is the sum of the indicators.
    """

    shape: Shape
    keys: tuple[tuple[Key, ...], ...]
    domains: Lane
    persons: Lane
    lanes: tuple[MeasureLanes, ...]

    def __post_init__(self) -> None:
        n_cells = len(self.keys)
        if len(self.lanes) != len(self.shape.measures):
            raise CellsInvalid(f"expected {len(self.shape.measures)} measures, got {len(self.lanes)}")
        for key in self.keys:
            if len(key) != len(self.shape.keys):
                raise CellsInvalid(f"expected {len(self.shape.keys)} keys per cell, got {len(key)}")
        if len(set(map(_identity, self.keys))) != n_cells:
            raise CellsInvalid("expected each cell once, got one twice")
        for lane in (self.domains, self.persons, *(lane for lanes in self.lanes for lane in lanes)):
            if lane.dtype != np.int64 or lane.shape != (n_cells,):
                raise CellsInvalid(f"expected lanes of {n_cells} 64-bit integers, got others")
        _check_persons(self)

    @property
    def matrix(self) -> NDArray[np.int64]:
        """All lanes, int64[width, cells], in the order of `Shape.lane_names`."""
        rows = [self.domains, self.persons]
        for measure, lanes in zip(self.shape.measures, self.lanes, strict=True):
            rows += [getattr(lanes, name) for name in measure.lanes]
        return np.stack(rows)

    @classmethod
    def from_matrix(cls, shape: Shape, keys: Sequence[tuple[Key, ...]], matrix: NDArray[np.int64]) -> Cells:
        """The inverse of `matrix`; `CellsInvalid` if it does not fit the shape or counts fewer than zero persons."""
        if matrix.dtype != np.int64 or matrix.shape != (shape.width, len(keys)):
            raise CellsInvalid(f"expected {shape.width} lanes of {len(keys)} cells, got another matrix")
        rows = iter(matrix)
        domains, persons = next(rows), next(rows)
        lanes = []
        for measure in shape.measures:
            own = {name: next(rows) for name in measure.lanes}
            lanes.append(
                MeasureLanes(
                    **{
                        name: own.get(name, np.zeros(len(keys), dtype=np.int64))
                        for name in MeasureLanes.__dataclass_fields__
                    }
                )
            )
        return cls(shape, tuple(keys), domains, persons, tuple(lanes))

    def kept(self, keep: NDArray[np.bool_]) -> Cells:
        """The same cells with every lane zero where `keep` is false: as if nobody were there."""
        return Cells(
            self.shape,
            self.keys,
            np.where(keep, self.domains, 0),
            np.where(keep, self.persons, 0),
            tuple(lanes.kept(keep) for lanes in self.lanes),
        )


def _identity(key: tuple[Key, ...]) -> tuple[tuple[type, Key], ...]:
    # True == 1 == Decimal(1) in Python, but they are different keys of a table.
    return tuple((type(part), part) for part in key)


def _check_persons(cells: Cells) -> None:
    """Counts are not negative; a measure has at most its base, and its base at most the cell's persons."""
    if (cells.domains < 0).any() or (cells.persons < 0).any():
        raise CellsInvalid("expected counts of at least zero, got fewer")
    for lanes in cells.lanes:
        ordered = (lanes.persons >= 0) & (lanes.persons <= lanes.base) & (lanes.base <= cells.persons)
        if not (ordered & (lanes.domains >= 0) & (lanes.domains <= cells.domains)).all():
            raise CellsInvalid("expected a measure to count no more than its cell, got more")
        if (lanes.rows < 0).any() or (lanes.squares < 0).any():
            raise CellsInvalid("expected counts of at least zero, got fewer")
