"""The catalogue of a domain: signed declarations on disk, and a view of them that holds metadata only (RQ-078, RQ-166).

    <catalog>/<dataset id>/<version, six digits>.json      a DSSE envelope, written once

Rules:
- A declaration is kept as the envelope its owner signed; a version is written once and never changed.
- A new version is higher than the last and keeps the owner; the same envelope again changes nothing.
- The view shows what the declaration says, never a row: the five facts the plan makes mandatory, columns with roles and
  grades, and nothing that was measured on data.

Who may sign for a department is the trust root's business: `register` takes the key to check against.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from connectors.errors import CatalogRefused, DatasetUnknown, StoreError
from connectors.store.directory import replace_file
from connectors.store.writer import check_reserved
from policies.documents import envelope as dsse
from policies.documents.dataset import BaseLibrary, Dataset, Grade, SyncFrequency
from policies.documents.envelope import Envelope
from policies.documents.strict_json import Json
from policies.errors import PolicyError
from policies.keys import IdentityKey

_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")
_VERSION: Final = re.compile(r"[0-9]{6}\.json")
_MAX_VERSION: Final = 999_999


@dataclass(frozen=True, slots=True)
class Filter:
    """What to look for; a member left out does not narrow the search. `text` is found in ids, names and titles."""

    library: BaseLibrary | None = None
    department: str | None = None
    grade: Grade | None = None
    frequency: SyncFrequency | None = None
    text: str | None = None

    def matches(self, dataset: Dataset) -> bool:
        wanted = (
            (self.library, dataset.library),
            (self.department, dataset.owner),
            (self.grade, dataset.grade),
            (self.frequency, dataset.sync_frequency),
        )
        if any(asked is not None and asked != declared for asked, declared in wanted):
            return False
        return self.text is None or self.text.casefold() in _searchable(dataset)


class Catalog:
    """Declarations of one domain in the folder `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def register(self, envelope: Envelope, *, owner_key: IdentityKey | None = None) -> Dataset:
        """Keep a signed declaration. With `owner_key` the owner's signature is checked, without it only demanded."""
        dataset = Dataset.read(envelope)
        if not envelope.signatures:
            raise CatalogRefused("expected a declaration signed by its owner, got no signature")
        if owner_key is not None:
            envelope.check_signed_by(owner_key)
        try:
            check_reserved(dataset)
        except StoreError as error:
            raise CatalogRefused(str(error)) from None
        folder = self._directory / dataset.id
        last = self._last(dataset.id)
        if last is not None:
            current = self.envelope(dataset.id)
            if current.digest == envelope.digest:
                return dataset
            self._check_successor(dataset, Dataset.read(current))
        if dataset.version > _MAX_VERSION:
            raise CatalogRefused(f"expected a version of at most {_MAX_VERSION}, got a higher one")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(folder / f"{dataset.version:06d}.json", envelope.to_bytes())
        return dataset

    def envelope(self, dataset_id: str) -> Envelope:
        """The current declaration as it was signed."""
        path = self._last(dataset_id)
        if path is None:
            raise DatasetUnknown(f"expected a registered data set, got `{dataset_id[:80]}`")
        return dsse.parse(path.read_bytes())

    def dataset(self, dataset_id: str) -> Dataset:
        """The current declaration."""
        return Dataset.read(self.envelope(dataset_id))

    def datasets(self) -> Iterator[Dataset]:
        """Current declarations by id."""
        if self._directory.is_dir():
            for folder in sorted(self._directory.iterdir()):
                if self._last(folder.name) is not None:
                    yield self.dataset(folder.name)

    def search(self, wanted: Filter) -> list[Dataset]:
        """Current declarations that match, by id."""
        return [dataset for dataset in self.datasets() if wanted.matches(dataset)]

    def _last(self, dataset_id: str) -> Path | None:
        if not _ID.fullmatch(dataset_id):
            return None
        folder = self._directory / dataset_id
        if not folder.is_dir():
            return None
        return max((path for path in folder.iterdir() if _VERSION.fullmatch(path.name)), default=None)

    @staticmethod
    def _check_successor(dataset: Dataset, current: Dataset) -> None:
        if dataset.version <= current.version:
            raise CatalogRefused(
                f"expected a version above {current.version} of `{dataset.id}`, got {dataset.version}"
            )
        if dataset.owner != current.owner:
            raise CatalogRefused(f"expected `{current.owner}` to own `{dataset.id}`, got another owner")


def view(dataset: Dataset) -> dict[str, Json]:
    """A declaration as the catalogue shows it: metadata only."""
    return {
        "id": dataset.id,
        "version": dataset.version,
        "digest": dataset.digest,
        "owner": dataset.owner,
        "library": dataset.library.value,
        "grade": dataset.grade.value,
        "personal": dataset.personal,
        "name": dataset.name.model_dump(),
        "format": dataset.format,
        "source": dataset.source.model_dump(),
        "frequency": dataset.sync_frequency.value,
        "source_frequency": dataset.source_frequency.value,
        "volume": dataset.volume.model_dump(),
        "columns": [
            {
                "name": column.name,
                "title": column.title.model_dump(),
                "type": column.type.value,
                "grade": column.grade.value,
                "sensitive": column.sensitive,
                "uses": [use.value for use in column.uses],
                "unit": column.unit,
            }
            for column in dataset.columns
        ],
    }


def check_envelope(data: bytes) -> Envelope:
    """The envelope in a file's bytes, or `CatalogRefused`."""
    try:
        return dsse.parse(data)
    except PolicyError as error:
        raise CatalogRefused(str(error)) from None


def _searchable(dataset: Dataset) -> str:
    texts = [dataset.id, dataset.name.zh, dataset.name.en, dataset.source.zh, dataset.source.en]
    for column in dataset.columns:
        texts += (column.name, column.title.zh, column.title.en)
    return "\n".join(texts).casefold()
