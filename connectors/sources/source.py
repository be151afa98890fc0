"""The one interface to source data: a path and a declaration in, checked record batches out.

The kind of a source is told by its suffix and never guessed from its content. Batches have the declared schema
(`schema.arrow_schema`), hold at most 65,536 rows, and are read as they are asked for: memory does not grow with the
file. Row keys are unique only once the store has seen all of them; that check is `connectors.store`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import pyarrow as pa

from connectors.errors import SourceRefused
from connectors.sources import arrow, csv, parquet
from policies.documents.dataset import Dataset

Reader = Callable[[Path, Dataset], Iterator[pa.RecordBatch]]

READERS: Final[Mapping[str, Reader]] = MappingProxyType(
    {
        ".csv": csv.read,
        ".parquet": parquet.read,
        ".arrow": arrow.read,
        ".feather": arrow.read,
    }
)


def open_source(path: Path, dataset: Dataset) -> Iterator[pa.RecordBatch]:
    """Batches of `dataset` from the file at `path`; raises `SourceRefused` at the first thing that does not fit."""
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        kinds = ", ".join(READERS)
        raise SourceRefused(path.name, f"expected a file of kind {kinds}, got another suffix")
    if not path.is_file():
        raise SourceRefused(path.name, "expected a file, got none")
    return reader(path, dataset)
