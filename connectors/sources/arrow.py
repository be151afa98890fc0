"""Arrow IPC files (also called Feather), memory mapped; every buffer is validated before it is believed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from connectors.errors import SourceRefused
from connectors.sources.cells import BATCH_ROWS, CellCheck
from connectors.sources.schema import check_names, check_types
from policies.documents.dataset import Dataset


def read(path: Path, dataset: Dataset) -> Iterator[pa.RecordBatch]:
    """Checked batches of the file at `path`, in file order."""
    check = CellCheck(dataset, file=path.name)
    try:
        with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as file:
            check_names(file.schema.names, dataset, file=path.name)
            check_types(file.schema, dataset, file=path.name)
            for number in range(file.num_record_batches):
                whole = file.get_batch(number)
                for start in range(0, whole.num_rows, BATCH_ROWS):
                    yield check.typed(whole.slice(start, BATCH_ROWS))
    except (pa.ArrowException, OSError):
        raise SourceRefused(
            path.name, "expected a whole Arrow file, got a damaged or truncated one"
        ) from None
