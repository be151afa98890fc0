"""Dummy twins: they pass the checks of their declaration and are made of nothing else."""

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.sources.source import open_source
from connectors.twin import NO_SUCH_PLACE, TwinRefused, dummy_twin, write_csv
from policies.documents.dataset import Bounds, ColumnType, Dataset
from policies.resident import ResidentId
from tests.connectors.kit import COST, RESIDENT, SEEN, SEX, YEAR, column, declare, one_row_each

DATASETS = [
    declare(),
    one_row_each(),
    declare((RESIDENT, SEEN, SEX, COST), row_key=("resident", "seen", "sex"), order_column="seen"),
    declare(
        (column("shop", ColumnType.TEXT), YEAR, column("open", ColumnType.BOOLEAN)),
        personal=False,
        person_column=None,
        row_key=("shop", "year"),
    ),
    one_row_each(
        (
            RESIDENT,
            column("code", ColumnType.INTEGER, categories=("1", "2", "7")),
            column("level", ColumnType.DECIMAL, bounds=Bounds(low="0.001", high="0.009")),
            column("day", ColumnType.DATE, categories=("2024-01-01", "2024-02-29")),
            column("big", ColumnType.INTEGER, bounds=Bounds(low="-1" + "0" * 30, high="9" * 30)),
        )
    ),
]


@settings(max_examples=25, deadline=None)
@given(dataset=st.sampled_from(DATASETS), rows=st.integers(0, 200), seed=st.integers(0, 2**32))
def test_a_twin_passes_the_checks_of_its_own_declaration(
    dataset: Dataset, rows: int, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    twin = dummy_twin(dataset, rows=rows, seed=seed)
    path = tmp_path_factory.mktemp("twin") / "twin.csv"
    write_csv(twin, path)
    batches = list(open_source(path, dataset))
    read = pa.Table.from_batches(batches) if batches else twin.schema.empty_table()
    assert read.to_pylist() == twin.to_pylist()
    keys = [tuple(row[key] for key in dataset.row_key) for row in twin.to_pylist()]
    assert len(set(keys)) == len(keys) == rows


def test_the_people_of_a_twin_are_valid_and_recognizably_invented() -> None:
    people = dummy_twin(one_row_each(), rows=500, seed=1).column("resident").to_pylist()
    assert len(set(people)) == 500
    assert all(ResidentId.parse(person).text == person for person in people)
    assert {person[:6] for person in people} == {NO_SUCH_PLACE} == {"999999"}
    assert all(date(1940, 1, 1) <= date.fromisoformat(person[6:14]) <= date(2010, 1, 1) for person in people)


def test_a_twin_has_rows_per_person_as_declared() -> None:
    twin = dummy_twin(declare(), rows=300, seed=3)
    assert 60 <= len(set(twin.column("resident").to_pylist())) <= 100


def test_the_seed_decides_and_nothing_else() -> None:
    assert dummy_twin(declare(), rows=50, seed=9).equals(dummy_twin(declare(), rows=50, seed=9))
    assert not dummy_twin(declare(), rows=50, seed=9).equals(dummy_twin(declare(), rows=50, seed=10))


def test_a_narrow_key_gives_as_many_rows_as_there_are_keys() -> None:
    dataset = declare(
        (SEX.model_copy(update={"nullable": False}), COST),
        personal=False,
        person_column=None,
        row_key=("sex",),
        order_column=None,
    )
    assert sorted(dummy_twin(dataset, rows=100, seed=1).column("sex").to_pylist()) == ["female", "male"]


@pytest.mark.parametrize("rows", [-1, 1_000_001])
def test_an_unreasonable_size_is_refused(rows: int) -> None:
    with pytest.raises(TwinRefused):
        dummy_twin(declare(), rows=rows, seed=1)


def test_a_twin_is_made_without_opening_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_arguments: object, **_options: object) -> None:
        raise AssertionError("a twin must not read anything")

    monkeypatch.setattr("builtins.open", forbidden)
    monkeypatch.setattr(Path, "open", forbidden)
    monkeypatch.setattr("duckdb.connect", forbidden)
    assert dummy_twin(declare(), rows=10, seed=1).num_rows == 10
