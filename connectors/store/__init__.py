"""The domain store: all rows of a domain in encrypted, immutable snapshot files, and DuckDB's one room here."""

from connectors.store.directory import DomainStore, Lease
from connectors.store.engine import crypto_module
from connectors.store.pointer import Pointer
from connectors.store.rehearsal import rehearse
from connectors.store.snapshot import ColumnValues, Features, LockedSnapshot, open_snapshot
from connectors.store.statistics import ColumnStatistics, Question
from connectors.store.tables import LockedTables, TableFile, open_tables
from connectors.store.writer import Sealed, SnapshotWriter

__all__ = [
    "ColumnStatistics",
    "ColumnValues",
    "DomainStore",
    "Features",
    "Lease",
    "LockedSnapshot",
    "LockedTables",
    "Pointer",
    "Question",
    "Sealed",
    "SnapshotWriter",
    "TableFile",
    "crypto_module",
    "open_snapshot",
    "open_tables",
    "rehearse",
]
