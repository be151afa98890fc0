"""The one way data enters a domain: connector, check, snapshot, quality, evidence.

    1. hash the source file                 what was taken in can be named later
    2. read and check it, batch by batch    the first thing that does not fit ends the refresh
    3. seal a new snapshot                  beside the current one, which stays as it is
    4. measure its quality                  on the sealed file, opened and locked as a worker would
    5. split it, where partitions are asked for   beside it (`partitioning`)
    6. publish                              one rename; only now does anything change
    7. write quality report and evidence    files beside the snapshot, counts and digests only

A refresh that fails anywhere before step 6 leaves pointer and snapshot as they were (see `store.directory`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from connectors.errors import RowKeyRepeated, SourceRefused
from connectors.partitioning import Partitions
from connectors.quality import QualityReport, assess
from connectors.sources.source import open_source
from connectors.store import DomainStore, Lease, Pointer, Sealed, SnapshotWriter, open_snapshot
from connectors.store.directory import replace_file
from connectors.store.engine import crypto_module
from connectors.store.writer import file_digest
from policies.documents import strict_json
from policies.documents.dataset import Dataset
from policies.documents.fields import instant_text
from policies.documents.strict_json import Json


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a refresh did: digests and counts that the evidence log may hold."""

    dataset: str
    declaration: str
    source: str
    """Name of the source file, without its folder."""
    source_sha256: str
    snapshot: str
    snapshot_sha256: str
    rows: int
    persons: int
    quality_sha256: str
    started_at: str
    published_at: str

    def to_json(self) -> dict[str, Json]:
        return dict(asdict(self))


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A finished refresh."""

    pointer: Pointer
    quality: QualityReport
    evidence: Evidence


def refresh(
    store: DomainStore,
    dataset: Dataset,
    source: Path,
    *,
    clock: Callable[[], datetime],
    progress: Callable[[int], None] = lambda rows: None,
    partitions: Partitions | None = None,
    into: int | None = None,
) -> Refreshed:
    """Replace the current snapshot of `dataset` by the rows in the file `source`.

    With `partitions` it is split `into` so many, by default as many as the snapshot before it. `progress` is told the
    number of rows taken in so far. Raises `SourceRefused` for data that does not fit and
    `StoreError` for a store that cannot; neither changes anything.
    """
    started = clock()
    split = 1 if partitions is None else partitions.wanted(dataset, into)
    if not source.is_file():
        raise SourceRefused(source.name, "expected a file, got none")
    source_sha256 = file_digest(source)
    with store.writer(dataset) as writer:
        _take_in(writer, dataset, source, progress=progress)
        if file_digest(source) != source_sha256:
            raise SourceRefused(
                source.name, "expected a file at rest, got one that changed while it was read"
            )
        try:
            sealed = writer.seal()
        except RowKeyRepeated as error:
            problem = "expected a row key not seen before, got it again"
            raise SourceRefused(source.name, problem, row=error.row, column=dataset.row_key[0]) from None
        with open_snapshot(sealed.path, store.snapshot_key(dataset.id), crypto=crypto_module()) as snapshot:
            now = clock()
            report = assess(
                snapshot, dataset, snapshot_id=store.snapshot_id(sealed, now=now), refreshed_at=now, now=now
            )
        pointer = _publish(store, sealed, partitions, split=split, now=now)
    quality = strict_json.canonical(report.to_json())
    evidence = Evidence(
        dataset=dataset.id,
        declaration=dataset.digest,
        source=source.name,
        source_sha256=source_sha256,
        snapshot=pointer.snapshot,
        snapshot_sha256=pointer.sha256,
        rows=pointer.rows,
        persons=pointer.persons,
        quality_sha256=strict_json.digest(report.to_json()),
        started_at=instant_text(started),
        published_at=pointer.created_at,
    )
    folder = store.folder(dataset.id)
    replace_file(folder / f"{pointer.snapshot}.quality.json", quality)
    replace_file(folder / f"{pointer.snapshot}.evidence.json", strict_json.canonical(evidence.to_json()))
    return Refreshed(pointer, report, evidence)


def _publish(
    store: DomainStore, sealed: Sealed, partitions: Partitions | None, *, split: int, now: datetime
) -> Pointer:
    """Steps 5 and 6: nobody meets the new snapshot without its partitions."""
    if partitions is None:
        return store.publish(sealed, now=now)
    unpublished = Lease(sealed.path, store.pointer_to(sealed, now=now), store.snapshot_key(sealed.dataset.id))
    partitions.split(unpublished, partitions=split, now=now)
    published = store.publish(sealed, now=now)
    partitions.remove_others(sealed.dataset.id, partitions=split)
    return published


def _take_in(
    writer: SnapshotWriter, dataset: Dataset, source: Path, *, progress: Callable[[int], None]
) -> None:
    for batch in open_source(source, dataset):
        writer.add(batch)
        progress(writer.rows)
