"""The check before serving: is this still the log that was signed and witnessed?

Rules this module decides, in order:

1. The database keeps what it acknowledges (write-ahead log, full sync).
2. The leaves are numbered without a gap, each hash is that of its entry, and the stored frontier is the recomputed.
3. Every head that was signed, and every head a witness reports, is a prefix of these leaves.

A database restored from an older copy fails rule 3 against the witnesses, whose memory the operator cannot restore
(attacks A7 and A16). Source: protocols.md section 8. Asking the witnesses is left to the coordinator.
"""

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import Connection, select

from policies.log.merkle import Frontier, LeafHash, Root, leaf_hash
from policies.log.note import Note, TreeHead, check_signature
from sandbox.log.errors import LogRolledBack
from sandbox.log.evidence import EvidenceLog
from sandbox.log.nodes import stored_frontier
from sandbox.log.tables import check_durable

_CHUNK = 4096
"""Entries read at a time, so that memory does not grow with the log."""


def check_on_start(log: EvidenceLog, connection: Connection, *, witnessed: Iterable[TreeHead]) -> TreeHead:
    """Return the head of the stored log; raise LogRolledBack if it is smaller than or differs from a known head.

    `witnessed` are the latest heads that the witnesses report. Raise LogNotDurable if the database is relaxed.
    """
    check_durable(connection)
    known = _known_heads(log, connection, witnessed)
    frontier = _recompute(log, connection, known)
    beyond = [size for size in known if size > frontier.size]
    if beyond:
        raise LogRolledBack(
            f"expected at least size {max(beyond)} as signed or witnessed, got {frontier.size}"
        )
    if stored_frontier(connection, log.tables) != frontier:
        raise LogRolledBack(f"expected the stored nodes to match the {frontier.size} entries, got others")
    return TreeHead(log.origin, frontier.size, frontier.root())


def _known_heads(
    log: EvidenceLog, connection: Connection, witnessed: Iterable[TreeHead]
) -> dict[int, set[Root]]:
    """Return the roots that are spoken for, by size."""
    table = log.tables.checkpoint
    known: dict[int, set[Root]] = defaultdict(set)
    for size, root in connection.execute(select(table.c.size, table.c.root)):
        known[size].add(Root(bytes(root)))
    last = connection.execute(select(table.c.note).order_by(table.c.size.desc()).limit(1)).scalar()
    if last is not None:
        head = check_signature(Note.parse(last), origin=log.origin, log_key=log.log_key)
        known[head.size].add(head.root)
    for head in witnessed:
        if head.origin != log.origin:
            raise LogRolledBack(f"expected heads of `{log.origin}`, got one of `{head.origin}`")
        known[head.size].add(head.root)
    return known


def _recompute(log: EvidenceLog, connection: Connection, known: dict[int, set[Root]]) -> Frontier:
    """Return the frontier over all entries, compared with each known root on the way."""
    table = log.tables.leaf
    frontier = Frontier()
    _check_root(frontier, known)
    rows = connection.execution_options(yield_per=_CHUNK).execute(select(table).order_by(table.c.seq))
    for rows_read in rows.partitions(_CHUNK):
        pending: list[LeafHash] = []
        for seq, stored, entry in rows_read:
            leaf = leaf_hash(entry)
            if seq != frontier.size + len(pending) or stored != leaf:
                raise LogRolledBack(
                    f"expected entry {frontier.size + len(pending)} with its hash, got another"
                )
            pending.append(leaf)
            if seq + 1 in known:
                frontier = frontier.extend(pending)
                pending.clear()
                _check_root(frontier, known)
        frontier = frontier.extend(pending)
    return frontier


def _check_root(frontier: Frontier, known: dict[int, set[Root]]) -> None:
    expected = known.get(frontier.size)
    if expected and expected != {frontier.root()}:
        raise LogRolledBack(
            f"root at size {frontier.size}: expected {', '.join(sorted(r.hex() for r in expected))},"
            f" got {frontier.root().hex()}"
        )
