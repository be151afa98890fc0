"""The policy bench measures right results, beside their baselines, in the figures the design names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connectors.store import DomainStore, TableFile, open_tables
from enclaves.bench import governed, worker_path
from enclaves.bench.papers import admission_case
from enclaves.bench.people import YEARS, Built, build, new_store, people, residents, visits
from enclaves.bench.policy import MEANING, Setting, bench
from enclaves.bench.questions import LEGITIMATE, TIMED, Question, data_list, one_kilobyte
from enclaves.worker.aggregate import answer
from enclaves.worker.lineage import Lineage
from policies.decision import Action, decide_case
from policies.documents.dataset import Dataset
from policies.resident import check_resident_id
from policies.sql.gate import check

ROWS = 6_000
TINY = Setting(rows=ROWS, repeats=1, worker_rows=ROWS, queries=3, persons=5_000, decisions=3, passes=1)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    directory = tmp_path_factory.mktemp("bench")
    return bench(TINY, directory, progress=lambda text: None)


def leaves(value: object) -> Iterator[object]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from leaves(inner)
    else:
        yield value


def test_every_figure_comes_with_its_baseline_and_its_target(found: Mapping[str, Any]) -> None:
    for table in ("people", "visits"):
        figures = found["governed_sql"][table]
        ratio = figures["governed_seconds"] / figures["rebuilt_seconds"]
        assert figures["ratio_to_rebuilt"] == pytest.approx(ratio, rel=0.1)
        assert figures["reached"] == (figures["over_ratio_ms"] <= 30)
        assert figures["build"]["rows"] == ROWS
        assert found["worker"][table]["statement_seconds"] > 0
    assert found["gate"]["parsed_per_second"] > found["gate"]["checked_per_second"]
    assert found["decision"]["cached_p50_ms"] >= found["decision"]["cedar_p50_ms"]
    assert found["atom_rule"]["plain_ms"] > 0


def test_the_parts_of_a_clock_make_up_the_clock(found: Mapping[str, Any]) -> None:
    for table in ("people", "visits"):
        figures = found["governed_sql"][table]
        assert sum(figures["of_which"].values()) == pytest.approx(figures["governed_seconds"], abs=0.001)


def test_every_step_of_the_worker_is_in_the_split(found: Mapping[str, Any]) -> None:
    for table in ("people", "visits"):
        worker = found["worker"][table]
        assert all(seconds > 0 for seconds in worker["split_first"].values()), worker["split_first"]
        assert worker["split_next"]["identities"] == 0.0


def test_the_result_is_json_and_says_what_its_clocks_mean(found: Mapping[str, Any]) -> None:
    assert json.loads(json.dumps(found)) == found
    assert found["meaning"] == MEANING
    assert all(isinstance(leaf, str | int | float | bool | None) for leaf in leaves(found))


def _built(directory: Path, dataset: Dataset) -> tuple[DomainStore, Built]:
    store = new_store(directory)
    return store, build(store, dataset, rows=ROWS, seed=7, progress=lambda text: None)


@pytest.mark.parametrize(("dataset", "question"), zip((people(ROWS), visits(ROWS)), TIMED, strict=True))
def test_the_rebuilt_statement_as_cells_is_what_the_worker_counts(
    tmp_path: Path, dataset: Dataset, question: Question
) -> None:
    store, built = _built(tmp_path, dataset)
    assert built.pointer.persons == dataset.volume.persons
    verdict = check(question.sql, data_list(dataset))
    assert verdict.query is not None
    with (
        store.lease(dataset.id) as lease,
        open_tables({dataset.id: TableFile(lease.path, lease.key)}) as tables,
    ):
        order = worker_path.question_order(verdict, dataset, lease, lineages=(Lineage(),))
        judged = answer(order, tables).judged
        found = governed.cells_of(tables.run(str(verdict.statement)), verdict.query, order.layout.shape)
    # Ten districts by two sexes, and nothing is withheld of cells this large, so the lanes are the whole of both ways.
    assert judged.values.all()
    assert len(found.keys) == 20
    place = [found.keys.index(key) for key in judged.cells.keys]
    assert np.array_equal(found.matrix[:, place], judged.cells.matrix)


def test_a_governed_clock_ends_in_a_table(tmp_path: Path) -> None:
    dataset = visits(ROWS)
    store, _ = _built(tmp_path, dataset)
    clocks = governed.measure(store, dataset, TIMED[1], repeats=2)
    assert (clocks.cells, clocks.shown) == (20, 20)


def test_every_embedded_question_is_legitimate() -> None:
    listed = data_list(people(ROWS), visits(ROWS))
    refused = [
        sql for sql in (*LEGITIMATE, one_kilobyte(0), one_kilobyte(79)) if not check(sql, listed).allowed
    ]
    assert refused == []
    assert len(set(LEGITIMATE)) == len(LEGITIMATE) >= 40
    assert 900 <= len(one_kilobyte(9)) <= 1_100


def test_persons_of_a_table_of_one_row_each_are_counted_as_rows() -> None:
    listed = data_list(people(ROWS), visits(ROWS))
    of_people, of_visits = (str(check(question.sql, listed).statement) for question in TIMED)
    assert 'COUNT(*) AS "__persons"' in of_people
    assert 'COUNT(DISTINCT "visits"."person") AS "__persons"' in of_visits


def test_the_papers_of_the_bench_are_admitted_and_not_without_a_signature() -> None:
    case = admission_case()
    assert decide_case(Action.ADMIT_AGGREGATE, case).allowed
    other = admission_case()
    assert not decide_case(
        Action.ADMIT_AGGREGATE, type(case)(**{**_fields(case), "query": other.query})
    ).allowed


def _fields(case: Any) -> dict[str, Any]:
    return {name: getattr(case, name) for name in case.__dataclass_fields__}


def test_generated_residents_are_distinct_and_valid_beyond_one_area() -> None:
    ranks = np.concatenate([np.arange(3_000), np.arange(19_979_000, 19_982_000), [49_999_999]])
    found = residents(ranks).to_pylist()
    assert len(set(found)) == len(ranks)
    for resident in found:
        check_resident_id(resident)
    assert {resident[:6] for resident in found} == {"999999", "999998", "999997"}


def test_several_rows_a_person_are_one_a_year(tmp_path: Path) -> None:
    _, built = _built(tmp_path, visits(ROWS))
    assert (built.pointer.rows, built.pointer.persons) == (ROWS, ROWS // len(YEARS))
