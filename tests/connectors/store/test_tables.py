"""Several snapshots of one domain side by side: one number a person, declared columns alone, nothing else in reach."""

from pathlib import Path

import numpy as np
import pytest

from connectors.errors import StoreError
from connectors.store import LockedTables, TableFile, open_tables
from policies.documents.dataset import Dataset
from tests.connectors.kit import COST, RESIDENT, SEX, declare, fill, one_row_each, open_store, resident, table

VISITS = declare()
PERSONS = one_row_each()


def opened(folder: Path, *filled: tuple[Dataset, list[tuple[object, ...]]]) -> LockedTables:
    store = open_store(folder)
    files = {}
    for dataset, rows in filled:
        fill(store, dataset, table(dataset, rows))
        with store.lease(dataset.id) as lease:
            files[dataset.id] = TableFile(lease.path, lease.key)
    return open_tables(files)


def visit(who: int, year: int) -> tuple[object, ...]:
    return (resident(who), year, 10.0 * who, "male", None, None, None)


def test_one_table_numbers_persons_as_its_file_does(tmp_path: Path) -> None:
    with opened(
        tmp_path, (VISITS, [visit(who, year) for who in range(5) for year in (2023, 2024)])
    ) as tables:
        found = tables.run(
            "SELECT resident, sum(cost) AS total FROM visits GROUP BY resident ORDER BY resident"
        )
        assert found.column("resident").to_pylist() == [0, 1, 2, 3, 4]
        assert sorted(found.column("total").to_pylist()) == [0.0, 20.0, 40.0, 60.0, 80.0]
        assert len(tables.population()) == 5


def test_tables_of_one_domain_join_on_the_person(tmp_path: Path) -> None:
    people = [(resident(who), 1.0, "female" if who % 2 else "male") for who in range(3, 9)]
    with opened(tmp_path, (VISITS, [visit(who, 2023) for who in range(5)]), (PERSONS, people)) as tables:
        found = tables.run(
            "SELECT p.sex, count(*) AS n, sum(v.cost) AS total FROM visits v JOIN persons p"
            " ON v.resident = p.resident GROUP BY p.sex ORDER BY p.sex"
        )
        assert found.to_pylist() == [
            {"sex": "female", "n": 1, "total": 30.0},
            {"sex": "male", "n": 1, "total": 40.0},
        ]
        pids = tables.population()
        assert len(pids) == 9
        assert (np.lexsort((pids[:, 1], pids[:, 0])) == np.arange(9)).all()
        numbers = tables.run(
            "SELECT DISTINCT resident FROM persons UNION SELECT DISTINCT resident FROM visits"
        )
        assert sorted(numbers.column(0).to_pylist()) == list(range(9))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "ATTACH '/tmp/other.duckdb'",
        "SET lock_configuration=false",
        "INSERT INTO t0.rows SELECT * FROM t0.rows",
        "SELECT error('x')",
    ],
)
def test_nothing_but_the_tables_is_in_reach(tmp_path: Path, statement: str) -> None:
    with opened(tmp_path, (VISITS, [visit(1, 2023)])) as tables, pytest.raises(StoreError) as caught:
        tables.run(statement)
    assert "passwd" not in str(caught.value)


def test_an_engine_error_is_told_by_its_class_only(tmp_path: Path) -> None:
    with opened(tmp_path, (VISITS, [visit(1, 2023)])) as tables, pytest.raises(StoreError) as caught:
        tables.run("SELECT CAST(sex || 'CANARY' AS INTEGER) FROM visits")
    assert str(caught.value) == "run the statement: the engine raised ConversionException"
    assert caught.value.__suppress_context__


def test_a_table_under_another_name_is_refused(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    fill(store, VISITS, table(VISITS, [visit(1, 2023)]))
    with store.lease("visits") as lease, pytest.raises(StoreError):
        open_tables({"people": TableFile(lease.path, lease.key)})


def test_data_about_nobody_is_refused(tmp_path: Path) -> None:
    shops = declare(
        (COST, SEX), id="shops", personal=False, person_column=None, row_key=("sex",), order_column=None
    )
    with pytest.raises(StoreError):
        opened(tmp_path, (shops, [(1.0, "male")]))


def test_too_many_tables_are_refused() -> None:
    file = TableFile(Path("nowhere"), bytes(32))
    with pytest.raises(StoreError):
        open_tables({f"t{n}": file for n in range(4)})
    with pytest.raises(StoreError):
        open_tables({})


def test_a_file_does_not_show_its_key() -> None:
    assert RESIDENT.name not in repr(TableFile(Path("a"), bytes(32)))
    assert "\\x00" not in repr(TableFile(Path("a"), bytes(32)))


def test_a_row_is_the_same_row_in_every_snapshot(tmp_path: Path) -> None:
    first = [visit(who, year) for who in range(6) for year in (2023, 2024)]
    later = [visit(who, year) for who in range(2, 9) for year in (2023, 2024)]
    later[0] = (*later[0][:2], 999.0, *later[0][3:])
    seen = []
    for folder, rows in (("a", first), ("b", later)):
        with opened(tmp_path / folder, (VISITS, rows)) as tables:
            identities, persons = tables.identities("visits")
            pids = tables.population()[persons]
            seen.append(set(zip(map(tuple, pids.tolist()), identities.tolist(), strict=True)))
            assert len(identities) == len(rows)
            assert sorted(np.unique(persons).tolist()) == list(range(len(tables.population())))
    # Persons 2 to 5 have two rows each in both snapshots, of which one was changed.
    assert len(seen[0] & seen[1]) == 7
