"""Where the evidence log lies: four tables, to be placed in the caller's database.

They stand in the same database as deliveries and usage events, because an act and its evidence are one
transaction. `durable_sqlite` sets up SQLite so that a committed transaction survives a crash.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Engine, Integer, LargeBinary, MetaData, String, Table, Text, event

from sandbox.log.errors import LogNotDurable

_READ = "domicile_read"


@dataclass(frozen=True, slots=True)
class LogTables:
    """The log's tables.

    `leaf` holds entries and their hashes by sequence number, `node` the complete subtrees above them, `checkpoint`
    the signed notes by size, `cosignature` one line by witness and size.
    """

    leaf: Table
    node: Table
    checkpoint: Table
    cosignature: Table


def log_tables(metadata: MetaData) -> LogTables:
    """Define the log's tables in `metadata`, once per MetaData."""
    return LogTables(
        leaf=Table(
            "log_leaf",
            metadata,
            Column("seq", Integer, primary_key=True, autoincrement=False),
            Column("hash", LargeBinary(32), nullable=False),
            Column("entry", LargeBinary(2048), nullable=False),
        ),
        node=Table(
            "log_node",
            metadata,
            Column("level", Integer, primary_key=True, autoincrement=False),
            Column("idx", Integer, primary_key=True, autoincrement=False),
            Column("hash", LargeBinary(32), nullable=False),
            sqlite_with_rowid=False,
        ),
        checkpoint=Table(
            "log_checkpoint",
            metadata,
            Column("size", Integer, primary_key=True, autoincrement=False),
            Column("root", LargeBinary(32), nullable=False),
            Column("note", Text, nullable=False),
            Column("at", Integer, nullable=False),
        ),
        cosignature=Table(
            "log_cosignature",
            metadata,
            Column("size", Integer, primary_key=True, autoincrement=False),
            Column("witness", String(255), primary_key=True),
            Column("line", Text, nullable=False),
            Column("at", Integer, nullable=False),
        ),
    )


def durable_sqlite(engine: Engine) -> Engine:
    """Make every connection of `engine` write ahead, sync on each commit and begin IMMEDIATE; return it.

    Transactions that only read take `reading(engine)`, so that they hold up no writer.
    """

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        # The driver's own implicit BEGIN is deferred; ours is issued below.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # Readers that later write would otherwise fail half-way when another replica wrote in between.
        read = connection.get_execution_options().get(_READ, False)
        connection.exec_driver_sql("BEGIN" if read else "BEGIN IMMEDIATE")

    return engine


def reading(engine: Engine) -> Engine:
    """Return the same engine for transactions that only read: each sees one snapshot and blocks nobody."""
    return engine.execution_options(**{_READ: True})


def check_transaction(connection: Connection) -> None:
    """Raise LogNotDurable unless the database itself, not only SQLAlchemy, has a transaction open."""
    opened = connection.in_transaction()
    if opened and connection.dialect.name == "sqlite":
        # The driver's default mode begins only at the first write, after the frontier was read.
        opened = bool(getattr(connection.connection.dbapi_connection, "in_transaction", False))
    if not opened:
        raise LogNotDurable("expected an open transaction (BEGIN IMMEDIATE), got none")


def check_durable(connection: Connection) -> None:
    """Raise LogNotDurable unless SQLite writes ahead and syncs on each commit."""
    if connection.dialect.name != "sqlite":
        return
    journal = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
    synchronous = connection.exec_driver_sql("PRAGMA synchronous").scalar()
    if journal != "wal" or synchronous not in (2, 3):
        raise LogNotDurable(
            f"expected journal_mode wal and synchronous full, got {journal} and {synchronous}"
        )
