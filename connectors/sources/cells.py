"""What every cell must be, whichever source it came from: typed, present, inside its bounds, of a known category.

Rules, in this order; the first row that breaks one is named, its value never:
- text is valid UTF-8 of at most 64 KiB without NUL; it is data and is never interpreted, whatever it looks like
- a cell of a column that is not nullable has a value; so have all row-key and person cells
- a decimal is finite; a number lies inside the declared bounds; a category is one of the declared
- a resident identity number is valid and leaves here in canonical form
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from connectors.errors import SourceRefused
from connectors.sources import residents
from connectors.sources.schema import ARROW_TYPES, WORDS, arrow_schema, may_be_null
from policies.documents.dataset import Bounds, Column, ColumnType, Dataset

MAX_TEXT_BYTES: Final = 64 * 1024
# Rows read, checked and handed on at a time.
BATCH_ROWS: Final = 64 * 1024
_CATEGORICAL: Final = (ColumnType.TEXT, ColumnType.INTEGER, ColumnType.DATE)
# Integers have at most 18 digits, so that every one fits 64 bits, whatever the source.
_LARGEST: Final = Decimal(10**18 - 1)


class CellCheck:
    """Checks batches of one file against one declaration, counting rows from 1."""

    def __init__(self, dataset: Dataset, *, file: str) -> None:
        self._dataset = dataset
        self._file = file
        self._schema = arrow_schema(dataset)
        self.rows = 0

    def batch(self, columns: Callable[[Column], pa.Array], length: int) -> pa.RecordBatch:
        """The next `length` rows; `columns` gives a column's cells in whatever type the source has them."""
        arrays = [self._column(column, columns(column)) for column in self._dataset.columns]
        self.rows += length
        return pa.record_batch(arrays, schema=self._schema)

    def typed(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The next rows from a batch whose columns have names and types already."""
        return self.batch(lambda column: batch.column(column.name), batch.num_rows)

    def refuse(self, column: Column, problem: str, *, at: int) -> SourceRefused:
        return SourceRefused(self._file, problem, row=self.rows + at + 1, column=column.name)

    def _column(self, column: Column, cells: pa.Array) -> pa.Array:
        cells = self._widened(column, cells)
        if not may_be_null(self._dataset, column) and cells.null_count:
            at = _first(pc.is_null(cells))
            raise self.refuse(column, f"expected {WORDS[column.type]}, got no value", at=at)
        if column.type in (ColumnType.TEXT, ColumnType.RESIDENT_ID):
            self._check_text(column, cells)
        if column.type is ColumnType.RESIDENT_ID:
            cells, valid = residents.canonical(cells)
            self._check(column, pa.array(~valid), f"expected {WORDS[column.type]}, got another text")
        if column.type is ColumnType.DECIMAL:
            self._check(column, pc.invert(pc.is_finite(cells)), "expected a finite number, got none")
        if column.bounds is not None and column.type in (ColumnType.INTEGER, ColumnType.DECIMAL):
            low, high = limits(column.bounds, column.type)
            outside = pc.or_(pc.less(cells, low), pc.greater(cells, high))
            problem = f"expected a number from {column.bounds.low} to {column.bounds.high}, got one outside"
            self._check(column, outside, problem)
        if column.categories is not None and column.type in _CATEGORICAL:
            known = pc.is_in(cells.cast(pa.string()), value_set=pa.array(column.categories))
            unknown = pc.and_(pc.invert(known), pc.is_valid(cells))
            problem = f"expected one of {len(column.categories)} declared categories, got another"
            self._check(column, unknown, problem)
        return cells

    def _widened(self, column: Column, cells: pa.Array) -> pa.Array:
        """`cells` in the declared type; validated in full first, since a source's buffers may be malformed."""
        target = ARROW_TYPES[column.type]

        def fits(part: pa.Array) -> bool:
            try:
                part.validate(full=True)
                part.cast(target)
            except pa.ArrowException:
                return False
            return True

        if not fits(cells):
            at = first_misfit(cells, fits)
            raise self.refuse(column, f"expected {WORDS[column.type]}, got another value", at=at)
        return cells.cast(target)

    def _check_text(self, column: Column, cells: pa.Array) -> None:
        long = pc.greater(pc.binary_length(cells), MAX_TEXT_BYTES)
        self._check(column, long, f"expected at most {MAX_TEXT_BYTES} bytes of text, got more")
        self._check(column, pc.match_substring(cells, "\0"), "expected text without NUL, got NUL bytes")

    def _check(self, column: Column, broken: pa.Array, problem: str) -> None:
        if pc.any(broken).as_py():
            raise self.refuse(column, problem, at=_first(broken))


def limits(bounds: Bounds, kind: ColumnType) -> tuple[float, float] | tuple[int, int]:
    """Declared bounds as numbers of the column's engine type: integers round inwards and have at most 18 digits."""
    low, high = Decimal(bounds.low), Decimal(bounds.high)
    if kind is ColumnType.INTEGER:
        floor = int(max(low, -_LARGEST).to_integral_value(ROUND_CEILING))
        ceiling = int(min(high, _LARGEST).to_integral_value(ROUND_FLOOR))
        return floor, ceiling
    return float(low), float(high)


def first_misfit(cells: pa.Array, fits: Callable[[pa.Array], bool]) -> int:
    """Index of the first entry that does not fit, by halving; `fits(cells)` is known to be false."""
    start, stop = 0, len(cells)
    while stop - start > 1:
        middle = (start + stop) // 2
        if fits(cells.slice(start, middle - start)):
            start = middle
        else:
            stop = middle
    return start


def _first(mask: pa.Array) -> int:
    values: NDArray[np.bool_] = mask.fill_null(False).to_numpy(zero_copy_only=False)
    return int(np.argmax(values))
