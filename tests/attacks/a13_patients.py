"""The setting of the A13 attacks: ten thousand invented patients, a secret of each, and what a partner gets to see.

The partner knows every patient's number and wants the diagnosis group. The data list is as generous as one may be: the
diagnosis may be grouped by and filtered on. What an attack does not learn, it guesses as the most frequent group.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache

import duckdb
import numpy as np
from numpy.typing import NDArray

from policies.sql.data_list import DataList
from policies.sql.gate import check

PEOPLE = 10_000
GROUPS = (0.4, 0.3, 0.2, 0.1)
MARGIN = 0.02
"""How much better than guessing an attack on ours may be."""


@cache
def secrets() -> NDArray[np.int64]:
    """The diagnosis group, 0 to 3, of the person with number = index + 1."""
    return np.random.default_rng(20260313).choice(len(GROUPS), size=PEOPLE, p=GROUPS)


def plain() -> duckdb.DuckDBPyConnection:
    """The patients in an engine that does what it is told, as in the naive variant."""
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE patients (person_id BIGINT, age INTEGER, ward VARCHAR, diagnosis INTEGER, cost DOUBLE)"
    )
    groups = "[" + ",".join(map(str, secrets().tolist())) + "]"
    connection.execute(
        "INSERT INTO patients SELECT i, 20 + i * 7 % 60, 'W' || i % 12, d, i * 13 % 900"
        f" FROM (SELECT unnest(range(1, {PEOPLE + 1})) AS i, unnest({groups}) AS d)"
    )
    return connection


@cache
def data_list() -> DataList:
    def column(name: str, kind: str, *uses: str, **more: object) -> dict[str, object]:
        return {"name": name, "type": kind, "uses": uses, **more}

    columns = [
        column("person_id", "BIGINT", "person"),
        column("age", "INTEGER", "group", "filter"),
        column("ward", "VARCHAR", "group", "filter"),
        column("diagnosis", "INTEGER", "group", "filter"),
        column("cost", "DOUBLE", "measure", bounds=[0, 1000]),
    ]
    table = {
        "name": "patients",
        "domain": "hospital",
        "person_key": "person_id",
        "rows": PEOPLE,
        "columns": columns,
    }
    return DataList.read(json.dumps({"tables": [table]}).encode())


def answer(statement: str) -> tuple[bool, str]:
    """Whether ours accepts a statement, and everything the partner is told."""
    verdict = check(statement, data_list())
    return verdict.allowed, json.dumps([reason.to_json() for reason in verdict.reasons])


def accuracy(learned: Mapping[int, int], truth: NDArray[np.int64] | None = None) -> float:
    """Share of people whose group is right; what was not learned is guessed as the most frequent."""
    truth = secrets() if truth is None else truth
    guesses = np.full(PEOPLE, np.bincount(truth).argmax())
    for number, group in learned.items():
        if 1 <= number <= PEOPLE:
            guesses[number - 1] = group
    return float((guesses == truth).mean())


def told(attack: str, zh: str, en: str, **figures: object) -> dict[str, object]:
    """A line of the page of attacks; shares from 0 to 1."""
    return {"attack": attack, "title": {"zh": zh, "en": en}, "targets": PEOPLE, **figures}
