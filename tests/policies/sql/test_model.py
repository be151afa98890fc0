"""The model is valid from birth, literals are values, and uses flow to the columns that consumed them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from policies.sql.column_types import read_type
from policies.sql.data_list import Bounds, DataListInvalid, SqlUse
from policies.sql.gate import check
from policies.sql.literals import (
    Day,
    Literal,
    LiteralInvalid,
    Moment,
    Number,
    Text,
    Truth,
    day_of,
    fits,
    moment_of,
)
from policies.sql.query import (
    Aggregate,
    AggregateItem,
    AllOf,
    Bin,
    BinForm,
    Branch,
    Equality,
    Field,
    Function,
    Holds,
    Join,
    JoinKind,
    KeyItem,
    Labels,
    OneOf,
    Order,
    Persons,
    Plain,
    Prefix,
    Query,
    QueryInvalid,
)
from policies.sql.uses import uses_consumed
from policies.sql.words import in_words
from tests.policies.sql.listed import DATA_LIST

C = Field("t", "c")
BOUNDS = Bounds(Decimal(0), Decimal(100))
ROWS = AggregateItem(Aggregate(Function.COUNT_ROWS), "n")
ONE = Number(Decimal(1))


def whole(**changes: Any) -> Query:
    parts: dict[str, Any] = {"table": "t", "joins": (), "where": None, "items": (ROWS,)}
    return Query(**(parts | changes))


def test_the_smallest_query_is_valid() -> None:
    assert whole().tables == ("t",)


INVALID: list[Any] = [
    lambda: whole(items=()),
    lambda: whole(items=(KeyItem(Plain(C), "k"),)),
    lambda: whole(items=(ROWS, AggregateItem(Aggregate(Function.COUNT_ROWS), "N"))),
    lambda: whole(items=(AggregateItem(Aggregate(Function.COUNT_ROWS), "__n"),)),
    lambda: whole(
        items=(ROWS, *(KeyItem(Plain(Field("t", f"c{i}")), f"k{i}") for i in range(4))),
    ),
    lambda: whole(items=tuple(AggregateItem(Aggregate(Function.COUNT_ROWS), f"n{i}") for i in range(11))),
    lambda: whole(joins=(Join("t", JoinKind.INNER, (Equality(Field("u", "c"), C),)),)),
    lambda: whole(limit=0),
    lambda: whole(limit=501),
    lambda: whole(order=(Order(1),)),
    lambda: Bin(C, Number(Decimal("0.5")), BinForm.FLOOR),
    lambda: Bin(C, ONE, BinForm.FLOOR_TIMES, bounds=BOUNDS),
    lambda: Bin(C, Number(Decimal(50)), BinForm.WHOLE, bounds=BOUNDS),
    lambda: Prefix(C, 0),
    lambda: OneOf(Plain(C), ()),
    lambda: OneOf(Plain(C), (ONE,) * 201),
    lambda: AllOf((Holds(C),)),
    lambda: Labels(()),
    lambda: Labels((Branch(Holds(C), ONE),), Text("x")),
    lambda: Labels((Branch(Holds(C), ONE),) * 21),
    lambda: Aggregate(Function.SUM),
    lambda: Aggregate(Function.SUM, C),
    lambda: Aggregate(Function.COUNT_ROWS, C),
    lambda: Aggregate(Function.COUNT_PERSONS),
    lambda: Aggregate(Function.SUM_ONES),
    lambda: Aggregate(Function.SUM, C, BOUNDS, else_zero=True),
    lambda: AggregateItem(Aggregate(Function.COUNT_ROWS), "n", rounded=True, digits=7),
    lambda: AggregateItem(Aggregate(Function.COUNT_ROWS), "n", digits=2),
    lambda: Join("u", JoinKind.INNER, ()),
    lambda: Join("u", JoinKind.INNER, (Equality(Field("u", "c"), Field("u", "d")),)),
    lambda: Join("u", JoinKind.INNER, (Equality(C, Field("v", "c")),)),
    lambda: Persons(C, -1),
]


@pytest.mark.parametrize("build", INVALID)
def test_what_the_contract_does_not_have_cannot_be_built(build: Any) -> None:
    with pytest.raises(QueryInvalid):
        build()


@pytest.mark.parametrize(
    "build",
    [
        lambda: Number(Decimal("NaN")),
        lambda: Number(Decimal("Infinity")),
        lambda: Number(Decimal("Infinity"), approximate=True),
        lambda: Number(Decimal(2**127)),
        lambda: Number(Decimal("0." + "1" * 39)),
        lambda: Day("2023-02-29"),
        lambda: Day("2023-2-1"),
        lambda: Day("2024-W01-1"),
        lambda: Day("0000-01-01"),
        lambda: Moment("2023-01-01"),
        lambda: Moment("2023-01-01 25:00:00"),
    ],
)
def test_what_is_no_literal_cannot_be_built(build: Any) -> None:
    with pytest.raises(LiteralInvalid):
        build()


def test_bounds_that_hold_nothing_cannot_be_built() -> None:
    with pytest.raises(DataListInvalid):
        Bounds(Decimal(2), Decimal(1))


@pytest.mark.parametrize(
    ("text", "day"),
    [("2024-02-29", "2024-02-29"), ("2024-2-9", "2024-02-09"), ("2023-02-29", None), ("20240229", None)],
)
def test_an_iso_text_names_a_day(text: str, day: str | None) -> None:
    assert day_of(text) == (Day(day) if day else None)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-02-29", "2024-02-29 00:00:00"),
        ("2024-02-29 08:30", "2024-02-29 08:30:00"),
        ("2024-02-29T08:30:15.25", "2024-02-29 08:30:15.25"),
        ("2024-02-29 24:00:00", None),
        ("2024-02-29 08:30:15+08", None),
        ("2024-02-30 08:30:15", None),
    ],
)
def test_an_iso_text_names_a_point_in_time(text: str, moment: str | None) -> None:
    assert moment_of(text) == (Moment(moment) if moment else None)


FITTING: list[tuple[str, list[Literal], bool]] = [
    ("INTEGER", [ONE], True),
    ("INTEGER", [Number(Decimal(10**30))], True),
    ("INTEGER", [Number(Decimal("1.5"))], True),
    ("INTEGER", [Number(Decimal("0." + "0" * 27 + "1"))], True),
    ("INTEGER", [Number(Decimal("0." + "0" * 28 + "1"))], False),
    ("INTEGER", [Number(Decimal(10**15)), Number(Decimal("0." + "0" * 22 + "1"))], False),
    ("BIGINT", [Number(Decimal("0." + "0" * 19 + "1"))], False),
    ("HUGEINT", [Number(Decimal("1.5"))], False),
    ("DECIMAL(38,0)", [Number(Decimal("1.5"))], False),
    ("DECIMAL(12,2)", [Number(Decimal("1.5"))], True),
    ("DECIMAL(12,2)", [Number(Decimal(10**25))], False),
    ("DOUBLE", [Number(Decimal("0." + "1" * 37))], True),
    ("BIGINT", [Number(Decimal("1e9"), approximate=True)], True),
    ("VARCHAR", [Text("x"), Text("y")], True),
    ("VARCHAR", [Text("x"), ONE], False),
    ("BOOLEAN", [Truth(True)], True),
    ("DATE", [Day("2024-01-01"), Moment("2024-01-01 00:00:00")], True),
    ("DATE", [Text("2024-01-01")], False),
]


@pytest.mark.parametrize(("kind", "literals", "fitting"), FITTING)
def test_a_literal_fits_when_no_row_must_be_narrowed(
    kind: str, literals: list[Literal], fitting: bool
) -> None:
    assert fits(read_type(kind), literals) is fitting


def test_every_output_column_carries_the_uses_it_consumed() -> None:
    verdict = check(
        "SELECT left(r.sex, 1) AS k, floor(income/1000)*1000 AS h,"
        " SUM(v.cost) FILTER (WHERE r.insured AND NOT v.dept = 'x') AS s, COUNT(DISTINCT v.doctor) AS d"
        " FROM residents r JOIN visits v ON r.pid = v.pid AND r.district = v.district"
        " WHERE r.age > 20 OR v.level IS NULL GROUP BY ALL",
        DATA_LIST,
    )
    assert verdict.query is not None, verdict.reasons
    consumed = {
        name: {(str(field), use) for field, use in pairs}
        for name, pairs in uses_consumed(verdict.query, DATA_LIST).items()
    }
    rows = {
        ("residents.age", SqlUse.FILTER),
        ("visits.level", SqlUse.FILTER),
        ("residents.pid", SqlUse.PERSON),
        ("visits.pid", SqlUse.PERSON),
        ("residents.district", SqlUse.JOIN),
        ("visits.district", SqlUse.JOIN),
    }
    keys = {("residents.sex", SqlUse.GROUP), ("residents.income", SqlUse.MEASURE)}
    assert consumed["k"] == rows | {("residents.sex", SqlUse.GROUP)}
    assert consumed["h"] == rows | {("residents.income", SqlUse.MEASURE)}
    assert consumed["s"] >= rows | keys | {("visits.cost", SqlUse.MEASURE)}
    assert {field for field, _ in consumed["s"]} >= {"residents.insured", "visits.dept"}
    assert consumed["d"] == rows | keys | {("visits.doctor", SqlUse.PERSON)}


def test_a_query_is_told_in_words_in_both_languages() -> None:
    verdict = check(
        "SELECT sex, ROUND(AVG(CASE WHEN insured THEN income ELSE 0 END), 1) AS a, COUNT(DISTINCT pid) AS n"
        " FROM residents GROUP BY sex HAVING n > 9 ORDER BY a DESC LIMIT 5",
        DATA_LIST,
    )
    assert verdict.query is not None
    assert in_words(verdict.query, DATA_LIST, chinese=False) == [
        'rows: FROM "residents"',
        'sex: a cell for each "residents"."sex"',
        'a: average of residents.income, clipped to [0, 50000], where "residents"."insured", else counted as 0,'
        " rounded to 1 digits",
        "n: number of distinct residents.pid",
        "at release: cells with at least 10 distinct residents.pid",
        "at release: sorted by a, down",
        "at release: at most 5 rows",
    ]
    chinese = in_words(verdict.query, DATA_LIST, chinese=True)
    assert len(chinese) == 7
    assert "放行时只留 residents.pid 去重不少于 10 的单元" in chinese
