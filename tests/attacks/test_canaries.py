"""Canaries: accepted queries, run in the locked and confined child over an encrypted store, bring none of them out.

Planted are a file of the host, a variable of the parent's environment, a listening server, the host's path of the store,
the store's key, a table that is not in the data list, a column that is not, a column listed for no use, and every person's
number. Statements are those the gate compiled from generated queries and their mutations; without the gate the same child
gives the planted rows away, which shows that they would be seen. Source: protocols.md section 10, item 1.
"""

from __future__ import annotations

import base64
import json
import random
import re
import socket
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from connectors.store import engine
from connectors.store.keys import SnapshotKey
from enclaves.isolation.confined import run_confined
from enclaves.isolation.limits import Limits
from policies.sql.data_list import DataList
from policies.sql.gate import check_batch
from tests.policies.sql.corpus.rows import connect
from tests.policies.sql.generator import Generator
from tests.policies.sql.mutator import Mutator
from tests.policies.sql.oracle_names import LIST_FILE, read_tables

PROBES = Path(__file__).parents[1] / "enclaves" / "isolation" / "probes"
LIST = DataList.read(LIST_FILE.read_bytes())
TABLES = read_tables()
KEY = SnapshotKey(bytes(range(100, 132)))
SEED = 20_261_125
ROWS = 400
SMALL, WHOLE = 300, 20_000
# The planted values share a word that stands nowhere else, and persons have the shape the corpus gives them.
PLANTED = re.compile(r"CANARY|P44030019-\d|44030019000000\d{4}")
UNLISTED, UNUSED = "CANARY-column", "CANARY-text"


def write_store(file: Path) -> None:
    """The corpus tables in an encrypted store, with a hidden column each, and a table of nobody's list."""
    source = connect(rows=ROWS)
    ingest = engine.open_ingest(file.parent / "spill", memory_limit="1GB", threads=2)
    engine.attach_new(ingest, file, KEY)
    for table in TABLES:
        rows = source.execute(f"SELECT *, '{UNLISTED}' AS hidden FROM \"{table}\"").to_arrow_table()
        if table == "hospital_visits":
            at = rows.schema.get_field_index("diagnosis_text")
            rows = rows.set_column(at, "diagnosis_text", [[UNUSED] * len(rows)])
        ingest.register("rows", rows)
        ingest.execute(f'CREATE TABLE snapshot."{table}" AS SELECT * FROM rows')
        ingest.unregister("rows")
    ingest.execute("CREATE TABLE snapshot.other_view AS SELECT 'CANARY-view' AS note FROM range(50)")
    ingest.execute("DETACH snapshot")
    ingest.close()


def accepted(seed: int) -> Iterator[str]:
    """Statements of the gate, without end: half from valid queries, half from what mutation left acceptable."""
    chance = random.Random(seed)
    generator = Generator(chance, TABLES)
    mutator = Mutator(chance, generator)
    while True:
        texts = [generator.query() if number % 4 == 0 else mutator.mutated() for number in range(200)]
        lines = (json.dumps({"id": "", "sql": text}).encode() for text in texts)
        yield from (str(answer["statement"]) for answer in check_batch(lines, LIST) if answer["allowed"])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("CANARY-path")
    (folder / "beside").write_text("CANARY-file")
    write_store(folder / "store.duckdb")
    return folder / "store.duckdb"


def run(store: Path, statements: Iterator[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The child's answers; fails if it called the server meanwhile."""
    monkeypatch.setenv("DOMICILE_TEST", "CANARY-environment")
    order = [bytes(KEY), *(statement.encode() for statement in statements)]
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        answers = list(
            run_confined(
                "canaries",
                order,
                files={"store": store},
                limits=Limits(wall_seconds=600.0, cpu_seconds=600),
                extra_targets=("canaries",),
                source_roots=(PROBES,),
            )
        )
        with pytest.raises(BlockingIOError):
            server.accept()
    return [answer.decode() for answer in answers]


def check_silent(store: Path, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    statements = list(islice(accepted(SEED), count))
    answers = run(store, iter(statements), monkeypatch)
    assert len(answers) == count
    key = base64.b64encode(KEY).decode()
    for statement, answer in zip(statements, answers, strict=True):
        assert not answer.startswith("raised"), (statement, answer)
        assert not PLANTED.search(answer), statement
        assert key not in answer
        assert str(store.parent) not in answer


@pytest.mark.req("RQ-308")
def test_accepted_statements_bring_no_canary_out(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_silent(store, SMALL, monkeypatch)


@pytest.mark.long
@pytest.mark.req("RQ-308")
def test_twenty_thousand_accepted_statements_bring_no_canary_out(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_silent(store, WHOLE, monkeypatch)


@pytest.mark.parametrize(
    ("statement", "planted"),
    [
        ("SELECT note FROM other_view", "CANARY-view"),
        ("SELECT hidden FROM hospital_visits", UNLISTED),
        ("SELECT min(diagnosis_text) FROM hospital_visits", UNUSED),
        ("SELECT person_id FROM hospital_visits", "P44030019-"),
        ("SUMMARIZE hospital_visits", UNUSED),
    ],
)
def test_without_the_gate_the_child_gives_rows_away(
    statement: str, planted: str, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [answer] = run(store, iter([statement]), monkeypatch)
    assert planted in answer
    assert PLANTED.search(answer)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT content FROM read_text('{folder}/beside')",
        "SELECT * FROM glob('{folder}/*')",
        "SELECT getenv('DOMICILE_TEST')",
        "SELECT * FROM read_csv('http://127.0.0.1/')",
        "COPY hospital_visits TO '/tmp/out.csv'",
    ],
)
def test_even_without_the_gate_the_child_reaches_no_file_variable_or_server(
    statement: str, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [answer] = run(store, iter([statement.format(folder=store.parent)]), monkeypatch)
    assert answer.startswith("raised")


def test_even_without_the_gate_the_child_knows_no_path_of_the_host(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [answer] = run(store, iter(["PRAGMA database_list"]), monkeypatch)
    assert "/data/store" in answer
    assert str(store.parent) not in answer
