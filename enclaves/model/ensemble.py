"""Tree ensembles as plain arrays, and how many people each leaf of them holds (V9).

A tree whose leaf is reached by one person's values alone remembers that person. The trees are read from the lists of the
operators `TreeEnsembleRegressor` and `TreeEnsembleClassifier` (ai.onnx.ml, versions 1 and 3) and walked in NumPy, all
people at once, level by level; a tree of at most `MAX_DEPTH` levels therefore takes as many steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from enclaves.model.errors import OnnxRefused

MAX_TREES: Final = 500
MAX_DEPTH: Final = 8
MIN_LEAF_PERSONS: Final = 20
_MODES: Final = ("LEAF", "BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")
_COMPARISONS: Final[Mapping[int, Callable[[Any, Any], NDArray[np.bool_]]]] = {
    1: np.less_equal,
    2: np.less,
    3: np.greater_equal,
    4: np.greater,
    5: np.equal,
    6: np.not_equal,
}
"""By index of `_MODES`."""
_BLOCK: Final = 65_536

Rows = NDArray[np.float32]
"""Float32 of shape (people, inputs)."""
Indexes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Nodes of all trees in one list: mode (index of `_MODES`), feature, threshold, index of both children; the roots.

    `missing_holds` says of each node whether a value that is no number counts as true.
    """

    modes: Indexes
    features: Indexes
    thresholds: Rows
    if_true: Indexes
    if_false: Indexes
    missing_holds: NDArray[np.bool_]
    roots: Indexes
    depth: int
    """Branches on the longest path of any tree."""

    @property
    def is_small(self) -> bool:
        """Whether there are at most `MAX_TREES` trees of at most `MAX_DEPTH` levels."""
        return len(self.roots) <= MAX_TREES and self.depth <= MAX_DEPTH

    def leaf_counts(self, rows: Rows) -> Indexes:
        """People in each node that is a leaf, 0 elsewhere; raises OnnxRefused for a feature the rows do not have."""
        if self.features.max(initial=0) >= rows.shape[1]:
            raise OnnxRefused("V9", "expected trees over the inputs there are, got another")
        counts = np.zeros(len(self.modes), dtype=np.int64)
        used = sorted(int(mode) for mode in np.unique(self.modes[self.modes != 0]))
        for start in range(0, len(rows), _BLOCK):
            block = rows[start : start + _BLOCK]
            for root in self.roots:
                at = np.full(len(block), root, dtype=np.int64)
                for _ in range(self.depth):
                    at = self._next(at, block, used)
                counts += np.bincount(at, minlength=len(counts))
        return counts

    def _next(self, at: Indexes, rows: Rows, used: list[int]) -> Indexes:
        """Where each person goes from its node, `used` being the modes of all branches; a leaf is its own child."""
        width = rows.shape[1]
        value = rows.reshape(-1).take(np.arange(0, rows.size, width) + self.features.take(at))
        threshold = self.thresholds.take(at)
        if len(used) == 1:
            # Nearly every ensemble compares in one way only, and a leaf does not care how.
            holds = _COMPARISONS[used[0]](value, threshold)
        else:
            modes = self.modes[at]
            holds = np.select(
                [modes == mode for mode in used],
                [_COMPARISONS[mode](value, threshold) for mode in used],
                default=False,
            )
        unknown = np.isnan(value)
        if unknown.any():
            holds = np.where(unknown, self.missing_holds[at], holds)
        return np.where(holds, self.if_true.take(at), self.if_false.take(at))


def read_ensemble(fields: Mapping[str, Any]) -> Ensemble:
    """The trees of an operator's attributes; raises OnnxRefused for lists that do not fit together."""
    try:
        trees, nodes = (
            np.asarray(fields[f"nodes_{name}"], dtype=np.int64) for name in ("treeids", "nodeids")
        )
        names = [mode.decode() if isinstance(mode, bytes) else str(mode) for mode in fields["nodes_modes"]]
        modes = np.array([_MODES.index(name) for name in names], dtype=np.int64)
        features, yes, no = (
            np.asarray(fields[f"nodes_{name}"], dtype=np.int64)
            for name in ("featureids", "truenodeids", "falsenodeids")
        )
        thresholds = np.asarray(fields["nodes_values"], dtype=np.float32)
        tracks = fields.get("nodes_missing_value_tracks_true") or [0] * len(trees)
        missing = np.asarray(tracks, dtype=np.int64) != 0
    except (KeyError, ValueError, TypeError, OverflowError):
        raise OnnxRefused("V9", "expected the lists of a tree ensemble, got others") from None
    if len(
        {len(values) for values in (trees, nodes, modes, features, yes, no, thresholds, missing)}
    ) != 1 or not len(trees):
        raise OnnxRefused("V9", "expected lists of equal length, got others")
    place = {
        (int(tree), int(node)): index for index, (tree, node) in enumerate(zip(trees, nodes, strict=True))
    }
    if len(place) != len(trees) or features.min() < 0:
        raise OnnxRefused("V9", "expected each node once, got one twice")
    children = [
        np.array([place.get((int(t), int(c)), -1) for t, c in zip(trees, ids, strict=True)], dtype=np.int64)
        for ids in (yes, no)
    ]
    branch = modes != 0
    if any((child[branch] < 0).any() for child in children):
        raise OnnxRefused("V9", "expected both children of every branch, got one missing")
    if_true, if_false = children
    # A root is nobody's child. The runtime begins with the first node of a tree, whatever points at it, so that node must be
    # the root, or the trees walked here would not be the trees that are run.
    below = np.concatenate([child[branch] for child in children])
    roots = np.setdiff1d(np.arange(len(trees), dtype=np.int64), below)
    first = np.sort(np.unique(trees, return_index=True)[1])
    if not np.array_equal(roots, first):
        raise OnnxRefused("V9", "expected the root of each tree first, got another node")
    depth = _depth(branch, children, roots)
    # A leaf stays where it is, so that shorter paths wait for the longest.
    for child in children:
        child[~branch] = np.flatnonzero(~branch)
    return Ensemble(modes, features, thresholds, if_true, if_false, missing, roots, depth)


def _depth(branch: NDArray[np.bool_], children: list[Indexes], roots: Indexes) -> int:
    """Branches on the longest path; a path as long as there are nodes is a circle."""
    level, depth = roots, 0
    while len(level := np.unique(level[branch[level]])):
        level = np.concatenate([child[level] for child in children])
        depth += 1
        if depth > len(branch):
            raise OnnxRefused("V9", "expected trees, got a circle")
    return depth
