"""Two generated tables for the policy bench, streamed into an encrypted store by the project's own writer.

    people   one row a person: the row key is the person
    visits   `YEARS` rows a person, one a year, each with a cost

Rows are made in blocks and handed to the writer as they are made, so that memory does not grow with their number here; the
writer spills, encrypted, beyond its limit. Values come from a seed; resident IDs are valid by
GB 11643 and lie in areas from 999999 downwards, which do not exist.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from connectors.store import DomainStore, Pointer
from enclaves.isolation.memory import MemoryWatch
from policies.documents.dataset import (
    BaseLibrary,
    Bounds,
    Column,
    ColumnType,
    Dataset,
    Desensitization,
    Grade,
    SyncFrequency,
    Use,
    Volume,
)
from policies.documents.fields import Bilingual

PEOPLE: Final = "people"
VISITS: Final = "visits"
DEPARTMENT: Final = "hospital"
YEARS: Final = (2022, 2023, 2024, 2025)
DISTRICTS: Final = tuple(f"district {number:02}" for number in range(1, 11))
SEXES: Final = ("F", "M")
BLOCK: Final = 1_000_000
MAX_COST: Final = 20_000
MAX_INCOME: Final = 60_000
_DAYS: Final = 20_000
_SEQUENCES: Final = 999
_CHECKS: Final = np.frombuffer(b"10X98765432", dtype=np.uint8)
_BORN: Final = np.datetime64("1930-01-01")
_AREA: Final = 999_999


@dataclass(frozen=True, slots=True)
class Built:
    """A published table, how long it took to build, the most memory this process held meanwhile (MB), the file's size."""

    pointer: Pointer
    seconds: float
    peak_mb: float
    file_bytes: int


def new_store(directory: Path) -> DomainStore:
    """An empty store under fresh keys."""
    return DomainStore(directory, store_key=secrets.token_bytes(32), pid_key=secrets.token_bytes(32))


def build(
    store: DomainStore, dataset: Dataset, *, rows: int, seed: int, progress: Callable[[str], None]
) -> Built:
    """`rows` rows of `dataset`, which is one of `people` and `visits`, published in `store`."""
    before = time.perf_counter()
    with MemoryWatch() as memory, store.writer(dataset) as writer:
        for batch in _blocks(dataset, rows=rows, seed=seed):
            writer.add(batch)
            progress(f"{dataset.id}: {writer.rows:,} of {rows:,} rows staged")
        progress(f"{dataset.id}: sorting and sealing {rows:,} rows")
        pointer = store.publish(writer.seal(), now=datetime.now(UTC))
    size = (store.folder(dataset.id) / pointer.file).stat().st_size
    return Built(pointer, time.perf_counter() - before, memory.peak_mb, size)


def people(rows: int) -> Dataset:
    """The table of one row a person."""
    return _dataset(
        PEOPLE,
        rows=rows,
        persons=rows,
        row_key=("person",),
        columns=(
            _column("age", ColumnType.INTEGER, Use.GROUP, Use.FILTER, high="120"),
            _column("insured", ColumnType.BOOLEAN, Use.FILTER),
            _column("income", ColumnType.DECIMAL, Use.MEASURE, high=str(MAX_INCOME), sensitive=True),
        ),
    )


def visits(rows: int) -> Dataset:
    """The table of several rows a person."""
    return _dataset(
        VISITS,
        rows=rows,
        persons=-(-rows // len(YEARS)),
        row_key=("person", "year"),
        columns=(
            _column(
                "year", ColumnType.INTEGER, Use.GROUP, Use.FILTER, low=str(YEARS[0]), high=str(YEARS[-1])
            ),
            _column("emergency", ColumnType.BOOLEAN, Use.FILTER),
            _column("cost", ColumnType.DECIMAL, Use.MEASURE, high=str(MAX_COST), sensitive=True),
        ),
        order="year",
    )


def residents(ranks: NDArray[np.int64]) -> pa.StringArray:
    """The invented resident ID of each rank; different ranks have different ones."""
    area, within = np.divmod(ranks, _DAYS * _SEQUENCES)
    sequence, day = np.divmod(within, _DAYS)
    digits = np.empty((len(ranks), 18), dtype=np.uint8)
    digits[:, :6] = _decimal(_AREA - area, 6)
    digits[:, 6:14] = _dates()[day]
    digits[:, 14:17] = _decimal(sequence + 1, 3)
    weights = np.array([pow(2, 17 - position, 11) for position in range(17)], dtype=np.int32)
    sums = sum(digits[:, position].astype(np.int32) * weights[position] for position in range(17))
    digits[:, :17] += ord("0")
    digits[:, 17] = _CHECKS[sums % 11]
    offsets = np.arange(len(ranks) + 1, dtype=np.int32) * 18
    return pa.StringArray.from_buffers(len(ranks), pa.py_buffer(offsets), pa.py_buffer(digits))


def _decimal(values: NDArray[np.int64], width: int) -> NDArray[np.uint8]:
    powers = 10 ** np.arange(width - 1, -1, -1)
    return ((values[:, None] // powers) % 10).astype(np.uint8)


def _dates() -> NDArray[np.uint8]:
    """uint8 [_DAYS, 8]: the digits of each date of birth."""
    text = np.char.replace((_BORN + np.arange(_DAYS)).astype(str), "-", "").astype("S8")
    return text.view(np.uint8).reshape(-1, 8) - ord("0")


def _blocks(dataset: Dataset, *, rows: int, seed: int) -> Iterator[pa.RecordBatch]:
    rng = np.random.default_rng(seed)
    each = 1 if dataset.one_row_per_person else len(YEARS)
    for start in range(0, rows, BLOCK):
        numbers = np.arange(start, min(start + BLOCK, rows))
        person = numbers // each
        columns = {
            "person": residents(person),
            # What a person keeps over the years is a function of the rank, so that rows of one person agree.
            "district": _texts(person * 7919 % 104_729 % len(DISTRICTS), DISTRICTS),
            "sex": _texts(person * 104_729 % 1_299_709 % len(SEXES), SEXES),
            **_values(dataset, numbers, rng),
        }
        yield pa.record_batch(
            [columns[column.name] for column in dataset.columns], names=list(_names(dataset))
        )


def _values(dataset: Dataset, numbers: NDArray[np.int64], rng: np.random.Generator) -> dict[str, pa.Array]:
    cents = np.minimum(rng.exponential(0.05, len(numbers)), 1.0)
    flags = pa.array(rng.random(len(numbers)) < 0.3)
    if dataset.one_row_per_person:
        income = np.round(cents * MAX_INCOME, 2)
        return {
            "age": pa.array(rng.integers(0, 100, len(numbers))),
            "insured": flags,
            "income": pa.array(income),
        }
    year = np.array(YEARS, dtype=np.int64)[numbers % len(YEARS)]
    return {"year": pa.array(year), "emergency": flags, "cost": pa.array(np.round(cents * MAX_COST, 2))}


def _texts(codes: NDArray[np.int64], values: tuple[str, ...]) -> pa.Array:
    indices = pa.array(codes.astype(np.int8))
    return pa.DictionaryArray.from_arrays(indices, pa.array(values, pa.string())).cast(pa.string())


def _names(dataset: Dataset) -> Iterator[str]:
    return (column.name for column in dataset.columns)


def _column(
    name: str, kind: ColumnType, *uses: Use, low: str = "0", high: str | None = None, sensitive: bool = False
) -> Column:
    return Column(
        name=name,
        type=kind,
        title=Bilingual(zh=name, en=name),
        grade=Grade.GENERAL,
        sensitive=sensitive,
        nullable=False,
        uses=uses,
        bounds=None if high is None else Bounds(low=low, high=high),
    )


def _dataset(
    name: str,
    *,
    rows: int,
    persons: int,
    row_key: tuple[str, ...],
    columns: tuple[Column, ...],
    order: str | None = None,
) -> Dataset:
    text = Bilingual(zh="性能测试", en="benchmark")
    keys = (
        _column("person", ColumnType.RESIDENT_ID, Use.PERSON, sensitive=True),
        _column("district", ColumnType.TEXT, Use.GROUP, Use.FILTER),
        _column("sex", ColumnType.TEXT, Use.GROUP, Use.FILTER),
    )
    return Dataset(
        id=name,
        version=1,
        owner=DEPARTMENT,
        name=text,
        format="generated",
        source=text,
        library=BaseLibrary.POPULATION,
        grade=Grade.GENERAL,
        personal=True,
        source_frequency=SyncFrequency.ONCE,
        sync_frequency=SyncFrequency.ONCE,
        volume=Volume(rows=rows, persons=persons),
        desensitization=Desensitization(method=text, performed_at="2026-01-01T00:00:00Z"),
        columns=(*keys, *columns),
        row_key=row_key,
        person_column="person",
        order_column=order,
    )
