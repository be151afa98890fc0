"""The data list: read strictly, the strictest use in force."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.sql.column_types import Digits, TypeClass, read_type
from policies.sql.data_list import DataList, DataListInvalid, SqlUse, fold
from tests.policies.sql.listed import DATA_LIST, LIST

USES = [
    (["person"], {"person"}),
    (["person", "group", "filter", "measure"], {"person"}),
    (["person", "join"], {"person", "join"}),
    (["feature"], {"feature"}),
    (["feature", "person", "group", "filter", "measure", "join"], {"feature"}),
    (["group", "filter", "measure", "join"], {"group", "filter", "measure", "join"}),
    ([], set()),
]


def with_change(change: Callable[[dict[str, Any]], object]) -> bytes:
    changed = copy.deepcopy(LIST)
    change(changed)
    return json.dumps(changed).encode()


def column_of(changed: dict[str, Any]) -> dict[str, Any]:
    column: dict[str, Any] = changed["tables"][0]["columns"][2]
    return column


@pytest.mark.parametrize(("listed", "in_force"), USES)
def test_the_strictest_use_is_in_force(listed: list[str], in_force: set[str]) -> None:
    read = DataList.read(with_change(lambda changed: column_of(changed).update(uses=listed)))
    column = read.tables[0].column("age")
    assert column is not None
    assert column.uses == {SqlUse(use) for use in in_force}


def test_a_person_key_is_a_person_listed_so_or_not() -> None:
    visits = DATA_LIST.table("visits")
    assert visits is not None
    column = visits.column("pid")
    assert column is not None
    assert column.is_person


def test_names_are_found_without_the_case_of_ascii_letters() -> None:
    table = DATA_LIST.table("RESIDENTS")
    assert table is not None
    assert table.column("PID") is table.column("pid")
    assert table.column("社区") is not None
    assert fold("ÄBC") == "Äbc"


def test_a_member_that_is_somebody_elses_authorizes_nothing() -> None:
    def add(changed: dict[str, Any]) -> None:
        changed["version"] = 1
        column_of(changed)["description"] = "years"

    assert DataList.read(with_change(add)) == DATA_LIST


BROKEN: list[Callable[[dict[str, Any]], object]] = [
    lambda changed: changed.pop("tables"),
    lambda changed: changed.update(tables={}),
    lambda changed: changed["tables"].append("x"),
    lambda changed: changed["tables"].append(changed["tables"][0]),
    lambda changed: changed["tables"][0].update(name=""),
    lambda changed: changed["tables"][0].update(name="a\nb"),
    lambda changed: changed["tables"][0].pop("domain"),
    lambda changed: changed["tables"][0].pop("person_key"),
    lambda changed: changed["tables"][0].update(person_key="nobody"),
    lambda changed: changed["tables"][0].update(rows=-1),
    lambda changed: changed["tables"][0].update(rows=True),
    lambda changed: changed["tables"][0].pop("columns"),
    lambda changed: changed["tables"][0]["columns"].append({"name": "PID", "type": "VARCHAR", "uses": []}),
    lambda changed: column_of(changed).pop("name"),
    lambda changed: column_of(changed).pop("type"),
    lambda changed: column_of(changed).pop("uses"),
    lambda changed: column_of(changed).update(uses=["everything"]),
    lambda changed: column_of(changed).update(uses=[["group"]]),
    lambda changed: column_of(changed).update(uses="group"),
    lambda changed: column_of(changed).update(bounds=[1]),
    lambda changed: column_of(changed).update(bounds=[2, 1]),
    lambda changed: column_of(changed).update(bounds=["0", 1]),
    lambda changed: column_of(changed).update(bounds=[False, True]),
    lambda changed: column_of(changed).update(bounds=[0, float("inf")]),
    lambda changed: column_of(changed).update(bounds=[0, 10**60]),
]


@pytest.mark.parametrize("change", BROKEN)
def test_a_broken_list_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(DataListInvalid):
        DataList.read(with_change(change))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff",
        b"[]",
        b'{"tables": [], "tables": []}',
        b"[" * 99_999,
        b'{"tables": [' + b"1" * 5000 + b"]}",
    ],
)
def test_other_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(DataListInvalid):
        DataList.read(raw)


@given(st.binary(max_size=100))
def test_no_bytes_raise_anything_else(raw: bytes) -> None:
    with pytest.raises(DataListInvalid):
        DataList.read(raw)


TYPES = [
    ("varchar", "VARCHAR", TypeClass.TEXT, None),
    ("VARCHAR(20)", "VARCHAR", TypeClass.TEXT, None),
    ("text", "VARCHAR", TypeClass.TEXT, None),
    ("ENUM('a', 'b')", "ENUM('A', 'B')", TypeClass.TEXT, None),
    ("int", "INTEGER", TypeClass.NUMBER, Digits(10)),
    ("INT8", "BIGINT", TypeClass.NUMBER, Digits(19)),
    ("hugeint", "HUGEINT", TypeClass.NUMBER, Digits(39)),
    ("double precision", "DOUBLE", TypeClass.NUMBER, None),
    ("real", "FLOAT", TypeClass.NUMBER, None),
    ("decimal(12, 2)", "DECIMAL(12,2)", TypeClass.NUMBER, Digits(10, 2)),
    ("NUMERIC", "DECIMAL(18,3)", TypeClass.NUMBER, Digits(15, 3)),
    ("DECIMAL(5)", "DECIMAL(5,0)", TypeClass.NUMBER, Digits(5)),
    ("date", "DATE", TypeClass.DATE, None),
    ("timestamp  with time zone", "TIMESTAMP WITH TIME ZONE", TypeClass.DATE, None),
    ("bool", "BOOLEAN", TypeClass.BOOLEAN, None),
    ("UUID", "UUID", TypeClass.OTHER, None),
    ("INTEGER[]", "INTEGER[]", TypeClass.OTHER, None),
    ("STRUCT(a INTEGER)", "STRUCT(A INTEGER)", TypeClass.OTHER, None),
    ("DECIMAL(39,2)", "DECIMAL(39,2)", TypeClass.OTHER, None),
    ("DECIMAL(3,4)", "DECIMAL(3,4)", TypeClass.OTHER, None),
    ("INTEGER(3)", "INTEGER(3)", TypeClass.OTHER, None),
    ("TIME", "TIME", TypeClass.OTHER, None),
    ("1x", "1X", TypeClass.OTHER, None),
]


@pytest.mark.parametrize(("text", "name", "type_class", "digits"), TYPES)
def test_a_type_has_its_class(text: str, name: str, type_class: TypeClass, digits: Digits | None) -> None:
    read = read_type(text)
    assert (read.name, read.type_class, read.digits) == (name, type_class, digits)
