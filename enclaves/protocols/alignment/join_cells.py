"""Counts and sums by group over a join, in the shape that disclosure control works on.

Rules:
- The cells are all combinations of the declared values of the keys, occupied or not: which of them occur is not told by
  the table's form.
- One entry per person: in the join everybody stands in one row. Where an amount is absent the person does not stand
  behind the measure.
- `contributions` has single persons, for the rules that need them (dominance; "that is a join, and is judged where the
  join is made", `policies.disclosure.dominance`); `cells` has the exact sums, for those that do not. Every department of
  the join contributes to every occupied cell.

k, rounding, dominance, budgets and the release itself are left to `policies.disclosure` and the gate.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Final

import numpy as np
from numpy.typing import NDArray

from enclaves.protocols.alignment.join import Joined
from enclaves.protocols.alignment.payload import ABSENT, Amount, Category
from enclaves.protocols.errors import ProtocolError
from policies.disclosure.cells import Cells, Coverage, Key, Kind, Lane, Measure, MeasureLanes, Shape
from policies.disclosure.dominance import check_sums, sums
from policies.disclosure.limits import MAX_CELLS
from policies.disclosure.local import Amounts, Contributions

_OF_PERSONS: Final = frozenset({Kind.COUNT, Kind.PERSONS})
_OF_AMOUNTS: Final = frozenset(
    {Kind.SUM, Kind.MEAN, Kind.VARIANCE, Kind.VARIANCE_POP, Kind.STDDEV, Kind.STDDEV_POP}
)


@dataclass(frozen=True, slots=True)
class Column:
    """A field of one department's records."""

    department: str
    name: str

    @property
    def label(self) -> str:
        """The key's name in the answer."""
        return f"{self.department}.{self.name}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One aggregate over the join: persons, or an amount of a department.

    The kinds of persons cover the cell and have no column; those of amounts cover the persons who have one.
    """

    name: str
    kind: Kind
    of: Column | None = None

    def __post_init__(self) -> None:
        """Raises ProtocolError for a kind without its column, or that a join does not answer."""
        expected = _OF_PERSONS if self.of is None else _OF_AMOUNTS
        if self.kind not in expected:
            raise ProtocolError(f"expected persons, or an amount with its column, got `{self.kind.value}`")


@dataclass(frozen=True, slots=True)
class JoinQuestion:
    """Keys, each a category of some department, and figures."""

    keys: tuple[Column, ...]
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class JoinCells:
    """The answer before disclosure control: keys of all cells, single contributions, and their exact sums."""

    keys: tuple[tuple[Key, ...], ...]
    contributions: Contributions
    cells: Cells


def join_cells(joined: Joined, question: JoinQuestion) -> JoinCells:
    """The cells of `question` over `joined`.

    Raises ProtocolError for fields that no department declared or more than 500 cells, CellsInvalid for sums beyond 62 bits.
    """
    categories = [_category(joined, column) for column in question.keys]
    n_cells = prod(len(category.values) for category, _ in categories)
    if n_cells > MAX_CELLS:
        raise ProtocolError(f"expected at most {MAX_CELLS} cells, got {n_cells}")
    keys = tuple(product(*(category.values for category, _ in categories)))
    cell = np.zeros(joined.persons, dtype=np.int32)
    for category, codes in categories:
        cell = (cell * len(category.values) + codes).astype(np.int32)
    measures, amounts = [], []
    for figure in question.figures:
        measure, own = _amounts(joined, figure)
        measures.append(measure)
        amounts.append(own)
    shape = Shape(tuple(column.label for column in question.keys), tuple(measures))
    person = np.arange(joined.persons, dtype=np.int32)
    contributions = Contributions(cell, person, tuple(amounts))
    return JoinCells(keys, contributions, _cells(shape, keys, contributions, n_domains=len(joined.columns)))


def _category(joined: Joined, column: Column) -> tuple[Category, NDArray[np.int64]]:
    shape = joined.shapes.get(column.department)
    for at, category in enumerate(shape.categories if shape else ()):
        if category.name == column.name:
            return category, joined.columns[column.department].codes[:, at]
    raise ProtocolError(f"expected a category of a joined department, got `{column.label}`")


def _amount(joined: Joined, column: Column) -> tuple[Amount, NDArray[np.int64]]:
    shape = joined.shapes.get(column.department)
    for at, amount in enumerate(shape.amounts if shape else ()):
        if amount.name == column.name:
            return amount, joined.columns[column.department].amounts[:, at]
    raise ProtocolError(f"expected an amount of a joined department, got `{column.label}`")


def _amounts(joined: Joined, figure: Figure) -> tuple[Measure, Amounts]:
    """The measure and each person's part in it."""
    if figure.of is None:
        one, zero = np.ones(joined.persons, dtype=np.int64), np.zeros(joined.persons, dtype=np.int64)
        return Measure(figure.name, figure.kind), Amounts(one, zero, zero)
    field, values = _amount(joined, figure.of)
    measure = Measure(figure.name, figure.kind, Coverage.PRESENT, field.scale)
    rows = (values != ABSENT).astype(np.int64)
    total = np.where(rows > 0, values, 0)
    squares = np.zeros_like(total)
    if figure.kind.is_dispersion:
        if max(abs(field.low), abs(field.high)) >= 2**31:
            raise ProtocolError("expected bounds within 31 bits for a variance, got wider ones")
        squares = total**2
    return measure, Amounts(rows, total, squares)


def _cells(
    shape: Shape, keys: tuple[tuple[Key, ...], ...], contributions: Contributions, *, n_domains: int
) -> Cells:
    persons = np.bincount(contributions.cell, minlength=len(keys)).astype(np.int64)
    domains = np.where(persons > 0, n_domains, 0).astype(np.int64)
    lanes = tuple(
        _lanes(measure.kind, own, cell=contributions.cell, persons=persons, domains=domains)
        for measure, own in zip(shape.measures, contributions.measures, strict=True)
    )
    return Cells(shape, keys, domains, persons, lanes)


def _lanes(
    kind: Kind, amounts: Amounts, *, cell: NDArray[np.int32], persons: Lane, domains: Lane
) -> MeasureLanes:
    summed = {name: np.zeros(len(persons), dtype=np.int64) for name in ("rows", "total", "squares")}
    for name in kind.lanes:
        lane = getattr(amounts, name)
        check_sums(lane)
        summed[name] = sums(cell, lane, len(persons))
    behind = np.bincount(cell[amounts.rows > 0], minlength=len(persons)).astype(np.int64)
    return MeasureLanes(domains=domains, base=persons, persons=behind, **summed)
