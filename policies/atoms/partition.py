"""Partitions of persons (or rows) as dense labels, and the exact ways to refine and weigh them.

A partition of n units is an int32[n] vector of labels 0 … parts - 1, each in use. Ranks follow the order of the pairs
(old label, code), so the same input gives the same labels everywhere. Nothing is hashed into a smaller range: two pairs
share a label if and only if they are equal. Ranks come from a table or a bitmap with counted prefixes, without a sort.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from policies.atoms.errors import AtomsInvalid

Labels: TypeAlias = NDArray[np.int32]

# Up to here a table of the whole range fits the cache; beyond, one bit a value.
_TABLE: Final = 2**22
_BITMAP: Final = 2**32
_WORD_BITS: Final = 6
_RADIX_BITS: Final = 16


def refine(atoms: Labels, codes: Labels) -> Labels:
    """The partition by both: units share a label if and only if they share their atom and their code."""
    check_labels(atoms)
    check_labels(codes, n=len(atoms))
    return ranked_pairs(atoms, codes)[0]


def sizes(labels: Labels, owner: Labels | None = None) -> NDArray[np.int64]:
    """Units of each part, int64[parts]; with `owner` (the person each unit belongs to) distinct persons instead."""
    if owner is None or not len(labels):
        return np.bincount(labels)
    return _distinct_owners(labels, owner)


def smallest(atoms: Labels) -> int:
    """The size of the smallest atom; 0 if there is nobody."""
    return int(np.bincount(atoms).min()) if len(atoms) else 0


def ranked_pairs(one: Labels, other: Labels) -> tuple[Labels, NDArray[np.int64], NDArray[np.int64]]:
    """Dense rank of each pair, and by rank the two labels it stands for."""
    if not len(one):
        return np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    width = int(other.max()) + 1
    ranks, values = ranked(one.astype(np.int64) * width + other, bound=(int(one.max()) + 1) * width)
    return ranks, values // width, values % width


def ranked(values: NDArray[np.int64], *, bound: int) -> tuple[Labels, NDArray[np.int64]]:
    """Dense ranks of `values` in 0 … bound - 1, and the different values in ascending order."""
    if bound > _BITMAP:
        distinct, inverse = np.unique(values, return_inverse=True)
        return inverse.astype(np.int32), distinct
    if bound > _TABLE:
        return _ranked_by_bitmap(values, bound)
    present = np.zeros(bound, dtype=np.bool_)
    present[values] = True
    rank = np.cumsum(present, dtype=np.int32) - 1
    return rank.astype(np.int32)[values], np.flatnonzero(present)


def check_labels(labels: Labels, *, n: int | None = None) -> None:
    """`AtomsInvalid` unless `labels` is one int32 vector of labels of at least zero, of length `n`."""
    if labels.dtype != np.int32 or labels.ndim != 1 or (n is not None and len(labels) != n):
        raise AtomsInvalid("expected one 32-bit label for each unit, got others")
    if labels.size and int(labels.min()) < 0:
        raise AtomsInvalid("expected labels of at least zero, got one below")


def _ranked_by_bitmap(values: NDArray[np.int64], bound: int) -> tuple[Labels, NDArray[np.int64]]:
    word, bit = values >> _WORD_BITS, np.uint64(1) << (values & 63).astype(np.uint64)
    words = np.zeros((bound >> _WORD_BITS) + 1, dtype=np.uint64)
    np.bitwise_or.at(words, word, bit)
    counts = np.bitwise_count(words)
    before = np.cumsum(counts, dtype=np.int32) - counts
    ranks = (before[word] + np.bitwise_count(words[word] & (bit - np.uint64(1)))).astype(np.int32)
    distinct = np.empty(int(counts.sum(dtype=np.int64)), dtype=np.int64)
    distinct[ranks] = values
    return ranks, distinct


def _distinct_owners(labels: Labels, owner: Labels) -> NDArray[np.int64]:
    """Persons of each part: sort units by part, persons in order within, and count where the person changes."""
    if (owner[1:] < owner[:-1]).any():
        by_owner = _stable_order(owner)
        labels, owner = labels[by_owner], owner[by_owner]
    order = _stable_order(labels)
    part, person = labels[order], owner[order]
    fresh = np.ones(len(part), dtype=np.bool_)
    fresh[1:] = (part[1:] != part[:-1]) | (person[1:] != person[:-1])
    return np.bincount(part[fresh])


def _stable_order(labels: Labels) -> NDArray[np.int64]:
    """A stable argsort by least significant half first; numpy sorts 16-bit integers by radix."""
    order = np.argsort(labels.astype(np.uint16), kind="stable")
    if int(labels.max()) < 2**_RADIX_BITS:
        return order
    high = (labels >> _RADIX_BITS).astype(np.uint16)
    return order[np.argsort(high[order], kind="stable")]
