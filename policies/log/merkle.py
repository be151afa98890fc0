"""Merkle trees as RFC 9162 §2.1 defines them: roots, frontiers and proofs.

Rules this module decides:

- A leaf is hashed with the prefix 0x00 and a node with 0x01, so that no node can pass for a leaf.
- A tree is split at the largest power of two below its size; a proof is the list of sibling hashes in
  the order of RFC 9162 §2.1.3 (inclusion) and §2.1.4 (consistency).
- A proof with one hash too many or too few is refused, never trimmed.

The same functions serve the evidence log and the slot tree of a score release. Where the nodes are kept
is left to the caller: generation reads them through a `NodeGetter`.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NewType, Self

from policies.log.errors import LogInvalid

LeafHash = NewType("LeafHash", bytes)
"""32 bytes: the hash of one leaf. Distinct so that leaf data cannot be appended in its place."""

Root = NewType("Root", bytes)
"""32 bytes: the hash of a whole tree."""

Node = tuple[int, int, bytes]
"""(level, index, hash) of a complete subtree: it covers the leaves index·2^level to (index+1)·2^level - 1."""

NodeGetter = Callable[[int, int], bytes]
"""(level, index) -> hash of that complete subtree; level 0 gives leaf hashes."""

HASH_BYTES = 32
EMPTY_ROOT = Root(hashlib.sha256(b"").digest())
MAX_PATH = 64
"""No path is longer: sizes are below 2^63, and a consistency path adds one hash."""


def leaf_hash(data: bytes) -> LeafHash:
    """Return SHA-256(0x00 || data), RFC 9162 §2.1.1."""
    return LeafHash(hashlib.sha256(b"\x00" + data).digest())


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right), RFC 9162 §2.1.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """All that must be kept of a tree in order to append to it: its complete subtrees, largest first.

    INVARIANT: `len(hashes)` is the number of one bits of `size`; every hash has 32 bytes.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size < 1 << 63:
            raise LogInvalid(f"frontier size out of range: expected 0 to 2^63 - 1, got {self.size}")
        if len(self.hashes) != self.size.bit_count():
            raise LogInvalid(
                f"frontier of size {self.size}: expected {self.size.bit_count()} hashes, got {len(self.hashes)}"
            )
        for value in self.hashes:
            _check_hash(value)

    def append(self, leaf: LeafHash) -> Self:
        """Return the frontier with one more leaf."""
        return self.extend((leaf,))

    def extend(self, leaves: Iterable[LeafHash]) -> Self:
        """Return the frontier with more leaves."""
        return self.grow(leaves)[0]

    def grow(self, leaves: Iterable[LeafHash]) -> tuple[Self, list[Node]]:
        """Return the frontier with more leaves, and the complete nodes of level >= 1 that they closed."""
        size, stack, closed = self.size, list(self.hashes), list[Node]()
        for leaf in leaves:
            _check_hash(leaf)
            node: bytes = leaf
            level, index = 0, size
            # INVARIANT: the stack holds one hash per one bit of `size`; adding one carries through the low ones.
            while index & 1:
                node = node_hash(stack.pop(), node)
                level, index = level + 1, index >> 1
                closed.append((level, index, node))
            stack.append(node)
            size += 1
        return type(self)(size, tuple(stack)), closed

    def root(self) -> Root:
        """Return the root of the tree, RFC 9162 §2.1.1; the hash of nothing for an empty tree."""
        if not self.hashes:
            return EMPTY_ROOT
        *larger, result = self.hashes
        for left in reversed(larger):
            result = node_hash(left, result)
        return Root(result)

    def to_hex(self) -> list[str]:
        """Return the hashes as lower-case hex, largest subtree first; `size` is stored beside it."""
        return [value.hex() for value in self.hashes]

    @classmethod
    def from_hex(cls, size: int, hashes: Sequence[str]) -> Self:
        """Undo `to_hex`; raise LogInvalid on anything it could not have written."""
        if any(len(text) != 2 * HASH_BYTES or text.strip("0123456789abcdef") for text in hashes):
            raise LogInvalid("frontier hash: expected 64 lower-case hex digits")
        return cls(size, tuple(bytes.fromhex(text) for text in hashes))

    @staticmethod
    def nodes(size: int) -> list[tuple[int, int]]:
        """Return (level, index) of each subtree that a frontier of this size holds, largest first."""
        return [
            (level, (size >> level) - 1)
            for level in range(size.bit_length() - 1, -1, -1)
            if size >> level & 1
        ]


class Tree:
    """A whole tree held in memory, for trees that are made at once (the slots of one score release)."""

    __slots__ = ("_levels", "root", "size")

    def __init__(self, leaves: Iterable[LeafHash]) -> None:
        level: list[bytes] = list(leaves)
        for value in level:
            _check_hash(value)
        self.size = len(level)
        self._levels = [level]
        while len(level) > 1:
            # An odd last node stays out: only complete subtrees are stored.
            level = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
            self._levels.append(level)
        self.root = subtree_root(self.node, 0, self.size)

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree (a `NodeGetter`)."""
        return self._levels[level][index]

    def inclusion_path(self, index: int) -> list[bytes]:
        """Return the inclusion proof of the leaf at `index`."""
        return inclusion_path(self.node, index, size=self.size)


def root(leaves: Iterable[LeafHash]) -> Root:
    """Return the RFC 9162 root over leaf hashes, in constant memory."""
    return Frontier().extend(leaves).root()


def subtree_root(node: NodeGetter, start: int, end: int) -> Root:
    """Return the root over the leaves [start, end); `start` is a multiple of the largest power of two below."""
    count = end - start
    if count == 0:
        return EMPTY_ROOT
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return Root(node(level, start >> level))
    middle = start + _split(count)
    return Root(node_hash(subtree_root(node, start, middle), subtree_root(node, middle, end)))


def inclusion_path(node: NodeGetter, index: int, *, size: int) -> list[bytes]:
    """Return the proof that leaf `index` is in the tree of `size` leaves, RFC 9162 §2.1.3.1."""
    if not 0 <= index < size:
        raise LogInvalid(f"inclusion path: expected an index below the size {size}, got {index}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(subtree_root(node, middle, end))
            end = middle
        else:
            path.append(subtree_root(node, start, middle))
            start = middle
    path.reverse()
    return path


def consistency_path(node: NodeGetter, old: int, *, new: int) -> list[bytes]:
    """Return the proof that the tree of `new` leaves continues the tree of `old`, RFC 9162 §2.1.4.1."""
    if not 0 <= old <= new:
        raise LogInvalid(f"consistency path: expected an old size of at most {new}, got {old}")
    if old in (0, new):
        return []
    path: list[bytes] = []
    start, end, whole = 0, new, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(subtree_root(node, middle, end))
            end = middle
        else:
            path.append(subtree_root(node, start, middle))
            start, whole = middle, False
    if not whole:
        # The verifier knows the old root itself only when the old tree is one left-most complete subtree.
        path.append(subtree_root(node, start, end))
    path.reverse()
    return path


def check_inclusion(leaf: LeafHash, index: int, *, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Raise LogInvalid unless `path` proves the leaf at `index` under `root`, RFC 9162 §2.1.3.2."""
    if not 0 <= index < size:
        raise LogInvalid(f"inclusion proof: expected an index below the size {size}, got {index}")
    _check_path(path)
    _check_hash(root)
    fn, sn, result = index, size - 1, bytes(leaf)
    for sibling in path:
        if sn == 0:
            raise LogInvalid("inclusion proof is longer than its tree is high")
        if fn & 1 or fn == sn:
            result = node_hash(sibling, result)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            result = node_hash(result, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise LogInvalid("inclusion proof is shorter than its tree is high")
    if result != root:
        raise LogInvalid(f"inclusion proof: expected root {root.hex()}, got {result.hex()}")


def check_consistency(old: int, new: int, *, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> None:
    """Raise LogInvalid unless `path` proves that the new tree continues the old, RFC 9162 §2.1.4.2."""
    if not 0 <= old <= new:
        raise LogInvalid(f"consistency proof: expected an old size of at most {new}, got {old}")
    _check_path(path)
    _check_hash(old_root)
    _check_hash(new_root)
    if old in (0, new):
        known = EMPTY_ROOT if old == 0 else new_root
        if path or old_root != known or (new == 0 and new_root != EMPTY_ROOT):
            raise LogInvalid(
                f"consistency proof from size {old} to {new}: expected no hashes and equal roots"
            )
        return
    hashes = list(path) if old & (old - 1) else [old_root, *path]
    if not hashes:
        raise LogInvalid("consistency proof is empty")
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    first = second = hashes[0]
    for sibling in hashes[1:]:
        if sn == 0:
            raise LogInvalid("consistency proof is longer than its tree is high")
        if fn & 1 or fn == sn:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            second = node_hash(second, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise LogInvalid("consistency proof is shorter than its tree is high")
    if first != old_root:
        raise LogInvalid(f"consistency proof: expected old root {old_root.hex()}, got {first.hex()}")
    if second != new_root:
        raise LogInvalid(f"consistency proof: expected new root {new_root.hex()}, got {second.hex()}")


def _split(count: int) -> int:
    """Return the largest power of two smaller than `count` (count >= 2)."""
    return 1 << (count - 1).bit_length() - 1


def _check_hash(value: bytes) -> None:
    if len(value) != HASH_BYTES:
        raise LogInvalid(f"hash: expected {HASH_BYTES} bytes, got {len(value)}")


def _check_path(path: Sequence[bytes]) -> None:
    if len(path) > MAX_PATH:
        raise LogInvalid(f"proof: expected at most {MAX_PATH} hashes, got {len(path)}")
    for value in path:
        _check_hash(value)
