"""Roots and proofs against RFC 9162, the reference vectors of Certificate Transparency, and pymerkle."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree, verify_consistency  # type: ignore[import-untyped]  # ships no types

from policies.log.errors import LogInvalid
from policies.log.merkle import (
    EMPTY_ROOT,
    Frontier,
    LeafHash,
    Tree,
    check_consistency,
    check_inclusion,
    consistency_path,
    inclusion_path,
    leaf_hash,
    node_hash,
    root,
    subtree_root,
)

# The test tree of the Certificate Transparency reference implementation (RFC 6962 hashes, kept by RFC 9162).
CT_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [leaf_hash(b"%d" % index) for index in range(64)]
WHOLE = Tree(LEAVES)
HEADS = [root(LEAVES[:size]) for size in range(65)]

sizes = st.integers(0, 64)


def mth(data: list[bytes]) -> bytes:
    """RFC 9162 §2.1.1, written as the definition reads."""
    if not data:
        return sha256(b"").digest()
    if len(data) == 1:
        return sha256(b"\x00" + data[0]).digest()
    k = max(1 << n for n in range(64) if 1 << n < len(data))
    return sha256(b"\x01" + mth(data[:k]) + mth(data[k:])).digest()


def test_roots_are_those_of_the_reference_tree() -> None:
    got = [root(leaf_hash(data) for data in CT_LEAVES[: size + 1]).hex() for size in range(8)]
    assert got == CT_ROOTS
    assert root([]) == EMPTY_ROOT == mth([])


def test_proofs_are_those_of_the_example_in_rfc_9162_section_2_1_5() -> None:
    a, b, c, d, e, f, j = (leaf_hash(b"d%d" % index) for index in range(7))
    g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
    k, last = node_hash(g, h), node_hash(i, j)
    tree = Tree([a, b, c, d, e, f, j])

    assert tree.root == node_hash(k, last)
    assert tree.inclusion_path(0) == [b, h, last]
    assert tree.inclusion_path(3) == [c, g, last]
    assert tree.inclusion_path(4) == [f, j, k]
    assert tree.inclusion_path(6) == [i, k]
    assert consistency_path(tree.node, 3, new=7) == [c, d, g, last]
    assert consistency_path(tree.node, 4, new=7) == [last]
    assert consistency_path(tree.node, 6, new=7) == [i, j, k]


def test_roots_and_proofs_agree_with_pymerkle_up_to_64_leaves() -> None:
    oracle = InmemoryTree(algorithm="sha256")
    for size in range(1, 65):
        oracle.append_entry(b"%d" % (size - 1))
        assert root(LEAVES[:size]) == oracle.get_root(size)
        for index in range(size):
            # pymerkle counts leaves from one and puts the leaf hash in front of the path.
            expected = oracle.prove_inclusion(index + 1, size).path[1:]
            assert inclusion_path(WHOLE.node, index, size=size) == expected
        for old in range(1, size):
            # pymerkle spells consistency paths in a form of its own, so the verdicts are compared, not the paths.
            ours, theirs = HEADS[old], oracle.get_root(old)
            verify_consistency(ours, HEADS[size], oracle.prove_consistency(old, size))
            check_consistency(
                old,
                size,
                old_root=theirs,
                new_root=oracle.get_root(size),
                path=consistency_path(WHOLE.node, old, new=size),
            )


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_frontier_equals_recomputation(data: list[bytes]) -> None:
    leaves = [leaf_hash(item) for item in data]
    one_by_one = Frontier()
    for leaf in leaves:
        one_by_one = one_by_one.append(leaf)

    assert one_by_one == Frontier().extend(leaves)
    assert one_by_one.root() == mth(data) == Tree(leaves).root
    assert Frontier.from_hex(one_by_one.size, one_by_one.to_hex()) == one_by_one


@given(sizes, sizes)
def test_growing_in_two_steps_closes_the_same_nodes(first: int, second: int) -> None:
    first, second = sorted((first, second))
    half, closed_before = Frontier().grow(LEAVES[:first])
    whole, closed_after = half.grow(LEAVES[first:second])

    assert (whole, closed_before + closed_after) == Frontier().grow(LEAVES[:second])
    assert all(WHOLE.node(level, index) == value for level, index, value in closed_before + closed_after)
    assert tuple(WHOLE.node(*position) for position in Frontier.nodes(second)) == whole.hashes


@given(sizes, sizes)
def test_any_two_sizes_are_proved_consistent(old: int, new: int) -> None:
    old, new = sorted((old, new))
    check_consistency(
        old,
        new,
        old_root=root(LEAVES[:old]),
        new_root=root(LEAVES[:new]),
        path=consistency_path(WHOLE.node, old, new=new),
    )


@given(st.integers(1, 64), st.data())
def test_a_changed_inclusion_proof_is_refused(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    head = root(LEAVES[:size])
    path = inclusion_path(WHOLE.node, index, size=size)
    check_inclusion(LEAVES[index], index, size=size, path=path, root=head)

    changed = data.draw(changes(path))
    with pytest.raises(LogInvalid):
        check_inclusion(LEAVES[index], index, size=size, path=changed, root=head)
    other = data.draw(st.integers(0, size).filter(lambda value: value != index))
    with pytest.raises(LogInvalid):
        check_inclusion(LEAVES[index], other, size=size, path=path, root=head)


@given(sizes, sizes, st.data())
def test_a_changed_consistency_proof_is_refused(old: int, new: int, data: st.DataObject) -> None:
    old, new = sorted((old, new))
    path = consistency_path(WHOLE.node, old, new=new)
    with pytest.raises(LogInvalid):
        check_consistency(
            old,
            new,
            old_root=root(LEAVES[:old]),
            new_root=root(LEAVES[:new]),
            path=data.draw(changes(path)),
        )


@given(st.integers(1, 63), st.integers(2, 64), st.data())
def test_a_rewritten_leaf_is_never_consistent(old: int, new: int, data: st.DataObject) -> None:
    old, new = sorted((old, new))
    leaves = list(LEAVES[:new])
    leaves[data.draw(st.integers(0, old - 1))] = leaf_hash(b"rewritten")
    forged = Tree(leaves)
    with pytest.raises(LogInvalid):
        check_consistency(
            old,
            new,
            old_root=root(LEAVES[:old]),
            new_root=forged.root,
            path=consistency_path(forged.node, old, new=new),
        )


@st.composite
def changes(draw: st.DrawFn, path: list[bytes]) -> list[bytes]:
    """A proof with one hash flipped, left out or put in."""
    extra = draw(st.sampled_from([bytes(32), LEAVES[0], *path]))
    position = draw(st.integers(0, len(path)))
    inserted = [*path[:position], extra, *path[position:]]
    if not path:
        return inserted
    at = draw(st.integers(0, len(path) - 1))
    flipped = list(path)
    flipped[at] = bytes([flipped[at][0] ^ 1]) + flipped[at][1:]
    return draw(st.sampled_from([inserted, flipped, path[:at] + path[at + 1 :]]))


def test_a_node_cannot_pass_for_a_leaf() -> None:
    left, right = leaf_hash(b"l"), leaf_hash(b"r")
    assert leaf_hash(left + right) != node_hash(left, right)


@pytest.mark.parametrize(
    ("size", "hashes"),
    [(1, ()), (2, (bytes(32), bytes(32))), (1, (bytes(31),)), (-1, ()), (1 << 63, (bytes(32),))],
)
def test_an_impossible_frontier_does_not_come_to_be(size: int, hashes: tuple[bytes, ...]) -> None:
    with pytest.raises(LogInvalid):
        Frontier(size, hashes)


@pytest.mark.parametrize("text", ["", "AB" * 32, "0" * 63, " " * 64])
def test_a_frontier_is_read_from_lower_case_hex_only(text: str) -> None:
    with pytest.raises(LogInvalid):
        Frontier.from_hex(1, [text])


def test_hashes_of_another_length_are_refused() -> None:
    short = LeafHash(bytes(31))
    with pytest.raises(LogInvalid):
        Frontier().append(short)
    with pytest.raises(LogInvalid):
        Tree([short])
    with pytest.raises(LogInvalid):
        check_inclusion(LEAVES[0], 0, size=1, path=[], root=bytes(31))
    with pytest.raises(LogInvalid):
        check_inclusion(LEAVES[0], 0, size=2, path=[bytes(31)], root=bytes(32))


def test_positions_outside_the_tree_are_refused() -> None:
    for index, size in ((0, 0), (-1, 4), (4, 4)):
        with pytest.raises(LogInvalid):
            inclusion_path(WHOLE.node, index, size=size)
        with pytest.raises(LogInvalid):
            check_inclusion(LEAVES[0], index, size=size, path=[], root=EMPTY_ROOT)
    for old, new in ((-1, 4), (5, 4)):
        with pytest.raises(LogInvalid):
            consistency_path(WHOLE.node, old, new=new)
        with pytest.raises(LogInvalid):
            check_consistency(old, new, old_root=EMPTY_ROOT, new_root=EMPTY_ROOT, path=[])


def test_an_endless_proof_is_refused_unread() -> None:
    with pytest.raises(LogInvalid, match="at most 64 hashes"):
        check_inclusion(LEAVES[0], 0, size=2, path=[bytes(32)] * 65, root=bytes(32))


def test_growth_from_nothing_is_consistent_only_from_the_empty_root() -> None:
    with pytest.raises(LogInvalid):
        check_consistency(0, 3, old_root=bytes(32), new_root=root(LEAVES[:3]), path=[])
    with pytest.raises(LogInvalid):
        check_consistency(3, 3, old_root=root(LEAVES[:3]), new_root=root(LEAVES[1:4]), path=[])
    with pytest.raises(LogInvalid, match="empty"):
        check_consistency(3, 4, old_root=root(LEAVES[:3]), new_root=root(LEAVES[:4]), path=[])


def test_a_tree_of_slots_proves_each_of_them() -> None:
    slots = Tree([leaf_hash(b"sealed slot %d" % index) for index in range(37)])
    for index in range(37):
        check_inclusion(
            leaf_hash(b"sealed slot %d" % index),
            index,
            size=37,
            path=slots.inclusion_path(index),
            root=slots.root,
        )
    assert subtree_root(slots.node, 0, 37) == slots.root
