"""The evidence log: appends entries, signs heads, collects cosignatures, gives proofs.

Rules this module decides:

- `append` runs inside the caller's open transaction, so that an act, its usage event and its evidence become
  durable together or not at all.
- The frontier is read from the tables inside that transaction on every append. A copy kept in memory could
  stem from a transaction that was rolled back, or be behind another replica; one indexed read costs less than
  deciding that.
- A head is signed only as the continuation of the last signed head; a cosignature is stored only when it verifies.

Source: protocols.md section 8, rule 8. Grouping commits, fetching cosignatures and deciding how fresh a head must
be are left to the coordinator, the check at start to `recovery`. The log is written by this module only.
"""

from collections.abc import Mapping, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, MetaData, and_, func, insert, select

from policies.log import note as notes
from policies.log.entry import Entry
from policies.log.merkle import consistency_path, inclusion_path, leaf_hash
from policies.log.note import Note, TreeHead
from sandbox.log.errors import LogRolledBack, LogUnknown
from sandbox.log.nodes import fetched, stored_frontier, stored_size
from sandbox.log.tables import LogTables, check_transaction, log_tables


class EvidenceLog:
    """The log of one origin in one database; holds no state but its settings.

    `log_key` and the values of `witness_keys` are raw 32-byte Ed25519 public keys; `metadata` is the MetaData that
    the tables join.
    """

    def __init__(
        self, metadata: MetaData, *, origin: str, log_key: bytes, witness_keys: Mapping[str, bytes]
    ) -> None:
        notes.check_name(origin)
        self.tables: LogTables = log_tables(metadata)
        self.origin = origin
        self.log_key = log_key
        self._witness_keys = dict(witness_keys)

    # Writing

    def append(self, connection: Connection, entries: Sequence[Entry]) -> list[int]:
        """Append within the caller's transaction and return the sequence numbers.

        Nothing is durable, and nothing may be acknowledged, before that transaction commits. Raise LogNotDurable
        outside a transaction.
        """
        check_transaction(connection)
        if not entries:
            return []
        frontier = stored_frontier(connection, self.tables)
        first = frontier.size
        rows = [(entry, leaf_hash(entry)) for entry in (entry.to_bytes() for entry in entries)]
        _, closed = frontier.grow(leaf for _, leaf in rows)
        connection.execute(
            insert(self.tables.leaf),
            [{"seq": seq, "hash": leaf, "entry": entry} for seq, (entry, leaf) in enumerate(rows, first)],
        )
        if closed:
            connection.execute(
                insert(self.tables.node),
                [{"level": level, "idx": index, "hash": value} for level, index, value in closed],
            )
        return list(range(first, first + len(rows)))

    def checkpoint(self, connection: Connection, *, key: Ed25519PrivateKey, now: int) -> str:
        """Sign the current head, store the note and return it; `now` is Unix seconds.

        At an unchanged size the stored note is returned: one size has one note. Raise LogRolledBack if the log is
        smaller than, or differs from, the last head it signed.
        """
        check_transaction(connection)
        if key.public_key().public_bytes_raw() != self.log_key:
            raise LogUnknown(f"expected the key of log `{self.origin}`, got another")
        head = self.head(connection)
        table = self.tables.checkpoint
        last = connection.execute(
            select(table.c.size, table.c.root, table.c.note).order_by(table.c.size.desc()).limit(1)
        ).first()
        if last is not None and (
            last.size > head.size or (last.size == head.size and last.root != head.root)
        ):
            raise LogRolledBack(f"expected at least size {last.size} as signed before, got {head.size}")
        if last is not None and last.size == head.size:
            return str(last.note)
        note = notes.sign(head, key)
        connection.execute(insert(table).values(size=head.size, root=head.root, note=note, at=now))
        return note

    def add_cosignature(self, connection: Connection, size: int, note_line: str) -> str:
        """Verify a witness's line over the checkpoint of `size`, store it and return the witness's name.

        A later line of the same witness replaces the earlier one. Raise LogUnknown for a size without checkpoint or
        a name that is no witness, LogInvalid for a line that does not verify.
        """
        check_transaction(connection)
        line = notes.Signature.parse(note_line)
        witness_key = self._witness_keys.get(line.name)
        if witness_key is None:
            raise LogUnknown(f"expected a witness, got `{line.name}`")
        body = Note.parse(self._note(connection, size)).body
        at = notes.check_cosignature(line, body, witness_key=witness_key)
        table = self.tables.cosignature
        mine = and_(table.c.size == size, table.c.witness == line.name)
        known = connection.execute(select(table.c.at).where(mine)).scalar()
        if known is None:
            connection.execute(insert(table).values(size=size, witness=line.name, line=line.line(), at=at))
        elif at > known:
            connection.execute(table.update().where(mine).values(line=line.line(), at=at))
        return line.name

    # Reading

    def size(self, connection: Connection) -> int:
        """Return the number of leaves this transaction sees."""
        return stored_size(connection, self.tables)

    def head(self, connection: Connection) -> TreeHead:
        """Return the unsigned head over all leaves this transaction sees."""
        frontier = stored_frontier(connection, self.tables)
        return TreeHead(self.origin, frontier.size, frontier.root())

    def entries(self, connection: Connection, start: int, end: int) -> list[bytes]:
        """Return the canonical bytes of the entries [start, end); raise LogUnknown if the log is shorter."""
        table = self.tables.leaf
        found = connection.execute(
            select(table.c.entry).where(table.c.seq >= start, table.c.seq < end).order_by(table.c.seq)
        ).scalars()
        entries = [bytes(entry) for entry in found]
        if not 0 <= start <= end or len(entries) != end - start:
            raise LogUnknown(f"expected entries {start} to {end}, got {len(entries)}")
        return entries

    def cosigned(self, connection: Connection, size: int, quorum: int) -> str | None:
        """Return the newest note of at least `size` with `quorum` cosignatures, all lines joined; None if none is."""
        table = self.tables.cosignature
        newest = connection.execute(
            select(table.c.size)
            .where(table.c.size >= size, table.c.witness.in_(self._witness_keys))
            .group_by(table.c.size)
            .having(func.count() >= quorum)
            .order_by(table.c.size.desc())
            .limit(1)
        ).scalar()
        if newest is None:
            return None
        lines = connection.execute(
            select(table.c.line)
            .where(table.c.size == newest, table.c.witness.in_(self._witness_keys))
            .order_by(table.c.witness)
        ).scalars()
        return notes.join(self._note(connection, newest), list(lines))

    def inclusion_proof(self, connection: Connection, index: int, size: int) -> list[bytes]:
        """Return the path that proves entry `index` in the tree of `size`; raise LogUnknown beyond the log."""
        self._check_size(connection, size)
        return fetched(connection, self.tables, lambda node: inclusion_path(node, index, size=size))

    def consistency_proof(self, connection: Connection, old: int, new: int) -> list[bytes]:
        """Return the path that proves that size `new` continues size `old`; raise LogUnknown beyond the log."""
        self._check_size(connection, new)
        return fetched(connection, self.tables, lambda node: consistency_path(node, old, new=new))

    def _note(self, connection: Connection, size: int) -> str:
        table = self.tables.checkpoint
        note = connection.execute(select(table.c.note).where(table.c.size == size)).scalar()
        if note is None:
            raise LogUnknown(f"expected a checkpoint of size {size}, got none")
        return str(note)

    def _check_size(self, connection: Connection, size: int) -> None:
        known = self.size(connection)
        if not 0 <= size <= known:
            raise LogUnknown(f"expected a size of at most {known}, got {size}")
