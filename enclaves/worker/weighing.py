"""The atom rule over rows and persons, on every account at once: what of an answer may join all earlier ones.

- **Rows** are the units of sums, means and variances: a released number is a sum over rows of a cell, over those that meet a
  condition, or, where it is divided by their number, over those with a value. Of a join the rows of every table are units,
  counted as often as they occur. **Persons** are the units of what counts distinct persons. Each keeps atoms of its own; an
  atom's size is its distinct persons.
- The question **apart from its sensitive columns** is weighed first, on atoms of its own: what offends there is withheld
  whatever the sensitive columns hold, and everything else that is asked refines those atoms, released or not
  (`policies.aggregate.apart` says why).
- What **sums** leave of the rows is kept by column, of the answers that sum it: no atom of these may be dominated by one or
  two persons' amounts either. The sum that offends is withheld, not its cell.
- A cell that offends is withheld, or, if only a measure's condition or null pattern does, that measure in that cell.
- What offends on one account is withheld for all: the answer is one. The rule is asked again until everything that is left
  is admitted, everywhere, as it stands; only then are the atoms refined.

protocols.md section 6.3; the proof is in `policies.atoms.admission`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from enclaves.worker.entries import Entries
from enclaves.worker.lineage import Lineage, Refined, RowLine, Summed, Told
from policies.aggregate.amounts import Amount
from policies.atoms.admission import Line, LinesAdmission, admit_lines
from policies.atoms.partition import Labels
from policies.disclosure.cells import Coverage, Kind, Measure, Shape
from policies.disclosure.limits import Limits
from policies.disclosure.local import LocallyJudged
from policies.disclosure.rules import Rule
from policies.sql.row_statement import AMOUNT, ROW

_FINEST = 2.0**30
_DIVIDED = frozenset(kind for kind in Kind if "rows" in kind.lanes and kind is not Kind.COUNT)


@dataclass(frozen=True, slots=True)
class Weighed:
    """An account's lineage, and the place of each person of the population among its persons."""

    lineage: Lineage
    place: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Apart:
    """The entries of the question apart from its sensitive columns, and the cell there of each cell here."""

    entries: Entries
    shape: Shape
    cell: NDArray[np.intp]

    @property
    def everything(self) -> _Left:
        """All cells and values."""
        cells = np.ones(len(self.entries.keys), dtype=np.bool_)
        return _Left(cells, np.ones((len(self.shape.measures), len(cells)), dtype=np.bool_))


@dataclass(frozen=True, slots=True)
class Weight:
    """What each row of a table would add to a sum: float64[rows] in the order of the file, the largest being one."""

    amount: Amount
    share: NDArray[np.float64]

    @classmethod
    def of(cls, amount: Amount, rows: pa.Table) -> Weight:
        """From the result of the amount's statement."""
        values = np.abs(pc.fill_null(pc.cast(rows.column(AMOUNT), pa.float64()), 0.0).to_numpy())
        share = np.zeros(len(values))
        share[rows.column(ROW).to_numpy()] = values / max(float(values.max(initial=0.0)), 1e-300)
        return cls(amount, share)

    def lanes(self, held: RowLine, *, squared: bool) -> tuple[NDArray[np.int64], ...]:
        """Amounts of the units of a table, exact enough to compare; those of rows that are gone are nothing."""
        lanes = []
        for power in (1, 2) if squared else (1,):
            lane = np.zeros(len(held.hashes), dtype=np.int64)
            lane[held.place] = np.rint(self.share**power * _FINEST).astype(np.int64)
            lanes.append(lane)
        return tuple(lanes)


@dataclass(frozen=True, slots=True)
class _Left:
    """What is still to be released: cells (bool[cells]), values (bool[measures, cells])."""

    cells: NDArray[np.bool_]
    values: NDArray[np.bool_]

    def both(self, other: _Left) -> _Left:
        cells = self.cells & other.cells
        return _Left(cells, self.values & other.values & cells)

    def same(self, other: _Left) -> bool:
        return bool((self.cells == other.cells).all() and (self.values == other.values).all())


def weigh(
    judged: LocallyJudged,
    accounts: Sequence[Weighed],
    entries: Entries,
    apart: Apart,
    weights: Sequence[Weight],
    *,
    tables: Sequence[str],
    limits: Limits,
) -> tuple[LocallyJudged, list[Lineage]]:
    """Withhold what the atom rule does not admit on any of the accounts; the lineages after what is left.

    `tables` are those of FROM, in order; every lineage knows their rows.
    """
    k = limits.atom_size
    asked = [_Asked(account, apart.entries, apart.shape, tables, apart=True) for account in accounts]
    known, told = _settled(asked, apart.everything, k=k)
    lineages = [account.lineage for account in accounts]
    if told is not None:
        lineages = [line.after_asking(left) for line, left in zip(lineages, told, strict=True)]
    left = _Left(judged.released, judged.values).both(
        _Left(known.cells[apart.cell], known.values[:, apart.cell])
    )
    asked = [_Asked(account, entries, judged.cells.shape, tables, apart=False) for account in accounts]
    left, _ = _settled(asked, left, k=k)
    left, summed = _summed(asked, left, weights, limits=limits)
    # What the sums withheld merges parts, so that everything left is admitted as it stands.
    left, told = _settled(asked, left, k=k)
    if told is not None:
        lineages = [
            line.after(found).after_sums(sums)
            for line, found, sums in zip(lineages, told, summed, strict=True)
        ]
    return _without(judged, left), lineages


def _summed(
    asked: Sequence[_Asked], left: _Left, weights: Sequence[Weight], *, limits: Limits
) -> tuple[_Left, list[Summed]]:
    """What of `left` leaves no dominated atom on any account; and what its sums leave of each."""
    while True:
        values = left.values.copy()
        summed: list[dict[tuple[str, str], Refined]] = [{} for _ in asked]
        for one, found in zip(asked, summed, strict=True):
            for weight in weights:
                line = one.sums(left, weight)
                n_cells, places = left.values.shape[1], list(weight.amount.measures)
                verdict = admit_lines(
                    [line], n_codes=len(places) * n_cells, k=limits.atom_size, limits=limits
                )
                present = np.zeros(len(places) * n_cells, dtype=np.bool_)
                present[line.code] = True
                values[places] &= (verdict.cells | ~present).reshape(len(places), n_cells)
                touched = _touched(len(line.atoms), line.unit)
                found[weight.amount.table, weight.amount.column] = Refined(verdict.atoms[0], touched)
        if (values == left.values).all():
            return left, list(summed)
        left = _Left(left.cells, values)


def _settled(asked: Sequence[_Asked], left: _Left, *, k: int) -> tuple[_Left, list[Told] | None]:
    """What of `left` every account admits as it stands, and what that leaves of each; None if nothing is left."""
    while left.cells.any():
        tried = [(one, lines := one.lines(left), one.admission(lines, k=k)) for one in asked]
        admitted = left
        for one, _, verdict in tried:
            admitted = admitted.both(one.admitted(verdict))
        if admitted.same(left):
            return left, [one.told(lines, verdict) for one, lines, verdict in tried]
        left = admitted
    return left, None


@dataclass(frozen=True, slots=True)
class _Asked:
    """One account's view of an answer: which of its units, rows by table and persons, are in which cell."""

    account: Weighed
    entries: Entries
    shape: Shape
    tables: Sequence[str]
    apart: bool

    def lines(self, left: _Left) -> list[Line]:
        """A line for the rows of each table, then one for the persons, of what is `left`."""
        lineage, entries = self.account.lineage, self.entries
        kept = np.flatnonzero(left.cells[entries.cell])
        cell = entries.cell[kept]
        behind = entries.behind[:, kept] & left.values[:, cell]
        lines = []
        for table, rows in zip(self.tables, entries.rows, strict=True):
            held = lineage.tables[table]
            found = np.flatnonzero(rows[kept] >= 0)
            lines.append(
                Line(
                    (held.apart if self.apart else held.units).atoms,
                    held.place[rows[kept][found]],
                    cell[found],
                    held.owner,
                    # A row of one table is in one cell, once.
                    counted=len(self.tables) > 1,
                    behind=(behind & _of_rows(self.shape)[:, None])[:, found],
                )
            )
        persons = (lineage.apart if self.apart else lineage.persons).atoms
        person = self.account.place[entries.person[kept]]
        flags = behind & _of_persons(self.shape)[:, None]
        return [*lines, Line(persons, person, cell, counted=False, behind=flags)]

    def sums(self, left: _Left, weight: Weight) -> Line:
        """The rows that stand behind the sums of a column, by measure and cell, of what is `left`."""
        amount, entries = weight.amount, self.entries
        held = self.account.lineage.tables[amount.table]
        rows = entries.rows[list(self.tables).index(amount.table)]
        units, codes = [], []
        for number, place in enumerate(amount.measures):
            behind = entries.behind[place] & left.values[place][entries.cell] & (rows >= 0)
            at = np.flatnonzero(behind)
            units.append(held.place[rows[at]])
            codes.append(entries.cell[at] + np.int32(number * left.values.shape[1]))
        squared = any(self.shape.measures[place].kind.is_dispersion for place in amount.measures)
        return Line(
            held.column(amount.column).atoms,
            np.concatenate(units),
            np.concatenate(codes),
            held.owner,
            counted=len(self.tables) > 1,
            amounts=weight.lanes(held, squared=squared),
        )

    def admission(self, lines: Sequence[Line], *, k: int) -> LinesAdmission:
        return admit_lines(lines, n_codes=len(self.entries.keys), k=k)

    def admitted(self, verdict: LinesAdmission) -> _Left:
        """Cells and values; a value that depends on no more than its cell is admitted with it."""
        selecting = _of_rows(self.shape) | _of_persons(self.shape)
        return _Left(verdict.cells, verdict.cells & (verdict.values | ~selecting[:, None]))

    def told(self, lines: Sequence[Line], verdict: LinesAdmission) -> Told:
        refined = [
            Refined(atoms, _touched(len(atoms), line.unit))
            for line, atoms in zip(lines, verdict.atoms, strict=True)
        ]
        tables: Mapping[str, Refined] = dict(zip(self.tables, refined[:-1], strict=True))
        return Told(tables, refined[-1])


def _of_rows(shape: Shape) -> NDArray[np.bool_]:
    """Measures whose numbers depend on more than the cell: a condition, or a null pattern they are divided by."""
    return np.array([m.kind is not Kind.PERSONS and _selects(m) for m in shape.measures], dtype=np.bool_)


def _of_persons(shape: Shape) -> NDArray[np.bool_]:
    return np.array(
        [m.kind is Kind.PERSONS and m.coverage is not Coverage.CELL for m in shape.measures], dtype=np.bool_
    )


def _selects(measure: Measure) -> bool:
    return measure.coverage is Coverage.CONDITION or (
        measure.coverage is Coverage.PRESENT and measure.kind in _DIVIDED
    )


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
