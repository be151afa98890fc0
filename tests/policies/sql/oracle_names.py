"""What the oracle knows of the data list: effective uses, classes of types, and names resolved as DuckDB resolves them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.policies.sql.oracle_expressions import Expression
from tests.policies.sql.oracle_parser import Join
from tests.policies.sql.oracle_text import CHINESE_MARKS, Refused, ascii_lower

LIST_FILE = Path(__file__).parent / "corpus" / "list.json"

_CLASSES = {
    **dict.fromkeys(("VARCHAR", "TEXT", "CHAR", "STRING"), "text"),
    **dict.fromkeys(
        ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL"), "number"
    ),
    **dict.fromkeys(("DATE", "TIMESTAMP"), "moment"),
    "BOOLEAN": "bool",
}
_INTEGER_DIGITS = {"TINYINT": 3, "SMALLINT": 5, "INTEGER": 10, "BIGINT": 19, "HUGEINT": 38}
_ALIAS = re.compile(f"[A-Za-z0-9\\u3400-\\u4dbf\\u4e00-\\u9fff_ ()%/\\-.:{CHINESE_MARKS}]{{1,64}}")


@cache
def _kind(sql_type: str) -> str:
    return _CLASSES.get(sql_type.split("(")[0].upper(), "none")


@dataclass(frozen=True, slots=True)
class Column:
    """A listed column; `uses` are those left after the strictest has won."""

    table: str
    name: str
    type: str
    uses: frozenset[str]
    bounds: tuple[float, float] | None

    @property
    def kind(self) -> str:
        """text, number, moment or bool; other types have no class and no literal."""
        return _kind(self.type)

    @property
    def whole_digits(self) -> int:
        """Digits before the point that a row may hold; 0 for types that convert to any decimal without failing."""
        if self.type.startswith("DECIMAL"):
            width, scale = re.findall(r"\d+", self.type)
            return int(width) - int(scale)
        return _INTEGER_DIGITS.get(self.type, 0)


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    person_key: str
    columns: dict[str, Column]


def read_tables(text: str | None = None) -> dict[str, Table]:
    """Tables of a data list by lower-case name; the corpus list unless told otherwise."""
    tables = json.loads(LIST_FILE.read_text(encoding="utf-8") if text is None else text)["tables"]
    found = {}
    for table in tables:
        key = ascii_lower(table["person_key"])
        columns = {}
        for column in table["columns"]:
            low = ascii_lower(column["name"])
            uses = _strictest(set(column["uses"]), is_key=low == key)
            bounds = tuple(column["bounds"]) if column.get("bounds") else None
            columns[low] = Column(table["name"], column["name"], column["type"], uses, bounds)
        found[ascii_lower(table["name"])] = Table(table["name"], key, columns)
    return found


def _strictest(uses: set[str], *, is_key: bool) -> frozenset[str]:
    if "feature" in uses:
        return frozenset({"feature"})
    if is_key or "person" in uses:
        return frozenset(uses - {"group", "filter", "measure"} | {"person"})
    return frozenset(uses)


def check_alias(alias: str) -> None:
    """Raise `Refused` for an alias whose form section 4 does not allow."""
    if not _ALIAS.fullmatch(alias) or alias.startswith(("__", " ", "=", "+", "-", "@")):
        raise Refused(f"alias `{alias}`")


class Scope:
    """The tables of a FROM clause: names resolve to listed columns or are refused."""

    def __init__(self, joins: list[Join], tables: dict[str, Table]) -> None:
        self.sources: list[tuple[str, Table]] = []
        self.merged: dict[str, Column] = {}
        for join in joins:
            self._add(join, tables)

    def _add(self, join: Join, tables: dict[str, Table]) -> None:
        table = tables.get(ascii_lower(join.table))
        if table is None:
            raise Refused(f"table `{join.table}` is not listed")
        if table in [used for _, used in self.sources]:
            raise Refused("a table used twice")
        alias = ascii_lower(join.alias or join.table)
        if join.alias is not None:
            check_alias(join.alias)
            if alias in tables and tables[alias] is not table:
                raise Refused("a table alias that names another listed table")
        if alias in [used for used, _ in self.sources]:
            raise Refused("a table alias used twice")
        if len(self.sources) == 3:
            raise Refused("over 3 tables")
        self._merge(join, table)
        self.sources.append((alias, table))
        self._check_equalities(join, alias)

    def _merge(self, join: Join, table: Table) -> None:
        for name in join.using:
            left = self.resolve(("column", None, name))
            right = table.columns.get(ascii_lower(name))
            if right is None:
                raise Refused(f"`{name}` is not on both sides")
            _check_joinable(left, right)
            self.merged[ascii_lower(name)] = left

    def _check_equalities(self, join: Join, alias: str) -> None:
        if not join.equalities:
            return
        touching = 0
        for condition in join.equalities:
            equality = _without_not(condition)
            if equality[:2] != ("compare", "=") or {equality[2][0], equality[3][0]} != {"column"}:
                raise Refused("a join condition that is no equality of columns")
            sides = [self.resolve(side) for side in equality[2:]]
            _check_joinable(*sides)
            touching += self.sources[-1][1].name in (side.table for side in sides)
        if not touching:
            raise Refused(f"no equality reaches the joined table `{alias}`")

    def resolve(self, expression: Expression) -> Column:
        """The listed column of ("column", qualifier, name)."""
        _, qualifier, name = expression
        low = ascii_lower(name)
        if qualifier is None and low in self.merged:
            return self.merged[low]
        wanted = None if qualifier is None else ascii_lower(qualifier)
        found = [t.columns[low] for alias, t in self.sources if wanted in (None, alias) and low in t.columns]
        if len(found) != 1:
            raise Refused(f"column `{name}` is {'ambiguous' if found else 'unknown'}")
        return found[0]

    def column_names(self) -> set[str]:
        return {name for _, table in self.sources for name in table.columns}


def _without_not(e: Expression) -> Expression:
    """DuckDB reads NOT before a comparison of two columns as the opposite comparison, however many there are."""
    if e[0] != "not":
        return e
    inner = _without_not(e[1])
    if inner[0] != "compare" or inner[1] not in _OPPOSITE:
        return e
    return (inner[0], _OPPOSITE[inner[1]], *inner[2:])


_OPPOSITE = {"=": "<>", "<>": "="}


def _check_joinable(left: Column, right: Column) -> None:
    if left.table == right.table or left.type != right.type:
        raise Refused("a join of one table or of two types")
    for side in (left, right):
        if not side.uses & {"join", "person"}:
            raise Refused(f"`{side.table}.{side.name}` is not for joins")
