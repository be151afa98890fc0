"""Data sets of the attacks on questions, declared in a few words, and the scenario under which they may be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from numpy.typing import NDArray

from policies.documents.authorization import (
    ConsentBasis,
    DatasetCitation,
    ListedColumn,
    Mode,
    PreAssessment,
    Purpose,
    PurposeClass,
    Scenario,
)
from policies.documents.authorization import Limits as JobLimits
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
from policies.documents.document import Term
from policies.documents.fields import Bilingual
from policies.resident import check_character

_KINDS = {
    "INTEGER": ColumnType.INTEGER,
    "DOUBLE": ColumnType.DECIMAL,
    "VARCHAR": ColumnType.TEXT,
    "BOOLEAN": ColumnType.BOOLEAN,
    "DATE": ColumnType.DATE,
}


@dataclass(frozen=True)
class Held:
    """One data set of a department: columns of equal length, the first being the person's number; what each is for."""

    name: str
    columns: Mapping[str, Sequence[Any] | NDArray[Any]]
    uses: Mapping[str, str]
    """`TYPE use use [low high]` of each column but the first, such as `INTEGER group filter` or `DOUBLE measure 0 100`."""
    owner: str = "health"
    row_key: tuple[str, ...] = ()
    order_column: str | None = None

    @property
    def person(self) -> str:
        return next(iter(self.columns))

    def arrow(self) -> pa.Table:
        """The rows, with resident IDs for persons."""
        people = [resident(int(number)) for number in self.columns[self.person]]
        arrays = {self.person: pa.array(people, pa.string())}
        for name, spelled in self.uses.items():
            kind = {"INTEGER": pa.int64(), "DOUBLE": pa.float64(), "VARCHAR": pa.string()}.get(
                spelled.split()[0], pa.bool_() if spelled.startswith("BOOLEAN") else pa.date32()
            )
            arrays[name] = pa.array(self.columns[name], kind)
        return pa.table(arrays)

    def document(self) -> Dataset:
        """The declaration."""
        rows = self.columns[self.person]
        return Dataset(
            id=self.name,
            version=1,
            owner=self.owner,
            name=both(self.name),
            format="CSV",
            source=both("register"),
            library=BaseLibrary.POPULATION,
            grade=Grade.IMPORTANT,
            personal=True,
            source_frequency=SyncFrequency.MONTHLY,
            sync_frequency=SyncFrequency.MONTHLY,
            volume=Volume(rows=len(rows), persons=len(set(map(int, rows)))),
            desensitization=Desensitization(method=both("numbers"), performed_at="2026-01-01T00:00:00Z"),
            columns=(
                _column(self.person, "RESIDENT person"),
                *(_column(name, spelled) for name, spelled in self.uses.items()),
            ),
            row_key=(self.person, *self.row_key),
            person_column=self.person,
            order_column=self.order_column,
        )


def scenario_of(datasets: Sequence[Dataset]) -> Scenario:
    """A scenario in which every column may be used for all it is declared for."""
    term = Term(not_before="2026-01-01T00:00:00Z", not_after="2027-01-01T00:00:00Z")
    return Scenario(
        id="statistics",
        version=1,
        title=both("statistics"),
        purpose=Purpose(code="statistics", text=both("statistics"), purpose_class=PurposeClass.COMMERCIAL),
        partner="partner",
        recipients=("partner",),
        datasets=tuple(DatasetCitation(department=d.owner, dataset=d.id, digest=d.digest) for d in datasets),
        data_list=tuple(
            ListedColumn(department=d.owner, dataset=d.id, column=column.name, use=use)
            for d in datasets
            for column in d.columns
            for use in column.uses
        ),
        modes=(Mode.MASKED,),
        consent=ConsentBasis(service="consents"),
        limits=JobLimits(vet_jobs=10, score_jobs=1000, fetches=100),
        price_class="report",
        pre_assessment=PreAssessment(assessor="agency", assessed_at="2026-01-01T00:00:00Z", report="0" * 64),
        overall="0" * 64,
        term=term,
    )


def resident(number: int) -> str:
    """The n-th invented person, in canonical form."""
    first = f"4403{number // 30000 % 100:02d}19{60 + number % 30:02d}{1 + number % 12:02d}15{number // 30 % 1000:03d}"
    return first + check_character(first)


def both(text: str) -> Bilingual:
    return Bilingual(zh=text, en=text)


def _column(name: str, spelled: str) -> Column:
    kind, *rest = spelled.split()
    words = [word for word in rest if word[0].isalpha()]
    ends = [word for word in rest if not word[0].isalpha()]
    return Column(
        name=name,
        type=ColumnType.RESIDENT_ID if kind == "RESIDENT" else _KINDS[kind],
        title=both(name),
        grade=Grade.IMPORTANT,
        sensitive="secret" in words,
        nullable=kind != "RESIDENT",
        uses=tuple(Use(word) for word in words if word != "secret"),
        bounds=Bounds(low=ends[0], high=ends[1]) if ends else None,
    )
