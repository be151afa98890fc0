"""What else must be hidden so that the hidden cells stay hidden.

1. *Remainder.* All hidden cells together hold nobody or at least k persons; else the next smallest cell is hidden too. Whoever
   knows the total learns at most the remainder.
2. *Lines.* In a table of two or three keys, a line is the cells that agree on all keys but one. If exactly one cell of a
   line of at least two is hidden, the smallest other cell of the line is hidden too.

The values of a measure are protected the same way; the smallest is then chosen by the persons of the cell, and the remainder is
held for those behind the measure and for the rest of their cells. So a condition and its opposite are hidden in the same
cells, and neither gives the other away.

Repeated until neither asks for more; ties go to the first cell. Both rules follow from the visible part of the table, the
persons of hidden cells enter only the first, as "fewer than k". This is a heuristic against simple subtraction within one
table: what holds over all answers is proved by the atom rule in each domain.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from policies.disclosure.cells import Key, Lane
from policies.disclosure.report import Tally
from policies.disclosure.rules import Rule

_FEWEST_KEYS = 2


def lines(keys: Sequence[tuple[Key, ...]]) -> tuple[NDArray[np.intp], ...]:
    """The lines of a table of several keys, each as the indices of its cells; none for fewer than two keys."""
    if not keys or len(keys[0]) < _FEWEST_KEYS:
        return ()
    found: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        for free in range(len(key)):
            fixed = tuple((type(part), part) for place, part in enumerate(key) if place != free)
            found[free, *fixed].append(index)
    return tuple(np.array(cells, dtype=np.intp) for cells in found.values() if len(cells) > 1)


def protect(
    tally: Tally,
    *,
    visible: NDArray[np.bool_],
    persons: Lane,
    held: Sequence[Lane],
    table: Sequence[NDArray[np.intp]],
    k: int,
) -> None:
    """Hide further cells in `tally` until both rules hold.

    `visible` bool[cells] is what was visible before the tally's rules (for a measure: the released cells); what is visible
    now is `visible & tally.passing`. `persons` int64[cells] are those of the cells, by which the smallest is chosen; of
    each lane of `held` the hidden part is nothing or at least k.
    """
    while True:
        open_cells = visible & tally.passing
        more = _for_remainder(open_cells, persons, held, k)
        if more.any():
            tally.note(Rule.REMAINDER, more)
            continue
        more = _for_lines(open_cells, persons, table)
        if not more.any():
            return
        tally.note(Rule.SECONDARY, more)


def _for_remainder(
    open_cells: NDArray[np.bool_], persons: Lane, held: Sequence[Lane], k: int
) -> NDArray[np.bool_]:
    more = np.zeros_like(open_cells)
    # The sort is stable: of equal cells the first is hidden.
    for index in sorted(np.flatnonzero(open_cells), key=lambda cell: int(persons[cell])):
        hidden = ~open_cells | more
        if not any(0 < int(lane[hidden].sum()) < k for lane in held):
            break
        more[index] = True
    return more


def _for_lines(
    open_cells: NDArray[np.bool_], persons: Lane, table: Sequence[NDArray[np.intp]]
) -> NDArray[np.bool_]:
    more = np.zeros_like(open_cells)
    for line in table:
        hidden = ~(open_cells & ~more)[line]
        if hidden.sum() == 1:
            rest = line[~hidden]
            more[rest[np.argmin(persons[rest])]] = True
    return more
