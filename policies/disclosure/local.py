"""What a domain contributes to an answer: its own cells, judged before anything is masked (L1, L2, part of L3).

Rules, per cell of this domain:

1. *Persons.* At least `local_persons` distinct persons, in a one-domain answer at least `persons`.
2. *Complement.* Outside the cell nobody or at least `complement` persons of the domain's universe.
3. *Measures.* Each has its own persons (with a value, meeting the condition), judged like the cell, with the rest of the
   cell as complement: nobody or at least `local_persons`.
4. *Dominance* of each measure over persons' totals (`dominance`), for a variance over their squares too: an outlier that
   is half of no sum can still be nearly all of a variance. These rules need single contributions, so they are decided
   here for good; the lemma in `dominance` says why that suffices for the sum over domains.

A failing cell contributes zero in every lane, indicator included, and a failing measure zero in its own lanes: as if nobody
were there. So even if all other parties pool what they know, what is left is a contribution that was releasable (protocols.md
§1.2 A5, A17), and its absence does not say why. Why is counted in `LocalReport`, which stays in the domain.

Contributions arrive clipped row by row; here each person's total is clipped to its bound. What earlier answers allow (the
atom rule) is left to `policies.atoms` and applied by `LocallyJudged.without`; sums, rounding and marks to `release`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from policies.disclosure.cells import Cells, Coverage, Key, Kind, Lane, Measure, MeasureLanes, Shape
from policies.disclosure.dominance import check_sums, concentration, sums
from policies.disclosure.errors import CellsInvalid
from policies.disclosure.limits import Limits
from policies.disclosure.report import LocalReport, Tally
from policies.disclosure.rules import Rule

_MAX_AMOUNT: Final = 2**62


@dataclass(frozen=True, slots=True)
class Amounts:
    """One measure's part of the entries: int64[entries] each.

    `rows` is how many rows of the person in the cell have a value and meet the condition (0: the person does not stand
    behind the measure), `total` their sum in fixed point, `squares` their sum of squares in twice the scale.
    """

    rows: Lane
    total: Lane
    squares: Lane


@dataclass(frozen=True, slots=True)
class Contributions:
    """One entry for each person in each cell: `cell` and `person` int32[entries], amounts per measure."""

    cell: NDArray[np.int32]
    person: NDArray[np.int32]
    measures: tuple[Amounts, ...]


@dataclass(frozen=True, slots=True)
class PersonBound:
    """The interval into which one person's total is clipped, in fixed point; of a count, `high` is the most rows."""

    low: int
    high: int

    def __post_init__(self) -> None:
        if not -_MAX_AMOUNT < self.low <= self.high < _MAX_AMOUNT:
            raise CellsInvalid("expected a bound with its lower end first, within 62 bits, got another")


@dataclass(frozen=True, slots=True)
class LocallyJudged:
    """The lanes a domain may mask, which cells (bool[cells]) and values (bool[measures, cells]) they hold, and the report."""

    cells: Cells
    released: NDArray[np.bool_]
    values: NDArray[np.bool_]
    report: LocalReport

    def without(self, withheld: NDArray[np.bool_], *, rule: Rule = Rule.ATOM) -> LocallyJudged:
        """The same with further cells (bool[cells]) withheld, as the atom rule asks."""
        newly = withheld & self.released
        keep = self.released & ~withheld
        return LocallyJudged(
            cells=self.cells.kept(keep),
            released=keep,
            values=self.values & keep,
            report=self.report.with_cells(rule, int(newly.sum())),
        )


def judge_locally(
    contributions: Contributions,
    *,
    shape: Shape,
    keys: Sequence[tuple[Key, ...]],
    bounds: Sequence[PersonBound | None],
    universe: int,
    limits: Limits,
    one_domain: bool = False,
) -> LocallyJudged:
    """Sum this domain's contributions into cells and withhold what the local rules do not let go.

    `keys` are the cells (the public dictionary, or those that occur), `bounds` one per measure, `universe` the persons of
    this domain's universe. Raises `CellsInvalid` for contributions that do not fit, `AnswerTooLarge` for too many cells.
    """
    shape.check_size(len(keys), limits)
    _check_contributions(contributions, shape=shape, n_cells=len(keys), universe=universe)
    if len(bounds) != len(shape.measures):
        raise CellsInvalid(f"expected {len(shape.measures)} bounds, got {len(bounds)}")
    threshold = limits.persons if one_domain else limits.local_persons
    n_cells = len(keys)
    persons = np.bincount(contributions.cell, minlength=n_cells)
    cell_tally = Tally(n_cells)
    cell_tally.note(Rule.LOCAL_PERSONS, persons < threshold)
    rest = universe - persons
    cell_tally.note(Rule.LOCAL_COMPLEMENT, (rest > 0) & (rest < limits.complement))
    released = cell_tally.passing
    lanes, tallies = [], []
    for measure, amounts, bound in zip(shape.measures, contributions.measures, bounds, strict=True):
        clipped = _clipped(amounts, measure, bound)
        own = _lanes(contributions.cell, clipped, measure.kind, base=np.where(released, persons, 0))
        tally = Tally(n_cells, over=released)
        _judge_measure(tally, own, measure, threshold=threshold, limits=limits)
        _judge_dominance(tally, contributions.cell, clipped, kind=measure.kind, limits=limits)
        lanes.append(own.kept(tally.passing))
        tallies.append(tally)
    cells = Cells(shape, tuple(keys), released.astype(np.int64), np.where(released, persons, 0), tuple(lanes))
    return LocallyJudged(
        cells=cells,
        released=released,
        values=np.stack([tally.passing for tally in tallies]),
        report=LocalReport.of(cell_tally, tallies),
    )


def _judge_measure(
    tally: Tally, lanes: MeasureLanes, measure: Measure, *, threshold: int, limits: Limits
) -> None:
    if measure.coverage is Coverage.CELL:
        return
    tally.note(Rule.LOCAL_PERSONS, lanes.persons < threshold)
    rest = lanes.base - lanes.persons
    tally.note(Rule.LOCAL_CONDITION, (rest > 0) & (rest < limits.local_persons))


def _judge_dominance(
    tally: Tally, cell: NDArray[np.int32], amounts: Amounts, *, kind: Kind, limits: Limits
) -> None:
    match kind:
        case Kind.PERSONS | Kind.SHARE:
            weighed: tuple[Lane, ...] = ()
        case Kind.COUNT:
            weighed = (amounts.rows,)
        case Kind.SUM | Kind.MEAN:
            weighed = (amounts.total,)
        case _:
            weighed = (amounts.total, amounts.squares)
    for lane in weighed:
        for rule, failing in concentration(cell, lane, len(tally.passing)).failures(limits):
            tally.note(rule, failing)


def _clipped(amounts: Amounts, measure: Measure, bound: PersonBound | None) -> Amounts:
    """The amounts with each person's total clipped; nobody who does not stand behind the measure brings an amount."""
    behind = amounts.rows > 0
    rows, total = amounts.rows, np.where(behind, amounts.total, 0)
    squares = np.where(behind, amounts.squares, 0)
    if bound is None:
        return Amounts(rows, total, squares)
    if measure.kind is Kind.COUNT:
        return Amounts(np.where(behind, np.clip(rows, 1, max(bound.high, 1)), 0), total, squares)
    most = min(max(bound.low**2, bound.high**2), _MAX_AMOUNT)
    return Amounts(
        rows, np.where(behind, np.clip(total, bound.low, bound.high), 0), np.clip(squares, 0, most)
    )


def _lanes(cell: NDArray[np.int32], amounts: Amounts, kind: Kind, *, base: Lane) -> MeasureLanes:
    n_cells = len(base)
    own = {name: getattr(amounts, name) for name in kind.lanes}
    for lane in own.values():
        check_sums(lane)
    nothing = np.zeros(n_cells, dtype=np.int64)
    behind = np.bincount(cell[amounts.rows > 0], minlength=n_cells)
    return MeasureLanes(
        domains=(base > 0).astype(np.int64),
        base=base,
        persons=np.where(base > 0, behind, 0),
        rows=sums(cell, own["rows"], n_cells) if "rows" in own else nothing,
        total=sums(cell, own["total"], n_cells) if "total" in own else nothing,
        squares=sums(cell, own["squares"], n_cells) if "squares" in own else nothing,
    )


def _check_contributions(contributions: Contributions, *, shape: Shape, n_cells: int, universe: int) -> None:
    cell, person = contributions.cell, contributions.person
    if len(contributions.measures) != len(shape.measures):
        raise CellsInvalid(f"expected {len(shape.measures)} measures, got {len(contributions.measures)}")
    if cell.dtype != np.int32 or person.dtype != np.int32 or cell.shape != person.shape or cell.ndim != 1:
        raise CellsInvalid("expected cell and person of each entry as 32-bit integers, got others")
    for measure, amounts in zip(shape.measures, contributions.measures, strict=True):
        for lane in (amounts.rows, amounts.total, amounts.squares):
            if lane.dtype != np.int64 or lane.shape != cell.shape:
                raise CellsInvalid("expected one 64-bit amount per entry, got others")
        if (amounts.rows < 0).any() or (amounts.squares < 0).any():
            raise CellsInvalid("expected rows and squares of at least zero, got fewer")
        if measure.coverage is Coverage.CELL and not amounts.rows.all():
            raise CellsInvalid("expected every person of a cell behind its count, got one without rows")
    if not cell.size:
        return
    if cell.min() < 0 or cell.max() >= n_cells or person.min() < 0 or person.max() >= universe:
        raise CellsInvalid("expected entries within the cells and the universe, got others")
    # A person counted twice in a cell would pass thresholds that one person must not pass.
    pairs = cell.astype(np.int64) * universe + person
    if (pairs[1:] > pairs[:-1]).all():
        return
    pairs.sort()
    if (pairs[1:] == pairs[:-1]).any():
        raise CellsInvalid("expected one entry for each person in each cell, got two")
