"""What of the summed cells is released: the rules of the gate (L3), rounding (L4), marks and the report.

Rules, in this order; the first that fails is the one that is counted:

1. *Somebody.* A cell without persons is withheld, like any small cell. The gate cannot tell an empty cell from one that every
   domain withheld, nor may the recipient: if empty cells were shown as zero, a withheld cell would say "somebody is
   here, fewer than ten", and a zero itself says of everybody else that they are not there.
2. *Persons.* At least `persons` distinct persons. 3. *Domains.* At least `domains` contribute; one-domain answers are exempt,
   two domains need the signed bilateral flag. 4. *Complement.* Outside the cell nobody or at least `complement` persons.
5. The table is protected against subtraction (`secondary`).
6. *Values.* Each measure with its own persons and domains by rules 1 to 3. Its rest of the cell is judged too: with a missing
   value, nobody or at least `complement`; with a condition at least `complement`, since "all of them meet it" discloses as
   much as "none of them does". A variance needs `variance_persons`, and must not be zero, which says the same of a value.
   Then rule 5 for the values of each measure.
7. *Rounding.* Counts to the base; sums to significant digits, those of whole numbers to the base before; means and shares are
   computed from the rounded parts; variances from the exact lanes and then rounded, since the difference of rounded parts
   would be noise or even negative. Totals are recomputed from the rounded cells.

Dominance needs single contributions and was decided in every domain (`dominance`). A cell or value in which not all domains
contribute is counted as partial in the report. What is shown, ordered and cut is left to `presenting`.

What suppression itself tells: of a withheld cell only that some rule failed. Counts by rule tell of the whole answer how
many cells were sparse, how many nearly the whole universe; they never speak of dominance, which looks like absence here.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from policies.disclosure.cells import Cells, Coverage, Key, Kind, Lane, Measure, MeasureLanes, Shape
from policies.disclosure.errors import CellsInvalid
from policies.disclosure.limits import Limits
from policies.disclosure.report import DisclosureReport, Tally
from policies.disclosure.rounding import plain, root, significant, to_base, to_places
from policies.disclosure.rules import Rule
from policies.disclosure.secondary import lines, protect


class Mark(Enum):
    """Stands where a value was withheld, whatever the reason."""

    SUPPRESSED = "suppressed"


Value: TypeAlias = int | Decimal | Mark


@dataclass(frozen=True, slots=True)
class Row:
    """One cell as released: its key, its rounded persons and one value per measure. A withheld cell has marks only."""

    key: tuple[Key, ...]
    persons: int | Mark
    values: tuple[Value, ...]

    @property
    def withheld(self) -> bool:
        """Whether nothing of the cell is released."""
        return isinstance(self.persons, Mark)


@dataclass(frozen=True, slots=True)
class Judged:
    """The answer after all rules: one row per cell in the order of the cells, and the report."""

    shape: Shape
    rows: tuple[Row, ...]
    report: DisclosureReport

    @property
    def totals(self) -> tuple[int | Decimal | None, ...]:
        """Per measure the sum of its released, rounded values; None where a sum means nothing or nothing is released.

        Distinct persons do not add up over cells: one person may be in several.
        """
        return tuple(
            _total([row.values[place] for row in self.rows]) if measure.kind in _ADDITIVE else None
            for place, measure in enumerate(self.shape.measures)
        )


_ADDITIVE = frozenset({Kind.COUNT, Kind.SUM})


def judge(
    cells: Cells,
    limits: Limits,
    *,
    universe: int,
    n_domains: int,
    bilateral: bool = False,
    domains: Lane | None = None,
) -> Judged:
    """Judge the summed `cells` of an answer over `n_domains` domains whose universes together hold `universe` persons.

    `domains` int64[cells], contributing domains per cell, is the lane of the same name unless the caller knows fewer.
    Raises `AnswerTooLarge` (L0), and `CellsInvalid` if the lanes cannot come from such domains.
    """
    cells.shape.check_size(len(cells.keys), limits)
    contributing = cells.domains if domains is None else np.minimum(domains, cells.domains)
    if n_domains < 1 or (cells.domains > n_domains).any() or (cells.persons > universe).any():
        raise CellsInvalid("expected cells within the universe of the domains, got more persons or domains")
    required = limits.required_domains(n_domains, bilateral=bilateral)
    table = lines(cells.keys)

    tally = Tally(len(cells.keys))
    _judge_cells(tally, cells, contributing, required=required, universe=universe, limits=limits)
    everything = np.ones(len(cells.keys), dtype=np.bool_)
    protect(
        tally, visible=everything, persons=cells.persons, held=(cells.persons,), table=table, k=limits.persons
    )
    released = tally.passing

    tallies = []
    for measure, lanes in zip(cells.shape.measures, cells.lanes, strict=True):
        own = Tally(len(cells.keys), over=released)
        _judge_values(own, measure, lanes, required=required, limits=limits)
        if own.counts:
            held = (lanes.persons, lanes.base - lanes.persons)
            protect(own, visible=released, persons=cells.persons, held=held, table=table, k=limits.persons)
        tallies.append(own)
    return Judged(
        shape=cells.shape,
        rows=_rows(cells, released, [own.passing for own in tallies], limits),
        report=DisclosureReport(
            cells=len(cells.keys),
            values=int(released.sum()) * len(tallies),
            cells_by_rule=tally.counts,
            values_by_rule=_added_counts(tallies),
            partial=int((released & (contributing < n_domains)).sum()),
            partial_values=sum(
                int((own.passing & (lanes.domains < n_domains)).sum())
                for own, lanes in zip(tallies, cells.lanes, strict=True)
            ),
            n_domains=n_domains,
            bilateral=bilateral,
            limits=limits,
        ),
    )


def _judge_cells(
    tally: Tally, cells: Cells, contributing: Lane, *, required: int, universe: int, limits: Limits
) -> None:
    outside = universe - cells.persons
    tally.note(Rule.EMPTY_OR_LOCAL, cells.persons == 0)
    tally.note(Rule.PERSONS, cells.persons < limits.persons)
    tally.note(Rule.DOMAINS, contributing < required)
    tally.note(Rule.COMPLEMENT, (outside > 0) & (outside < limits.complement))


def _judge_values(
    tally: Tally, measure: Measure, lanes: MeasureLanes, *, required: int, limits: Limits
) -> None:
    rest = lanes.base - lanes.persons
    tally.note(Rule.EMPTY_OR_LOCAL, lanes.persons == 0)
    tally.note(Rule.PERSONS, lanes.persons < limits.persons)
    tally.note(Rule.DOMAINS, lanes.domains < required)
    if measure.coverage is Coverage.CONDITION:
        tally.note(Rule.CONDITION_COMPLEMENT, rest < limits.complement)
    else:
        tally.note(Rule.CONDITION_COMPLEMENT, (rest > 0) & (rest < limits.complement))
    if measure.kind.is_dispersion:
        tally.note(Rule.VARIANCE_PERSONS, lanes.persons < limits.variance_persons)
        tally.note(Rule.UNIFORM, _uniform(lanes))
    # Each person brings at least one row. Fewer rows are not a rule's business but a wrong lane's.
    if "rows" in measure.kind.lanes and (tally.passing & (lanes.rows < lanes.persons)).any():
        raise CellsInvalid("expected at least one row for each person, got fewer")


def _uniform(lanes: MeasureLanes) -> NDArray[np.bool_]:
    """Whether no amount of a cell deviates from the mean; not even less, which clipping apart can make of it."""
    exact = zip(lanes.rows.tolist(), lanes.total.tolist(), lanes.squares.tolist(), strict=True)
    return np.array([rows * squares <= total * total for rows, total, squares in exact], dtype=np.bool_)


def _rows(
    cells: Cells, released: NDArray[np.bool_], values: list[NDArray[np.bool_]], limits: Limits
) -> tuple[Row, ...]:
    rows = []
    for index, key in enumerate(cells.keys):
        persons = int(cells.persons[index])
        rows.append(
            Row(
                key=key,
                persons=to_base(persons, limits.count_base) if released[index] else Mark.SUPPRESSED,
                values=tuple(
                    _value(measure, lanes, index, limits) if passing[index] else Mark.SUPPRESSED
                    for measure, lanes, passing in zip(cells.shape.measures, cells.lanes, values, strict=True)
                ),
            )
        )
    return tuple(rows)


def _value(measure: Measure, lanes: MeasureLanes, index: int, limits: Limits) -> int | Decimal:
    rows, total, squares = (int(lane[index]) for lane in (lanes.rows, lanes.total, lanes.squares))
    persons, base = int(lanes.persons[index]), int(lanes.base[index])
    match measure.kind:
        case Kind.COUNT:
            return to_base(rows, limits.count_base)
        case Kind.PERSONS:
            return to_base(persons, limits.count_base)
        case Kind.SUM:
            value = _sum(total, measure.scale, limits)
        case Kind.MEAN:
            parts = Fraction(_sum(total, measure.scale, limits)) / to_base(rows, limits.count_base)
            value = significant(parts, limits.sum_digits)
        case Kind.SHARE:
            share = Fraction(to_base(persons, limits.count_base), to_base(base, limits.count_base))
            value = significant(share, limits.sum_digits)
        case kind:
            variance = _variance(kind, rows, total, squares) / 100**measure.scale
            is_root = kind in {Kind.STDDEV, Kind.STDDEV_POP}
            value = significant(root(variance) if is_root else variance, limits.sum_digits)
    return value if measure.places is None else to_places(value, measure.places)


def _sum(total: int, scale: int, limits: Limits) -> Decimal:
    if scale == 0:
        # A sum of whole numbers may be a count in disguise (of zeros and ones): it is rounded like one as well.
        total = to_base(total, limits.count_base)
    return significant(Fraction(total, 10**scale), limits.sum_digits)


def _variance(kind: Kind, rows: int, total: int, squares: int) -> Fraction:
    """The variance in fixed-point units squared."""
    return (squares - Fraction(total * total, rows)) / (
        rows if kind in {Kind.VARIANCE_POP, Kind.STDDEV_POP} else rows - 1
    )


def _total(values: list[Value]) -> int | Decimal | None:
    known = [value for value in values if not isinstance(value, Mark)]
    if not known:
        return None
    total = sum(map(Fraction, known), Fraction(0))
    return int(total) if all(isinstance(value, int) for value in known) else plain(total)


def _added_counts(tallies: list[Tally]) -> dict[Rule, int]:
    counts: dict[Rule, int] = {}
    for tally in tallies:
        for rule, count in tally.counts.items():
            counts[rule] = counts.get(rule, 0) + count
    return counts
