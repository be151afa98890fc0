"""A second data set of each test department, about more people, to ask questions of; and plain answers to compare with."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from connectors.store import DomainStore
from policies.documents.dataset import Bounds, Column, ColumnType, Dataset, Use, Volume
from policies.documents.query import Parameter, Query, QueryPart, ResultFormat
from tests.enclaves.worker.domain import NOW, YEARS, both, dataset, resident

BANDS = ("0-17", "18-64", "65+")
PEOPLE = {
    "education": range(50, 350),
    "hospital": range(300),
    "housing": range(0, 420, 3),
    "social": range(100, 420),
    "transport": range(0, 420, 2),
}


@dataclass(frozen=True)
class Figure:
    """One person's year."""

    person: str
    year: int
    band: str
    sex: str | None
    spent: float | None
    visits: int


def figures(name: str, people: Sequence[int] | None = None) -> list[Figure]:
    """Two or three years for each person; bands of unequal size, some values missing, nobody dominating."""
    dice = random.Random(name)
    made = []
    for number in people if people is not None else PEOPLE[name]:
        band = BANDS[0 if number % 10 < 2 else 1 if number % 10 < 8 else 2]
        sex = (None, "F", "M", "F", "M")[number % 5]
        for year in YEARS:
            if year != 2025 or number % 3:
                spent = None if dice.random() < 0.3 else round(dice.uniform(100, 2000), 2)
                made.append(Figure(resident(number), year, band, sex, spent, dice.randrange(1, 9)))
    return made


def figures_dataset(name: str) -> Dataset:
    """The declaration."""

    def column(label: str, kind: ColumnType, *uses: Use, **more: object) -> Column:
        fields = {"name": label, "type": kind, "title": both(label), "grade": "general", "sensitive": False}
        return Column.model_validate(
            {**fields, "nullable": True, "uses": uses, "bounds": None, **more}, strict=False
        )

    declared = dataset(name)
    return declared.model_copy(
        update={
            "id": f"{name}-figures",
            "volume": Volume(rows=1000, persons=400),
            "columns": (
                declared.columns[0],
                column(
                    "year",
                    ColumnType.INTEGER,
                    Use.GROUP,
                    Use.FILTER,
                    nullable=False,
                    bounds=Bounds(low="2023", high="2025"),
                ),
                column("band", ColumnType.TEXT, Use.GROUP, Use.FILTER, categories=BANDS),
                column("sex", ColumnType.TEXT, Use.GROUP, Use.FILTER),
                column("spent", ColumnType.DECIMAL, Use.MEASURE, bounds=Bounds(low="0", high="2000")),
                column("visits", ColumnType.INTEGER, Use.MEASURE, bounds=Bounds(low="0", high="20")),
            ),
        }
    )


def publish(store: DomainStore, name: str, held: Sequence[Figure]) -> None:
    """A new snapshot of the figures."""
    batch = pa.record_batch(
        {
            "person": pa.array([f.person for f in held], pa.string()),
            "year": pa.array([f.year for f in held], pa.int64()),
            "band": pa.array([f.band for f in held], pa.string()),
            "sex": pa.array([f.sex for f in held], pa.string()),
            "spent": pa.array([f.spent for f in held], pa.float64()),
            "visits": pa.array([f.visits for f in held], pa.int64()),
        }
    )
    with store.writer(figures_dataset(name)) as writer:
        writer.add(batch)
        store.publish(writer.seal(), now=NOW)


def question(
    scenario: str,
    select: str,
    names: Sequence[str],
    *,
    groups: Sequence[tuple[str | None, ...]] | None = None,
    form: ResultFormat = ResultFormat.JSON,
    rho: str | None = None,
    parameters: Sequence[Parameter] = (),
) -> Query:
    """`select` with `{table}` for each department's table."""
    return Query(
        id="question",
        partner="partner",
        scenario=scenario,
        title=both("question"),
        parts=tuple(
            QueryPart(department=name, sql=select.replace("{table}", f'"{name}-figures"'))
            for name in sorted(names)
        ),
        parameters=tuple(parameters),
        groups=None if groups is None else tuple(groups),
        format=form,
        rho=rho,
    )


def grouped(held: Sequence[Figure], key: Callable[[Figure], object]) -> dict[object, list[Figure]]:
    """Rows by key, in plain Python."""
    cells: dict[object, list[Figure]] = {}
    for figure in held:
        cells.setdefault(key(figure), []).append(figure)
    return cells
