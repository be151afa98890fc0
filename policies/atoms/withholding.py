"""Which cells must be withheld so that every atom stays large enough: forced first, then chosen, then given back.

1. A cell (or value) without whose withdrawal a small part of an atom cannot grow is forced: no admissible answer has it.
2. If nothing is forced and a part is still small, the cell is withheld that heals most small parts; of equals the one
   with fewest units behind it, then the first. Cells before their values in the order of features.
3. A choice that later choices made needless is taken back. So nothing withheld could be released beside the rest, unless
   several choices together could.

Deterministic: the same atoms and the same answer give the same verdict in every process. Works on classes, units of one atom
and one pattern, which nothing can part; so its cost after one pass over the units depends on how many kinds of units there
are. What the verdict means, and its proof, stand in `policies.atoms.admission`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from policies.atoms.errors import AtomsInvalid
from policies.atoms.partition import Labels, check_labels, ranked, ranked_pairs, sizes
from policies.atoms.patterns import Patterns, pattern_codes
from policies.disclosure.dominance import concentration, sums
from policies.disclosure.limits import Limits

# So many single withdrawals are tried before everything that still offends is withheld at once.
_SINGLE_STEPS: Final = 32
_ASKED: Final = 256
_LIMITS: Final = Limits()
_Having: TypeAlias = frozenset[tuple[int, int]]
"""The released features of a part, each with its symbol."""


@dataclass(frozen=True, slots=True)
class Admission:
    """The verdict: `released` bool[features] and the atoms to keep from now on (the old ones if not accepted)."""

    accepted: bool
    released: NDArray[np.bool_]
    atoms: Labels


def admitted(
    atoms: Labels,
    patterns: Patterns,
    *,
    k: int,
    droppable: bool,
    owner: Labels | None = None,
    amounts: Sequence[NDArray[np.int64]] = (),
    limits: Limits = _LIMITS,
) -> Admission:
    """The verdict on an answer that treats units by `patterns`; the arguments are those of the functions in `admission`."""
    check_labels(atoms)
    check_labels(patterns.of_person, n=len(atoms))
    if k < 1:
        raise AtomsInvalid(f"expected an atom size of at least one, got {k}")
    if owner is not None:
        check_labels(owner, n=len(atoms))
    if any(lane.dtype != np.int64 or lane.shape != atoms.shape for lane in amounts):
        raise AtomsInvalid("expected one 64-bit amount for each unit, got others")
    # Units of one atom and one pattern stay together whatever is withheld: from here on they are one class.
    unit_class, class_atom, class_pattern = ranked_pairs(atoms, patterns.of_person)
    weighed = _Classes(
        of_unit=unit_class,
        atom=class_atom,
        pattern=class_pattern,
        units=sizes(unit_class),
        owner=owner,
        most_units=1 if owner is None or not len(owner) else int(np.bincount(owner).max()),
        amounts=tuple(amounts),
        limits=limits,
        k=k,
    )
    released = np.zeros(len(patterns.parent), dtype=np.bool_)
    released[patterns.feature[np.isin(patterns.pattern, class_pattern)]] = True
    parts = _parts(weighed, patterns, released)
    if parts.small.any():
        if not droppable:
            return Admission(False, np.zeros_like(released), atoms)
        released, parts = _withheld(weighed, patterns, released)
    if not released.any():
        return Admission(False, released, atoms)
    return Admission(True, released, parts.of_class[unit_class])


def _withheld(
    classes: _Classes, patterns: Patterns, released: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], _Parts]:
    """What may still be released once every touched atom is large enough, and the atoms then."""
    # 1. Each round withholds something, so this ends: with nothing released no atom is touched.
    picked: list[NDArray[np.bool_]] = []
    parts = _parts(classes, patterns, released)
    while (small := parts.small).any():
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
        if not with_more.small.any():
            released, parts = more, with_more
    return released, parts


@dataclass(frozen=True, slots=True)
class _Classes:
    """Units by atom and pattern: the class of each unit; atom, pattern and number of units of each class.

    `most_units` is how many units one person has at most. An atom needs `k` persons.
    """

    of_unit: Labels
    atom: NDArray[np.int64]
    pattern: NDArray[np.int64]
    units: NDArray[np.int64]
    owner: Labels | None
    most_units: int
    amounts: tuple[NDArray[np.int64], ...]
    limits: Limits
    k: int

    def few(self, part: Labels, n_parts: int) -> NDArray[np.bool_]:
        """The unions of classes with fewer than k persons, `part` int32[classes]."""
        total = np.zeros(n_parts, dtype=np.int64)
        np.add.at(total, part, self.units)
        # So many units cannot be of fewer than k persons; only the others are counted person by person.
        doubtful = total < self.k * self.most_units
        if self.owner is None or not doubtful.any():
            return doubtful
        part_of_unit = part[self.of_unit]
        asked = np.flatnonzero(doubtful[part_of_unit])
        labels, different = ranked(part_of_unit[asked].astype(np.int64), bound=n_parts)
        few = np.zeros(n_parts, dtype=np.bool_)
        few[different] = sizes(labels, self.owner[asked]) < self.k
        return few

    def dominated(self, part: Labels, n_parts: int) -> NDArray[np.bool_]:
        """The unions of classes in which one or two persons' amounts stand out.

        By the lemma in `policies.disclosure.dominance` a union of parts that are not dominated is not either, so what is said
        of size holds of dominance too: merging heals, and never harms.
        """
        found = np.zeros(n_parts, dtype=np.bool_)
        if not self.amounts:
            return found
        part_of_unit = part[self.of_unit]
        entry = np.arange(len(part_of_unit), dtype=np.int32)
        group = part_of_unit
        if self.owner is not None:
            entry, where, _ = ranked_pairs(part_of_unit, self.owner)
            group = where.astype(np.int32)
        for lane in self.amounts:
            of_person = sums(entry, lane, len(group))
            found |= concentration(group, of_person, n_parts).dominated(self.limits)
        return found


@dataclass(frozen=True, slots=True)
class _Parts:
    """The atoms as they would be if `released` features were.

    `of_class` is the part of each class. By part: the old atom it is of, and whether it is too small, by persons or since few
    of them dominate it; an untouched atom stays what it was, whatever its size. `pair_part`, `feature` and `symbol` list
    the released features of each part, in the order of the parts. `behind` counts the units of each feature.
    """

    of_class: Labels
    atom: NDArray[np.int64]
    small: NDArray[np.bool_]
    pair_part: NDArray[np.int64]
    feature: NDArray[np.int64]
    symbol: Labels
    behind: NDArray[np.int64]


def _parts(classes: _Classes, patterns: Patterns, released: NDArray[np.bool_]) -> _Parts:
    left = released[patterns.feature]
    pattern, symbol = patterns.pattern[left], patterns.symbol[left]
    reduced = pattern_codes(pattern, symbol, patterns.n_patterns)[classes.pattern]
    part, part_atom, part_set = ranked_pairs(classes.atom.astype(np.int32), reduced)
    n_parts = len(part_atom)
    touched = np.zeros(int(part_atom.max(initial=0)) + 1, dtype=np.bool_)
    touched[part_atom[part_set > 0]] = True
    # Every class of a part has the same features; any may speak for it.
    representative = np.zeros(n_parts, dtype=np.int64)
    representative[part] = classes.pattern
    order = np.argsort(pattern, kind="stable")
    degree = np.bincount(pattern, minlength=patterns.n_patterns)
    start, count = (np.cumsum(degree) - degree)[representative], degree[representative]
    pair_part = np.repeat(np.arange(n_parts), count)
    within = np.arange(len(pair_part)) - np.repeat(np.cumsum(count) - count, count)
    place = order[start[pair_part] + within]
    of_pair = patterns.feature[left][place].astype(np.int64)
    units = np.zeros(n_parts, dtype=np.int64)
    np.add.at(units, part, classes.units)
    behind = np.zeros(len(patterns.parent), dtype=np.int64)
    np.add.at(behind, of_pair, units[pair_part])
    return _Parts(
        of_class=part,
        atom=part_atom,
        small=touched[part_atom] & (classes.few(part, n_parts) | classes.dominated(part, n_parts)),
        pair_part=pair_part,
        feature=of_pair,
        symbol=symbol[place],
        behind=behind,
    )


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
