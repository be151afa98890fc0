"""Parquet files, one slice of a row group at a time, page checksums verified where the file has them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.errors import SourceRefused
from connectors.sources.cells import BATCH_ROWS, CellCheck
from connectors.sources.schema import check_names, check_types
from policies.documents.dataset import Dataset


def read(path: Path, dataset: Dataset) -> Iterator[pa.RecordBatch]:
    """Checked batches of the file at `path`, in file order."""
    check = CellCheck(dataset, file=path.name)
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            schema = file.schema_arrow
            check_names(schema.names, dataset, file=path.name)
            check_types(schema, dataset, file=path.name)
            for batch in file.iter_batches(batch_size=BATCH_ROWS, use_threads=False):
                yield check.typed(batch)
    except (pa.ArrowException, OSError):
        # Arrow's I/O errors are OSErrors. Their texts may quote the file.
        raise SourceRefused(
            path.name, "expected a whole Parquet file, got a damaged or truncated one"
        ) from None
