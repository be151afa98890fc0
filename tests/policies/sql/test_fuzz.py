"""Fuzzing the gate: what it accepts, the independent oracle accepts too, and what it rebuilds runs and stays within the list.

A run is one seed. Every tenth input is a valid query, the others are mutations. `make long` goes through 1,000,000 inputs
in slices of their own seeds; `DOMICILE_FUZZ_SLICES=12:20` takes only those, so that a run can be resumed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import duckdb
import pytest

from policies.sql.data_list import DataList
from policies.sql.gate import check, check_batch
from tests.policies.sql.answers import compared
from tests.policies.sql.corpus.rows import connect
from tests.policies.sql.generator import Chance, Generator
from tests.policies.sql.grammar_oracle import refusal
from tests.policies.sql.mutator import Mutator
from tests.policies.sql.oracle_names import LIST_FILE, read_tables

LIST = DataList.read(LIST_FILE.read_bytes())
TABLES = read_tables()
LISTED = {table.name for table in TABLES.values()}
VALID_EVERY = 10
SMALL = 20_000
SLICES, SLICE = 50, 20_000
FIRST_SEED = 20_261_124


@dataclass(slots=True)
class Outcome:
    """What one run saw; the lists hold the first few texts of each kind of failure."""

    inputs: int = 0
    allowed: int = 0
    valid: int = 0
    valid_allowed: int = 0
    outside: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def inputs(seed: int, size: int) -> Iterator[tuple[str, bool]]:
    """Texts and whether each is valid by construction."""
    chance = Chance(seed)
    generator = Generator(chance, TABLES)
    mutator = Mutator(chance, generator)
    for number in range(size):
        valid = number % VALID_EVERY == 0
        yield (generator.query() if valid else mutator.mutated()), valid


def run(seed: int, size: int) -> Outcome:
    """Judge `size` inputs of `seed` and check every one that the gate allows."""
    outcome, engine = Outcome(), connect(rows=0)
    drawn = list(inputs(seed, size))
    lines = (json.dumps({"id": str(i), "sql": sql}).encode() for i, (sql, _) in enumerate(drawn))
    for number, (answer, (sql, valid)) in enumerate(zip(check_batch(lines, LIST), drawn, strict=True)):
        assert answer["id"] == str(number)
        assert answer["allowed"] is (answer["reasons"] == []) is (answer["statement"] is not None), sql
        outcome.inputs += 1
        outcome.valid += valid
        if answer["allowed"]:
            outcome.allowed += 1
            outcome.valid_allowed += valid
            why = refusal(sql, TABLES)
            if why is not None:
                outcome.outside.append(f"{why}: {sql}")
            check_statement(str(answer["statement"]), engine, outcome)
    return outcome


def check_statement(statement: str, engine: duckdb.DuckDBPyConnection, outcome: Outcome) -> None:
    """Note a statement that does not run on empty tables or that reads anything but listed tables."""
    try:
        engine.execute(statement).fetchall()
        others = set(engine.get_table_names(statement)) - LISTED
    except duckdb.Error as e:
        outcome.broken.append(f"{e}: {statement}")
        return
    if others:
        outcome.broken.append(f"reads {others}: {statement}")


def check_outcome(outcome: Outcome, size: int) -> None:
    assert outcome.inputs == size
    assert outcome.outside[:5] == []
    assert outcome.broken[:5] == []
    assert outcome.valid_allowed >= 0.98 * outcome.valid
    assert outcome.allowed > 1.2 * outcome.valid_allowed  # mutations pass too, or they would prove nothing


def test_nothing_is_accepted_outside_the_grammar() -> None:
    """20,000 inputs: the oracle accepts what the gate accepts, and every statement runs over listed tables alone."""
    check_outcome(run(FIRST_SEED, SMALL), SMALL)


def chosen_slices() -> range:
    first, _, end = os.environ.get("DOMICILE_FUZZ_SLICES", f"0:{SLICES}").partition(":")
    return range(int(first), int(end or first + "1"))


@pytest.mark.long
@pytest.mark.parametrize("number", chosen_slices())
def test_nothing_is_accepted_outside_the_grammar_in_a_million_inputs(number: int) -> None:
    seed = FIRST_SEED + 1 + number
    print(f"slice {number} of {SLICES}, seed {seed}, {SLICE} inputs")
    check_outcome(run(seed, SLICE), SLICE)


def test_a_seed_gives_the_same_inputs_each_time() -> None:
    assert list(inputs(7, 200)) == list(inputs(7, 200))
    assert list(inputs(7, 200)) != list(inputs(8, 200))


def test_generated_queries_lie_in_the_grammar_and_run_in_duckdb() -> None:
    """The generator is no better than its agreement with the oracle and the engine."""
    engine, generator = connect(rows=0), Generator(Chance(3), TABLES)
    for _ in range(500):
        sql = generator.query()
        assert refusal(sql, TABLES) is None, sql
        engine.execute(sql)


def test_accepted_statements_never_fail_on_rows() -> None:
    """An error on some row would be an oracle on that row: the engine's text may hold its value."""
    engine = connect(rows=300, wild=True)
    lines = (json.dumps({"id": "", "sql": sql}).encode() for sql, _ in inputs(11, 1500))
    ran = 0
    for answer in check_batch(lines, LIST):
        if answer["allowed"]:
            engine.execute(str(answer["statement"])).fetchall()
            ran += 1
    assert ran > 150


def test_generated_queries_are_answered_as_asked() -> None:
    """The rebuilt statement and the original give the same cells on the same rows."""
    rows, generator, cells = connect(rows=300), Generator(Chance(77), TABLES), 0
    for _ in range(200):
        sql = generator.query()
        statement = check(sql, LIST).statement
        assert statement is not None, sql
        cells += compared(sql, statement, asked_of=rows, ran_on=rows)
    assert cells > 5000
