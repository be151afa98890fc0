"""Domain stores of generated people for the benches: real encrypted snapshots, filled through the one refresh pipeline.

People, values and weights come from a seed; resident IDs are invented under the administrative code 999999, which does not
exist. Every domain knows every person, in an order of its own.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from connectors.refresh import refresh
from connectors.store import DomainStore
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
from policies.documents.model import Feature, LinearPart, PartHead

FEATURES: Final = 8
GRID: Final = "0.01"
_HIGH: Final = 10
_ROWS_A_GROUP: Final = 1_000_000
_DAYS: Final = 20_000
_CHECKS: Final = np.frombuffer(b"10X98765432", dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Domain:
    """One generated domain: its store, its part of the model, and the slots' pids."""

    party: str
    store: DomainStore
    part: LinearPart
    head: PartHead
    pids: NDArray[np.uint64]


def make_domains(
    directory: Path, *, domains: int, subjects: int, seed: int, progress: Callable[[str], None]
) -> list[Domain]:
    """`domains` stores of `subjects` people with `FEATURES` numeric columns each."""
    residents = invented_residents(subjects)
    made = []
    for number in range(domains):
        progress(f"domain {number + 1} of {domains}: {subjects:,} people into an encrypted store")
        made.append(
            _make(directory / f"domain-{number}", number, residents, np.random.default_rng((seed, number)))
        )
    return made


def invented_residents(count: int) -> NDArray[np.bytes_]:
    """`count` distinct resident IDs, S18: valid by GB 11643, in an area that does not exist."""
    born = np.datetime64("1930-01-01") + np.arange(_DAYS)
    days = np.char.replace(born.astype(str), "-", "").astype("S8")
    ranks = np.arange(count)
    sequence = np.char.zfill((ranks // _DAYS + 1).astype("S3"), 3)
    first = np.char.add(np.char.add(b"999999", days[ranks % _DAYS]), sequence).astype("S17")
    digits = first.view(np.uint8).reshape(count, 17) - ord("0")
    weights = np.array([pow(2, 17 - position, 11) for position in range(17)])
    checks = _CHECKS[(digits.astype(np.int64) @ weights) % 11]
    residents = np.empty((count, 18), dtype=np.uint8)
    residents[:, :17], residents[:, 17] = first.view(np.uint8).reshape(count, 17), checks
    return residents.view("S18").reshape(count)


def _make(directory: Path, number: int, residents: NDArray[np.bytes_], rng: np.random.Generator) -> Domain:
    store = DomainStore(
        directory / "store", store_key=secrets.token_bytes(32), pid_key=secrets.token_bytes(32)
    )
    dataset = _dataset(number, len(residents))
    source = directory / "source.parquet"
    _write_source(source, residents, rng)
    refresh(store, dataset, source, clock=lambda: datetime.now(UTC))
    source.unlink()
    part = _part(number, rng)
    return Domain(f"enclave-{number}", store, part, _head(part), store.pids(residents.astype("U18").tolist()))


def _write_source(path: Path, residents: NDArray[np.bytes_], rng: np.random.Generator) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    order = rng.permutation(len(residents))
    schema = pa.schema([("person", pa.string()), *((f"x{i}", pa.float64()) for i in range(FEATURES))])
    with pa.parquet.ParquetWriter(path, schema) as writer:
        for start in range(0, len(order), _ROWS_A_GROUP):
            people = residents[order[start : start + _ROWS_A_GROUP]]
            values = rng.random((FEATURES, len(people))) * _HIGH
            columns = [pa.array(people.astype("U18"), pa.string()), *(pa.array(column) for column in values)]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def _part(number: int, rng: np.random.Generator) -> LinearPart:
    return LinearPart(
        id=f"part-{number}",
        department=f"department-{number}",
        dataset=f"bench-{number}",
        features=tuple(
            Feature(column=f"x{i}", weight=f"{thousandths / 1000:.3f}", low="0", high=str(_HIGH), fill="0")
            for i, thousandths in enumerate(rng.integers(1, 80, FEATURES) * rng.choice((-1, 1), FEATURES))
        ),
    )


def _head(part: LinearPart) -> PartHead:
    ends = [float(feature.weight) * _HIGH / float(GRID) for feature in part.features]
    return PartHead(
        department=part.department,
        dataset=part.dataset,
        digest=part.digest,
        default=0,
        low=int(np.floor(sum(min(end, 0.0) for end in ends))),
        high=int(np.ceil(sum(max(end, 0.0) for end in ends))),
    )


def _dataset(number: int, subjects: int) -> Dataset:
    text = Bilingual(zh="性能测试", en="benchmark")
    person = Column(
        name="person",
        type=ColumnType.RESIDENT_ID,
        title=text,
        grade=Grade.IMPORTANT,
        sensitive=True,
        nullable=False,
        uses=(Use.PERSON,),
    )
    values = tuple(
        Column(
            name=f"x{i}",
            type=ColumnType.DECIMAL,
            title=text,
            grade=Grade.GENERAL,
            sensitive=False,
            nullable=False,
            uses=(Use.FEATURE,),
            bounds=Bounds(low="0", high=str(_HIGH)),
        )
        for i in range(FEATURES)
    )
    return Dataset(
        id=f"bench-{number}",
        version=1,
        owner=f"department-{number}",
        name=text,
        format="Parquet",
        source=text,
        library=BaseLibrary.POPULATION,
        grade=Grade.GENERAL,
        personal=True,
        source_frequency=SyncFrequency.ONCE,
        sync_frequency=SyncFrequency.ONCE,
        volume=Volume(rows=subjects, persons=subjects),
        desensitization=Desensitization(method=text, performed_at="2026-01-01T00:00:00Z"),
        columns=(person, *values),
        row_key=("person",),
        person_column="person",
    )


def run_id() -> bytes:
    """A fresh 32-byte run id."""
    return hashlib.sha256(secrets.token_bytes(32)).digest()
