"""Reading stored subtree hashes: the frontier in one query, the nodes of a proof in one query."""

from collections.abc import Callable, Iterable

from sqlalchemy import Connection, and_, func, or_, select

from policies.log.merkle import HASH_BYTES, Frontier, NodeGetter
from sandbox.log.errors import LogRolledBack
from sandbox.log.tables import LogTables

Position = tuple[int, int]
"""(level, index) of a complete subtree."""


def stored_size(connection: Connection, tables: LogTables) -> int:
    """Return the number of leaves."""
    last = connection.execute(select(func.max(tables.leaf.c.seq))).scalar()
    return 0 if last is None else int(last) + 1


def stored_frontier(connection: Connection, tables: LogTables) -> Frontier:
    """Return the frontier over all leaves this transaction sees; raise LogRolledBack if a node is missing."""
    size = stored_size(connection, tables)
    positions = Frontier.nodes(size)
    hashes = _read(connection, tables, positions)
    return Frontier(size, tuple(hashes[position] for position in positions))


def fetched(
    connection: Connection, tables: LogTables, path: Callable[[NodeGetter], list[bytes]]
) -> list[bytes]:
    """Run `path` over the stored nodes, reading them all at once."""
    wanted: set[Position] = set()

    def note_down(level: int, index: int) -> bytes:
        wanted.add((level, index))
        return bytes(HASH_BYTES)

    # The first run only asks which nodes the path is made of; the second computes it.
    path(note_down)
    hashes = _read(connection, tables, wanted)
    return path(lambda level, index: hashes[level, index])


def _read(connection: Connection, tables: LogTables, positions: Iterable[Position]) -> dict[Position, bytes]:
    leaf, node = tables.leaf, tables.node
    leaves = [index for level, index in positions if level == 0]
    inner = [(level, index) for level, index in positions if level > 0]
    found: dict[Position, bytes] = {}
    if leaves:
        leaf_rows = connection.execute(select(leaf.c.seq, leaf.c.hash).where(leaf.c.seq.in_(leaves)))
        found |= {(0, seq): bytes(value) for seq, value in leaf_rows}
    if inner:
        # Spelled as a disjunction: SQLite searches the key for each term, but scans for a list of row values.
        either = or_(*(and_(node.c.level == level, node.c.idx == index) for level, index in inner))
        node_rows = connection.execute(select(node.c.level, node.c.idx, node.c.hash).where(either))
        found |= {(level, index): bytes(value) for level, index, value in node_rows}
    if len(found) != len(leaves) + len(inner):
        raise LogRolledBack(f"expected {len(leaves) + len(inner)} stored nodes, got {len(found)}")
    return found
