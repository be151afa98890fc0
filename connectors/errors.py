"""The root of everything `connectors` raises, and the errors callers tell apart.

A message names a file, a row number, a column, a type or a rule; it never holds a value of a row, nor an engine's text,
which may quote one (protocols.md §0, finding 12).
"""

from __future__ import annotations

from typing import ClassVar


class ConnectorError(Exception):
    """Something between the source and the domain store did not hold."""

    code: ClassVar[str] = "connector_error"


class SourceRefused(ConnectorError):
    """Source data that does not fit its declaration; the place is known, the value is not told."""

    code = "source_refused"

    def __init__(self, file: str, problem: str, *, row: int | None = None, column: str | None = None) -> None:
        self.file = file
        self.row = row
        self.column = column
        place = f"`{file}`"
        if row is not None:
            place += f", row {row}"
        if column is not None:
            place += f", column `{column}`"
        super().__init__(f"{place}: {problem}")


class StoreError(ConnectorError):
    """The domain store could not do what was asked; the engine's own words are withheld."""

    code = "store_error"


class StoreBusy(StoreError):
    """Another refresh of the same data set is running."""

    code = "store_busy"


class RowKeyRepeated(StoreError):
    """Two rows under one row key; `row` counts from 1 and is the first that repeats an earlier one."""

    code = "row_key_repeated"

    def __init__(self, row: int) -> None:
        self.row = row
        super().__init__(f"row {row}: expected a row key not seen before, got it again")


class SnapshotUnknown(StoreError):
    """A data set without a snapshot."""

    code = "snapshot_unknown"


class SnapshotTampered(StoreError):
    """A pointer or snapshot file that is not what was published."""

    code = "snapshot_tampered"


class DatasetUnknown(ConnectorError):
    """A data set id the catalogue does not hold."""

    code = "dataset_unknown"


class CatalogRefused(ConnectorError):
    """A declaration the catalogue does not accept."""

    code = "catalog_refused"
