"""Whether an answer may join all earlier ones: the atom rule, L5, exact (protocols.md §6.3).

**State.** `atoms` int32[units]: two units share an atom if and only if every answer released so far treated them alike.

**Rule.** An answer is admitted if afterwards every atom it touches holds at least k persons. Cells that would leave an atom of
0 < size < k are withheld, which merges them into "no released cell", until none is left; if no cell is left, the answer is
not admitted and the atoms stay as they were.

**Proof.** Let M be the matrix of all released sums over persons, M[s, i] the weight of person i's amount in sum s (one column
per person and amount). Persons of one atom have equal columns in M, by definition of the atom. A linear combination of
released sums has the weights c·M, which are equal on an atom. So the persons it involves are a union of atoms: none, or at
least k. Rounding, suppression at the gate, HAVING, means, shares and variances are functions of these sums and of public
numbers, and reveal no more than the sums. Atoms that are finer than what is released (a cell that the gate withholds
later) only make the rule stricter.

**What enters the code.** Everything on which a released sum depends, person by person:
- the cell, or the set of cells for a person with rows in several (`admit_pairs`);
- whether a person stands behind a measure: the condition of a conditional aggregate, the null pattern of a nullable column,
  for AVG as for COUNT, since its denominator is a released sum (`admit_values`);
- the roster: an answer over other persons, or the same query asked again when a domain has gone, is one more predicate
  (protocols.md §1.2 A10), and so is "changed since the last snapshot".

**Rows.** If a person has several rows, her amounts in two answers are sums over different rows of hers, and their difference is
an amount of its own: "cost up to day 9" minus "up to day 8" has every visitor on both sides, and is the visit of day 9.
Membership of persons cannot see it. There the units are rows, `owner` says whose, and an atom's size is its distinct
persons; the proof is the same with one column per row. Counts of distinct persons are not sums over rows, so they need
persons as units too: `admit_rows` holds both at once. A join repeats rows: an amount of a table counts as often as
its row occurs. There each table with a measure in the answer is a line of its own, how often being part of what is said
of a unit: `admit_lines`.

**Limits of the proof.** Amounts must be the same in all answers: bounds, to which they are clipped, may not change within a
snapshot (`history`), and a person's total that is clipped over several rows is not a sum over rows: either no total
reaches its bound, or those that do are a feature like a condition. Equal amounts and outside knowledge are not excluded:
a group of k persons may all be alike, and k - 1 of them may know it. Which cells are withheld depends on the data; it tells
that some atom would be small, not whose. That, and refusals, are bounded by counting (`history`), not proved away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from policies.atoms.errors import AtomsInvalid
from policies.atoms.partition import Labels, check_labels, ranked, ranked_pairs, sizes
from policies.atoms.patterns import (
    Patterns,
    pattern_codes,
    patterns_of_codes,
    patterns_of_pairs,
    patterns_of_values,
)

# So many single withdrawals are tried before everything that still offends is withheld at once.
_SINGLE_STEPS: Final = 32
_ASKED: Final = 256
_Having: TypeAlias = frozenset[tuple[int, int]]
"""The released features of a part, each with its symbol."""


@dataclass(frozen=True, slots=True)
class Admission:
    """The verdict: `released` bool[features] and the atoms to keep from now on (the old ones if not accepted)."""

    accepted: bool
    released: NDArray[np.bool_]
    atoms: Labels


@dataclass(frozen=True, slots=True)
class ValueAdmission:
    """The verdict cell by cell, bool[cells], and value by value, bool[measures, cells]; no value outlives its cell."""

    accepted: bool
    cells: NDArray[np.bool_]
    values: NDArray[np.bool_]
    atoms: Labels


@dataclass(frozen=True, slots=True)
class RowAdmission:
    """The verdict for rows of several per person: atoms of persons and of rows, kept side by side."""

    accepted: bool
    released: NDArray[np.bool_]
    person_atoms: Labels
    row_atoms: Labels


@dataclass(frozen=True, slots=True)
class Line:
    """One sort of units and what an answer says of them: pairs `unit`, `code` int32[pairs], a code once for each time.

    `owner` int32[units] is the person of each unit, None if the units are persons. If `counted`, how often a unit is in a
    cell is part of what is said: a row that a join repeats counts as often in a sum. Distinct persons are not counted.
    """

    atoms: Labels
    unit: Labels
    code: Labels
    owner: Labels | None = None
    counted: bool = True

    def patterns(self, released: NDArray[np.bool_]) -> Patterns:
        """What the answer says if only `released` bool[codes] are."""
        if self.code.size and int(self.code.max()) >= len(released):
            raise AtomsInvalid(f"expected codes below {len(released)}, got another")
        kept = slice(None) if released.all() else released[self.code]
        return patterns_of_pairs(
            self.unit[kept],
            self.code[kept],
            persons=len(self.atoms),
            n_cells=len(released),
            counted=self.counted,
        )


@dataclass(frozen=True, slots=True)
class LinesAdmission:
    """The verdict for several lines: `released` bool[codes], and by line the atoms to keep from now on."""

    accepted: bool
    released: NDArray[np.bool_]
    atoms: tuple[Labels, ...]


def admit(
    atoms: Labels,
    codes: Labels,
    *,
    k: int,
    droppable: bool = True,
    n_codes: int | None = None,
    owner: Labels | None = None,
) -> Admission:
    """Admit an answer in which each unit is in at most one cell: `codes` int32[units], 0 for none.

    `released` is bool[n_codes], its first always false. With `owner` int32[units] the units are rows and k counts persons.
    With `droppable` false it is all cells or none.
    """
    check_labels(codes, n=len(atoms))
    most = int(codes.max(initial=0)) + 1
    n_codes = most if n_codes is None else n_codes
    if n_codes < most:
        raise AtomsInvalid(f"expected codes below {n_codes}, got another")
    return _admit(atoms, patterns_of_codes(codes, n_codes=n_codes), k=k, droppable=droppable, owner=owner)


def admit_pairs(
    atoms: Labels, person: Labels, cell: Labels, n_cells: int, *, k: int, droppable: bool = True
) -> Admission:
    """Admit an answer in which a person may be in several cells: pairs int32[pairs], cells 0 … n_cells - 1."""
    patterns = patterns_of_pairs(person, cell, persons=len(atoms), n_cells=n_cells)
    return _admit(atoms, patterns, k=k, droppable=droppable)


def admit_values(
    atoms: Labels,
    person: Labels,
    cell: Labels,
    behind: NDArray[np.bool_],
    *,
    n_cells: int,
    k: int,
    owner: Labels | None = None,
) -> ValueAdmission:
    """Admit an answer with conditional or nullable measures; `behind` bool[measures, pairs] as in `patterns_of_values`.

    Measures behind which everybody stands need no line of `behind`; measures of one column share one. With `owner`
    int32[units] the units are rows, `person` names rows, and k counts persons.
    """
    patterns = patterns_of_values(person, cell, behind, persons=len(atoms), n_cells=n_cells)
    verdict = _admit(atoms, patterns, k=k, droppable=True, owner=owner)
    released = verdict.released.reshape(1 + len(behind), n_cells)
    return ValueAdmission(verdict.accepted, released[0], released[1:], verdict.atoms)


def admit_lines(lines: Sequence[Line], *, n_codes: int, k: int) -> LinesAdmission:
    """Admit one answer on several lines of units at once; a code 0 … n_codes - 1 is released on all of them or on none."""
    released, answered = np.ones(n_codes, dtype=np.bool_), np.zeros(n_codes, dtype=np.bool_)
    atoms = []
    for line in lines:
        patterns = line.patterns(released)
        verdict = _admit(line.atoms, patterns, k=k, droppable=True, owner=line.owner)
        present = np.zeros(n_codes, dtype=np.bool_)
        present[patterns.feature] = True
        released &= verdict.released | ~present
        answered |= verdict.released
        atoms.append(verdict.atoms)
    answered &= released
    if not answered.any():
        return LinesAdmission(False, answered, tuple(line.atoms for line in lines))
    if not released.all():
        # Merging parts never makes one smaller: what a later line withheld cannot offend an earlier one.
        atoms = [ranked_pairs(line.atoms, line.patterns(released).of_person)[0] for line in lines]
    return LinesAdmission(True, answered, tuple(atoms))


def admit_rows(
    person_atoms: Labels, row_atoms: Labels, *, owner: Labels, codes: Labels, n_codes: int, k: int
) -> RowAdmission:
    """Admit an answer over the rows of one table: `owner` and `codes` int32[rows], code 0 for none; see *Rows* above."""
    check_labels(owner, n=len(row_atoms))
    check_labels(codes, n=len(row_atoms))
    row = np.flatnonzero(codes).astype(np.int32)
    lines = (
        # A row of one table is in one cell, once.
        Line(row_atoms, row, codes[row], owner, counted=False),
        Line(person_atoms, owner[row], codes[row], counted=False),
    )
    verdict = admit_lines(lines, n_codes=n_codes, k=k)
    return RowAdmission(verdict.accepted, verdict.released, verdict.atoms[1], verdict.atoms[0])


def _admit(
    atoms: Labels, patterns: Patterns, *, k: int, droppable: bool, owner: Labels | None = None
) -> Admission:
    check_labels(atoms)
    check_labels(patterns.of_person, n=len(atoms))
    if k < 1:
        raise AtomsInvalid(f"expected an atom size of at least one, got {k}")
    if owner is not None:
        check_labels(owner, n=len(atoms))
    # Units of one atom and one pattern stay together whatever is withheld: from here on they are one class.
    unit_class, class_atom, class_pattern = ranked_pairs(atoms, patterns.of_person)
    weighed = _Classes(unit_class, class_atom, class_pattern, sizes(unit_class), owner)
    released = np.zeros(len(patterns.parent), dtype=np.bool_)
    released[patterns.feature[np.isin(patterns.pattern, class_pattern)]] = True
    parts = _parts(weighed, patterns, released)
    if parts.small(k).any():
        if not droppable:
            return Admission(False, np.zeros_like(released), atoms)
        released, parts = _withheld(weighed, patterns, released, k=k)
    if not released.any():
        return Admission(False, released, atoms)
    return Admission(True, released, parts.of_class[unit_class])


def _withheld(
    classes: _Classes, patterns: Patterns, released: NDArray[np.bool_], *, k: int
) -> tuple[NDArray[np.bool_], _Parts]:
    """What may still be released once every touched atom is large enough, and the atoms then."""
    # 1. Each round withholds something, so this ends: with nothing released no atom is touched.
    picked: list[NDArray[np.bool_]] = []
    parts = _parts(classes, patterns, released)
    while (small := parts.small(k)).any():
        offending = _forced(parts, small)
        if not offending.any():
            offending = _chosen(parts, small, all_of_them=len(picked) >= _SINGLE_STEPS)
            picked.append(offending)
        released = patterns.closed(released & ~offending)
        parts = _parts(classes, patterns, released)
    # 2. A choice that later ones made needless is taken back; what was forced never is.
    for offending in picked:
        more = patterns.closed(released | offending)
        with_more = _parts(classes, patterns, more)
        if not with_more.small(k).any():
            released, parts = more, with_more
    return released, parts


@dataclass(frozen=True, slots=True)
class _Classes:
    """Units by atom and pattern: the class of each unit; atom, pattern and number of units of each class."""

    of_unit: Labels
    atom: NDArray[np.int64]
    pattern: NDArray[np.int64]
    units: NDArray[np.int64]
    owner: Labels | None

    def persons(self, part: Labels, n_parts: int) -> NDArray[np.int64]:
        """Distinct persons of each union of classes, `part` int32[classes]."""
        if self.owner is not None:
            return sizes(part[self.of_unit], self.owner)
        total = np.zeros(n_parts, dtype=np.int64)
        np.add.at(total, part, self.units)
        return total


@dataclass(frozen=True, slots=True)
class _Parts:
    """The atoms as they would be if `released` features were.

    `of_class` is the part of each class. By part: the old atom it is of, the persons in it, whether its old atom is
    touched at all. `pair_part`, `feature` and `symbol` list the released features of each part, in the order of the
    parts. `behind` counts the units of each feature.
    """

    of_class: Labels
    atom: NDArray[np.int64]
    persons: NDArray[np.int64]
    touched: NDArray[np.bool_]
    pair_part: NDArray[np.int64]
    feature: NDArray[np.int64]
    symbol: Labels
    behind: NDArray[np.int64]

    def small(self, k: int) -> NDArray[np.bool_]:
        """The touched parts that are too small. An untouched atom stays what it was, whatever its size."""
        return self.touched & (self.persons < k)


def _parts(classes: _Classes, patterns: Patterns, released: NDArray[np.bool_]) -> _Parts:
    left = released[patterns.feature]
    pattern, symbol = patterns.pattern[left], patterns.symbol[left]
    reduced = pattern_codes(pattern, symbol, patterns.n_patterns)[classes.pattern]
    part, part_atom, part_set = ranked_pairs(classes.atom.astype(np.int32), reduced)
    touched = np.zeros(int(part_atom.max(initial=0)) + 1, dtype=np.bool_)
    touched[part_atom[part_set > 0]] = True
    # Every class of a part has the same features; any may speak for it.
    representative = np.zeros(len(part_atom), dtype=np.int64)
    representative[part] = classes.pattern
    order = np.argsort(pattern, kind="stable")
    degree = np.bincount(pattern, minlength=patterns.n_patterns)
    start, count = (np.cumsum(degree) - degree)[representative], degree[representative]
    pair_part = np.repeat(np.arange(len(part_atom)), count)
    within = np.arange(len(pair_part)) - np.repeat(np.cumsum(count) - count, count)
    place = order[start[pair_part] + within]
    of_pair = patterns.feature[left][place].astype(np.int64)
    units = np.zeros(len(part_atom), dtype=np.int64)
    np.add.at(units, part, classes.units)
    behind = np.zeros(len(patterns.parent), dtype=np.int64)
    np.add.at(behind, of_pair, units[pair_part])
    persons = classes.persons(part, len(part_atom))
    return _Parts(part, part_atom, persons, touched[part_atom], pair_part, of_pair, symbol[place], behind)


def _forced(parts: _Parts, small: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Features without whose withdrawal a small part cannot grow.

    A part grows only by merging with others of its atom. So a feature must go if a small part is alone in having it, or
    alone in not having it: whatever else is withheld, those who have it (or do not) would stay too few.
    """
    n_features = len(parts.behind)
    forced = np.zeros(n_features, dtype=np.bool_)
    atom = parts.atom[parts.pair_part]
    key, values = ranked(atom * n_features + parts.feature, bound=(int(parts.atom.max()) + 1) * n_features)
    having = np.bincount(key)
    forced[parts.feature[small[parts.pair_part] & (having[key] == 1)]] = True
    # Alone in not having it: of the atom's parts all but one have the feature, and of its small parts one too few.
    of_atom = np.bincount(parts.atom)
    small_of_atom = np.bincount(parts.atom[small], minlength=len(of_atom))
    small_having = np.bincount(key[small[parts.pair_part]], minlength=len(values))
    where, feature = values // n_features, values % n_features
    lacking = (having == of_atom[where] - 1) & (small_having < small_of_atom[where])
    forced[feature[lacking]] = True
    return forced


def _chosen(parts: _Parts, small: NDArray[np.bool_], *, all_of_them: bool) -> NDArray[np.bool_]:
    """The feature with most votes; of equals the one with fewest units behind it, then the first."""
    votes = _votes(parts, small)
    if all_of_them:
        return votes > 0
    best = np.lexsort((parts.behind, -votes))[0]
    return np.asarray(np.arange(len(votes)) == best, dtype=np.bool_)


def _votes(parts: _Parts, small: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each feature how many small parts would merge with another if it alone were withheld.

    A small part that no single feature merges votes for all it has. Only the first small parts are asked.
    """
    votes = np.zeros(len(parts.behind), dtype=np.int64)
    asked = np.flatnonzero(small)[:_ASKED]
    siblings: dict[int, set[_Having]] = {int(atom): set() for atom in parts.atom[asked]}
    sets: dict[int, _Having] = {}
    splits = np.searchsorted(parts.pair_part, np.arange(len(parts.atom) + 1))
    for part in np.flatnonzero(np.isin(parts.atom, parts.atom[asked])):
        where = slice(splits[part], splits[part + 1])
        having = frozenset(zip(parts.feature[where].tolist(), parts.symbol[where].tolist(), strict=True))
        siblings[int(parts.atom[part])].add(having)
        sets[int(part)] = having
    for part in asked:
        own, others = sets[int(part)], siblings[int(parts.atom[part])]
        differing = [{feature for feature, _ in own ^ other} for other in others if other != own]
        merging = {feature for features in differing if len(features) == 1 for feature in features}
        candidates = merging or {feature for feature, _ in own or frozenset().union(*others)}
        votes[list(candidates)] += 1
    return votes
