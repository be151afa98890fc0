"""Which released sums a person is part of, as one exact code: equal codes, equal sets of sums.

A person may have rows in several cells, and within a cell stand behind some measures only (a value that is not null, a
condition that is met). The *pattern* of a person is the set of all sums that she is part of. Two persons of one pattern
have equal columns in the matrix of released sums over persons; that is all the atom rule needs to know.

Patterns are ranked exactly: a person's sorted cells are folded in one at a time, each step a dense rank of (code so far,
next cell). There is no hash and no bound on the number of cells.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from policies.atoms.errors import AtomsInvalid
from policies.atoms.partition import Labels, check_labels, ranked


@dataclass(frozen=True, slots=True)
class Patterns:
    """The pattern of each person, int32[persons], 0 for the empty set; and which features belong to each pattern.

    `pattern`, `feature` and `symbol` int32[pairs] are the incidence: feature f belongs to pattern p, in the way that symbol s
    says (how often, if that is counted; else the feature itself). Features are what may be released or withheld on its
    own: cells, then values of cells. `parent` int32[features] is the feature without which a feature is not released:
    its cell, for a value; itself, for a cell.
    """

    of_person: Labels
    pattern: Labels
    feature: Labels
    symbol: Labels
    n_patterns: int
    parent: Labels

    def closed(self, released: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """`released` bool[features] without the values of withheld cells."""
        return released & released[self.parent]


def pattern_codes(person: Labels, cell: Labels, persons: int) -> Labels:
    """int32[persons]: a dense code of the set of cells a person has pairs with; 0 for the empty set.

    `person` and `cell` int32[pairs]; a pair may occur more than once.
    """
    return _coded(person, cell, persons)[0]


def patterns_of_codes(codes: Labels, *, n_codes: int) -> Patterns:
    """Patterns of units in at most one cell each: `codes` int32[units] in 0 … n_codes - 1, 0 for none."""
    cells = np.arange(1, n_codes, dtype=np.int32)
    return Patterns(codes, cells, cells, cells, n_codes, np.arange(n_codes, dtype=np.int32))


def patterns_of_pairs(
    person: Labels, cell: Labels, *, persons: int, n_cells: int, counted: bool = False
) -> Patterns:
    """Patterns whose features are the cells; if `counted`, how often a pair occurs is part of the pattern."""
    check_labels(cell)
    if cell.size and int(cell.max()) >= n_cells:
        raise AtomsInvalid(f"expected cells below {n_cells}, got another")
    cells = np.arange(n_cells, dtype=np.int32)
    if counted and len(person) == len(cell) and len(cell):
        person, cell, times = _times(person, cell)
        symbols, values = ranked(times * n_cells + cell, bound=(int(times.max()) + 1) * n_cells)
        codes, (pattern, symbol) = _coded(person, symbols, persons)
        feature = (values[symbol] % n_cells).astype(np.int32)
    else:
        codes, (pattern, feature) = _coded(person, cell, persons)
        symbol = feature
    return Patterns(codes, pattern, feature, symbol, int(codes.max(initial=0)) + 1, cells)


def patterns_of_values(
    person: Labels, cell: Labels, behind: NDArray[np.bool_], *, persons: int, n_cells: int
) -> Patterns:
    """Patterns whose features are the cells (0 … n_cells - 1), then each measure's values, (1 + measure) · n_cells + cell.

    `behind` bool[measures, pairs] says whether the person stands behind the measure in the cell. The mean of a nullable
    column divides by the persons' rows with a value, so their number is a released sum as well; it is the same feature.
    A pair may occur more than once; the person stands behind a measure if she does in any of them.
    """
    n_measures = len(behind)
    if behind.shape != (n_measures, len(cell)) or n_measures > 20:
        raise AtomsInvalid("expected one flag for each of at most 20 measures and each pair, got others")
    if not n_measures:
        return patterns_of_pairs(person, cell, persons=persons, n_cells=n_cells)
    check_labels(cell)
    if cell.size and int(cell.max()) >= n_cells:
        raise AtomsInvalid(f"expected cells below {n_cells}, got another")
    symbol = cell.astype(np.int64) << n_measures
    for place, flags in enumerate(behind):
        symbol |= flags.astype(np.int64) << place
    dense, values = ranked(symbol, bound=n_cells << n_measures)
    codes, (pattern, which) = _coded(person, dense, persons)
    symbol = values[which]
    home = (symbol >> n_measures).astype(np.int32)
    parts = [(pattern, home)]
    for place in range(n_measures):
        met = (symbol >> place & 1).astype(np.bool_)
        parts.append((pattern[met], home[met] + np.int32((1 + place) * n_cells)))
    feature = np.concatenate([other for _, other in parts])
    return Patterns(
        codes,
        np.concatenate([one for one, _ in parts]),
        feature,
        feature,
        int(codes.max(initial=0)) + 1,
        np.arange((1 + n_measures) * n_cells, dtype=np.int32) % np.int32(n_cells),
    )


def patterns_of_counted_values(
    unit: Labels, cell: Labels, behind: NDArray[np.bool_], *, units: int, n_cells: int
) -> Patterns:
    """As `patterns_of_values`, but how often a unit is in a cell, and behind a measure there, is part of its pattern."""
    n_measures = len(behind)
    if behind.shape != (n_measures, len(cell)):
        raise AtomsInvalid("expected one flag for each measure and each pair, got others")
    home = np.arange((1 + n_measures) * n_cells, dtype=np.int32) % np.int32(n_cells)
    features = [cell] + [cell[flags] + np.int32((1 + place) * n_cells) for place, flags in enumerate(behind)]
    who = [unit] + [unit[flags] for flags in behind]
    found = patterns_of_pairs(
        np.concatenate(who), np.concatenate(features), persons=units, n_cells=len(home), counted=True
    )
    return replace(found, parent=home)


def _coded(person: Labels, cell: Labels, persons: int) -> tuple[Labels, tuple[Labels, Labels]]:
    """Codes by person, and the different (code, cell) pairs."""
    check_labels(person)
    check_labels(cell, n=len(person))
    if not len(person):
        empty = np.zeros(0, dtype=np.int32)
        return np.zeros(persons, dtype=np.int32), (empty, empty)
    if int(person.max()) >= persons:
        raise AtomsInvalid(f"expected persons below {persons}, got another")
    who, what, start = _in_order(person, cell)
    if len(start) == len(who):
        # Nobody is in two cells: the cell is the pattern.
        ranks, values = ranked(what.astype(np.int64), bound=int(what.max()) + 1)
        codes = np.zeros(persons, dtype=np.int32)
        codes[who] = ranks + np.int32(1)
        return codes, (np.arange(1, len(values) + 1, dtype=np.int32), values.astype(np.int32))
    folded = _folded(what, start)
    codes = np.zeros(persons, dtype=np.int32)
    codes[who[start]] = folded
    first = np.zeros(int(folded.max()) + 1, dtype=np.int64)
    first[folded[::-1]] = start[::-1]
    count = np.diff(np.append(start, len(who)))
    length = np.zeros(len(first), dtype=np.int64)
    length[folded] = count
    pattern = np.repeat(np.arange(len(first)), length)
    within = np.arange(len(pattern)) - np.repeat(np.cumsum(length) - length, length)
    return codes, (pattern.astype(np.int32), what[first[pattern] + within])


def _folded(what: Labels, start: NDArray[np.int64]) -> Labels:
    """A dense code from 1 of each run of `what`; runs begin at `start`."""
    count = np.diff(np.append(start, len(what)))
    codes = np.zeros(len(start), dtype=np.int64)
    width, taken = int(what.max()) + 1, 1
    for depth in range(int(count.max())):
        longer = np.flatnonzero(count > depth)
        step = codes[longer] * width + what[start[longer] + depth]
        ranks, values = ranked(step, bound=taken * width)
        # New codes never meet those of runs that have ended.
        codes[longer] = taken + ranks
        taken += len(values)
    return ranked(codes, bound=taken)[0] + np.int32(1)


def _times(person: Labels, cell: Labels) -> tuple[Labels, Labels, NDArray[np.int64]]:
    """The different pairs and how often each occurs."""
    check_labels(person)
    width = int(cell.max()) + 1
    ranks, different = ranked(person.astype(np.int64) * width + cell, bound=(int(person.max()) + 1) * width)
    return (
        (different // width).astype(np.int32),
        (different % width).astype(np.int32),
        np.bincount(ranks),
    )


def _in_order(person: Labels, cell: Labels) -> tuple[Labels, Labels, NDArray[np.int64]]:
    """The different pairs by person, then cell, and where each person's begin."""
    who, what = person, cell
    if not (person[1:] > person[:-1]).all():
        width = int(cell.max()) + 1
        pairs = person.astype(np.int64) * width + cell
        if (pairs[1:] <= pairs[:-1]).any():
            _, pairs = ranked(pairs, bound=(int(person.max()) + 1) * width)
            who, what = (pairs // width).astype(np.int32), (pairs % width).astype(np.int32)
    start = np.flatnonzero(np.concatenate([[True], who[1:] != who[:-1]]))
    return who, what, start
