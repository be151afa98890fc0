"""The atom rule over rows and persons, on every account at once: what of an answer may join all earlier ones.

- **Rows** are the units of sums, means and variances: a released number is a sum over rows of a cell, over those that meet a
  condition, or, where it is divided by their number, over those with a value. **Persons** are the units of what counts
  distinct persons. Each keeps atoms of its own; an atom's size is its distinct persons.
- A cell that offends is withheld, or, if only a measure's condition or null pattern does, that measure in that cell.
- What offends on one account is withheld for all: the answer is one. The rule is asked again until everything that is left
  is admitted, everywhere, as it stands; only then are the atoms refined.

protocols.md section 6.3; the proof is in `policies.atoms.admission`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from enclaves.worker.entries import Entries
from enclaves.worker.lineage import Lineage
from policies.atoms.admission import ValueAdmission, admit_values
from policies.atoms.partition import Labels
from policies.disclosure.cells import Coverage, Kind, Measure, Shape
from policies.disclosure.local import LocallyJudged
from policies.disclosure.rules import Rule

_DIVIDED = frozenset(kind for kind in Kind if "rows" in kind.lanes and kind is not Kind.COUNT)


@dataclass(frozen=True, slots=True)
class Weighed:
    """An account's lineage, and the place of each person of the population among its persons."""

    lineage: Lineage
    place: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class _Left:
    """What is still to be released: cells (bool[cells]), values (bool[measures, cells])."""

    cells: NDArray[np.bool_]
    values: NDArray[np.bool_]

    def both(self, other: _Left) -> _Left:
        return _Left(self.cells & other.cells, self.values & other.values)

    def same(self, other: _Left) -> bool:
        return bool((self.cells == other.cells).all() and (self.values == other.values).all())


def weigh(
    judged: LocallyJudged, lines: Sequence[Weighed], entries: Entries, *, unit: str, k: int
) -> tuple[LocallyJudged, list[Lineage]]:
    """Withhold what the atom rule does not admit on any of the accounts; the lineages after what is left."""
    shape = judged.cells.shape
    left = _Left(judged.released, judged.values)
    while left.cells.any():
        tried = [_Try.of(line, entries, left, shape=shape, unit=unit, k=k) for line in lines]
        admitted = left
        for one in tried:
            admitted = admitted.both(one.left(left, shape))
        if admitted.same(left):
            return _without(judged, left), [one.lineage(unit) for one in tried]
        left = admitted
    return _without(judged, left), [line.lineage for line in lines]


@dataclass(frozen=True, slots=True)
class _Try:
    """One account's verdict on what is left: by rows and by persons; and which units the answer touches."""

    line: Weighed
    rows: ValueAdmission
    persons: ValueAdmission
    row_touched: Labels
    person_touched: Labels

    @classmethod
    def of(cls, line: Weighed, entries: Entries, left: _Left, *, shape: Shape, unit: str, k: int) -> _Try:
        held = line.lineage.tables[unit]
        kept = np.flatnonzero(left.cells[entries.cell])
        cell = entries.cell[kept]
        row, person = held.place[entries.row[kept]], line.place[entries.person[kept]]
        n_cells = len(entries.keys)
        behind = entries.behind[:, kept] & left.values[:, cell]
        rows = admit_values(
            held.units.atoms,
            row,
            cell,
            behind[_of_rows(shape)],
            n_cells=n_cells,
            k=k,
            owner=held.owner,
        )
        who, where, counted = _persons(person, cell, behind[_of_persons(shape)], n_cells=n_cells)
        persons = admit_values(line.lineage.persons.atoms, who, where, counted, n_cells=n_cells, k=k)
        return cls(
            line,
            rows,
            persons,
            _touched(len(held.units.atoms), row),
            _touched(len(line.lineage.pids), person),
        )

    def left(self, asked: _Left, shape: Shape) -> _Left:
        cells = asked.cells & self.rows.cells & self.persons.cells
        values = asked.values & cells
        values[_of_rows(shape)] &= self.rows.values | ~asked.values[_of_rows(shape)]
        values[_of_persons(shape)] &= self.persons.values | ~asked.values[_of_persons(shape)]
        return _Left(cells, values)

    def lineage(self, unit: str) -> Lineage:
        return self.line.lineage.after(
            unit,
            rows=self.rows.atoms,
            row_touched=self.row_touched,
            persons=self.persons.atoms,
            person_touched=self.person_touched,
        )


def _of_rows(shape: Shape) -> list[int]:
    """Measures whose numbers depend on more than the cell: a condition, or a null pattern they are divided by."""
    return [i for i, m in enumerate(shape.measures) if m.kind is not Kind.PERSONS and _selects(m)]


def _of_persons(shape: Shape) -> list[int]:
    return [
        i for i, m in enumerate(shape.measures) if m.kind is Kind.PERSONS and m.coverage is not Coverage.CELL
    ]


def _selects(measure: Measure) -> bool:
    return measure.coverage is Coverage.CONDITION or (
        measure.coverage is Coverage.PRESENT and measure.kind in _DIVIDED
    )


def _persons(
    person: Labels, cell: Labels, behind: NDArray[np.bool_], *, n_cells: int
) -> tuple[Labels, Labels, NDArray[np.bool_]]:
    """One pair for each person in each cell; behind a measure if any of the person's rows there is."""
    pair = person.astype(np.int64) * n_cells + cell
    distinct, place = np.unique(pair, return_inverse=True)
    counted = np.zeros((len(behind), len(distinct)), dtype=np.bool_)
    for number, flags in enumerate(behind):
        counted[number, place[flags]] = True
    return (distinct // n_cells).astype(np.int32), (distinct % n_cells).astype(np.int32), counted


def _touched(units: int, which: Labels) -> Labels:
    touched = np.zeros(units, dtype=np.int32)
    touched[which] = 1
    return touched


def _without(judged: LocallyJudged, left: _Left) -> LocallyJudged:
    """`judged` with only what is left, cells first, then single values."""
    kept = judged.without(~left.cells)
    fewer = kept.values & ~left.values
    lanes = tuple(lane.kept(~gone) for lane, gone in zip(kept.cells.lanes, fewer, strict=True))
    values = dict(kept.report.values_by_rule)
    if fewer.any():
        values[Rule.ATOM] = values.get(Rule.ATOM, 0) + int(fewer.sum())
    return replace(
        kept,
        cells=replace(kept.cells, lanes=lanes),
        values=kept.values & left.values,
        report=replace(kept.report, values_by_rule=MappingProxyType(values)),
    )
