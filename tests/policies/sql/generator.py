"""Valid queries for fuzzing the gate, drawn from the contract's grammar over the corpus list, in many spellings.

Everything is drawn from one `random.Random`, so a seed is a whole run. What bends these queries is in `mutator`.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from tests.policies.sql.oracle_names import Column, Table, read_tables

if TYPE_CHECKING:
    from _typeshed import SupportsLenAndGetItem

FUNCTIONS = ("SUM", "AVG", "VARIANCE", "VAR_SAMP", "VAR_POP", "STDDEV", "STDDEV_SAMP", "STDDEV_POP")
PARTS = ("year", "quarter", "month", "dayofweek", "isodow", "hour")
ALIASES = (
    "n", "total", "avg_1", "k1", "人数", "总额", "平均（元）", "a b", "x%", "p-1", "q.r", "s:t", "f(x)", "占比％", "甲、乙",
    "bucket", "result", "Z9", "区—域",
)  # fmt: skip
STRINGS = (
    "'a'",
    "'福田'",
    "'it''s'",
    "'x y'",
    "''",
    "'（甲）'",
    "'2024'",
    "'养老'",
    "'F'",
    "'SELECT'",
    "'100%'",
)
DATES = (
    "DATE '2024-02-29'",
    "'2023-07-01'",
    "'2024-01-01'::DATE",
    "CAST('2022-12-31' AS DATE)",
    "date '1999-01-01'",
)
MOMENTS = (*DATES, "TIMESTAMP '2024-03-04 05:06:07'", "TIMESTAMP '2024-03-04'")
NUMBERS = ("0", "1", "2", "7", "10", "-3", "2.5", "1e2", "100", "0.06", "- 4", "65")
STEPS = ("1", "2", "5", "10", "2.5", "100", "1000")

TOKEN = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[^\W\d]\w*|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\s+|::|[<>=!]+|.", re.S
)


T = TypeVar("T")


class Chance(random.Random):
    """The generator of `random` with a quicker choice; as deterministic for a seed."""

    def choice(self, seq: SupportsLenAndGetItem[T]) -> T:
        return seq[int(self.random() * len(seq))]


@dataclass(frozen=True, slots=True)
class _Source:
    alias: str
    table: Table


class Generator:
    """Draws queries of the allowed class."""

    def __init__(self, chance: random.Random, tables: dict[str, Table] | None = None) -> None:
        self.chance = chance
        self.tables = list((read_tables() if tables is None else tables).values())
        self.matches = {
            table.name: [
                (column, other, match)
                for column in table.columns.values()
                for other in self.tables
                for match in other.columns.values()
                if other is not table and column.uses & {"join", "person"} and _alike(column, match)
            ]
            for table in self.tables
        }
        self.sources: list[_Source] = []
        self.merged: dict[str, _Source] = {}

    def query(self) -> str:
        """One valid query, in some spelling."""
        pick = self.chance
        self.sources, self.merged = [], {}
        sources = self._sources()
        keys = [self._key() for _ in range(pick.choice((0, 1, 1, 1, 2, 2, 3)))]
        keys = list(dict.fromkeys(key for key in keys if key))
        aggregates = [
            self._item() for _ in range(pick.choice((1, 1, 2, 2, 3, 10 if pick.random() < 0.1 else 4)))
        ]
        items = [(key, True) for key in keys] + [(aggregate, False) for aggregate in aggregates]
        if pick.random() < 0.2:
            pick.shuffle(items)
        named = self._aliased(items)
        text = "SELECT " + ", ".join(f"{e} {a}".strip() for e, a, _, _ in named) + " FROM " + sources
        if pick.random() < 0.6:
            text += " WHERE " + self._predicate({"filter"}, pick.choice((0, 1, 1, 2, 3)))
        text += self._grouping(named) + self._having(named) + self._ordering(named) + self._limit()
        return self._spelled(text)

    # Tables and columns

    def _sources(self) -> str:
        pick = self.chance
        wanted = pick.choice((1, 1, 1, 1, 2, 2, 3))
        self.sources = [self._source(pick.choice(self.tables))]
        text = self._written(self.sources[0])
        while len(self.sources) < wanted:
            joins = self._joins()
            if not joins:
                break
            left, column, other, match = pick.choice(joins)
            right = self._source(other)
            kind = pick.choice(("JOIN", "INNER JOIN", "LEFT JOIN", "LEFT OUTER JOIN"))
            low = column.name.lower()
            unique = self.merged[low] is left if low in self.merged else self._single(low)
            if column.name == match.name and unique and pick.random() < 0.5:
                self.merged.setdefault(low, left)
                condition = f"USING ({column.name})"
            else:
                sides = [f"{left.alias}.{column.name}", f"{right.alias}.{match.name}"]
                pick.shuffle(sides)
                condition = "ON " + pick.choice(("{} = {}", "({} = {})")).format(*sides)
            self.sources.append(right)
            text += f" {kind} {self._written(right)} {condition}"
        return text

    def _source(self, table: Table) -> _Source:
        alias = self.chance.choice(
            (table.name, table.name, f"t{len(self.sources)}", "表" + "甲乙丙"[len(self.sources)])
        )
        return _Source(alias, table)

    def _written(self, source: _Source) -> str:
        name = self.chance.choice((source.table.name, f'"{source.table.name}"'))
        if source.alias == source.table.name:
            return name
        return name + self.chance.choice((" AS ", " ")) + source.alias

    def _joins(self) -> list[tuple[_Source, Column, Table, Column]]:
        used = [source.table for source in self.sources]
        return [
            (source, column, table, match)
            for source in self.sources
            for column, table, match in self.matches[source.table.name]
            if not any(table is other for other in used)
        ]

    def _columns(self, uses: set[str], kind: str | None = None) -> list[tuple[_Source, Column]]:
        return [
            (source, column)
            for source in self.sources
            for column in source.table.columns.values()
            if column.uses & uses and kind in (None, column.kind)
        ]

    def _single(self, name: str) -> bool:
        return sum(name in source.table.columns for source in self.sources) == 1

    def _named(self, source: _Source, column: Column) -> str:
        low = column.name.lower()
        clear = self.merged.get(low, source) is source and (low in self.merged or self._single(low))
        name = self.chance.choice((column.name, column.name, f'"{column.name}"'))
        return name if clear and self.chance.random() < 0.7 else f"{source.alias}.{name}"

    # Keys and coarsenings

    def _key(self) -> str:
        pick = self.chance
        if pick.random() < 0.12 and (histogram := self._histogram()):
            return histogram
        columns = self._columns({"group"})
        if not columns:
            return ""
        source, column = pick.choice(columns)
        if pick.random() < 0.2:
            return self._labels(source, column)
        timestamp = column.type == "TIMESTAMP"
        if not timestamp and pick.random() < 0.15:
            return f"coalesce({self._named(source, column)}, {self._literal(column.kind)})"
        if not timestamp and (column.kind == "bool" or pick.random() < 0.4):
            return self._named(source, column)
        return self._coarsened(source, column)

    def _histogram(self) -> str:
        columns = [(s, c) for s, c in self._columns({"measure"}, "number") if c.bounds is not None]
        if not columns:
            return ""
        source, column = self.chance.choice(columns)
        assert column.bounds is not None
        span = column.bounds[1] - column.bounds[0]
        width = self.chance.choice((f"{span / 50:.6f}", f"{span / 10:.3f}", f"{span:.1f}"))
        if span / float(width) > 50:
            width = f"{span:.1f}"
        text = f"floor({self._named(source, column)}/{width})*{width}"
        return self.chance.choice((text, text, f"CAST({text} AS BIGINT)", f"({text})::INTEGER"))

    def _coarsened(self, source: _Source, column: Column) -> str:
        name, pick = self._named(source, column), self.chance
        if column.kind == "number":
            n = pick.choice(STEPS)
            forms = (
                f"floor({name}/{n})*{n}",
                f"floor({name}/{n})",
                f"({name}//{n})*{n}",
                f"{name}//{n}",
                f"{name} - {name} % {n}",
            )
            form = pick.choice(forms)
            return pick.choice(
                (form, form, f"CAST({form} AS BIGINT)", f"({form})::BIGINT", f"CAST({form} AS INTEGER)")
            )
        if column.kind == "moment":
            unit, part = pick.choice(("year", "quarter", "month", "week", "day")), pick.choice(PARTS)
            return pick.choice(
                (
                    f"date_trunc('{unit}', {name})",
                    f"{part}({name})",
                    f"extract({part} FROM {name})",
                    f"date_part('{part}', {name})",
                    f"strftime({name}, '{pick.choice(('%Y', '%Y-%m'))}')",
                )
            )
        if column.kind == "text":
            n = pick.choice(("1", "2", "3", "10"))
            return pick.choice(
                (f"left({name}, {n})", f"substr({name}, 1, {n})", f"substring({name}, 1, {n})")
            )
        return name

    def _labels(self, source: _Source, column: Column) -> str:
        pick = self.chance
        labels = pick.choice(
            (STRINGS, ("1", "2", "3.5", "-1"), ("TRUE", "FALSE"), ("DATE '2024-01-01'", "DATE '2025-01-01'"))
        )
        otherwise = pick.choice(("", f" ELSE {pick.choice(labels)}"))
        if pick.random() < 0.3:
            name = self._named(source, column)
            branches = "".join(
                f" WHEN {self._literal(column.kind)} THEN {pick.choice(labels)}"
                for _ in range(pick.choice((1, 2, 4)))
            )
            return f"CASE {name}{branches}{otherwise} END"
        if pick.random() < 0.2:
            return f"IF({self._predicate({'group'}, 1)}, {pick.choice(labels)}, {pick.choice(labels)})"
        branches = "".join(
            f" WHEN {self._predicate({'group'}, pick.choice((0, 0, 1)))} THEN {pick.choice(labels)}"
            for _ in range(pick.choice((1, 2, 5)))
        )
        return f"CASE{branches}{otherwise} END"

    # Aggregates

    def _item(self) -> str:
        aggregate = self._aggregate()
        if self.chance.random() < 0.2:
            return f"ROUND({aggregate}{self.chance.choice(('', ', 0', ', 2', ', 6'))})"
        return aggregate

    def _aggregate(self) -> str:
        pick = self.chance
        measures = [(s, c) for s, c in self._columns({"measure"}, "number") if c.bounds is not None]
        persons = self._columns({"person"})
        condition = (
            self._predicate({"group", "filter"}, pick.choice((0, 0, 1)))
            if self._columns({"group", "filter"})
            else ""
        )
        conditional = bool(condition) and pick.random() < 0.35
        which = pick.random()
        if which < 0.2 or not measures:
            text = pick.choice(("COUNT(*)", "COUNT(1)"))
            case = pick.choice(
                (f"COUNT(CASE WHEN {condition} THEN 1 END)", f"SUM(CASE WHEN {condition} THEN 1 ELSE 0 END)")
            )
        elif which < 0.4 and persons:
            person = self._named(*pick.choice(persons))
            text, case = (
                f"COUNT(DISTINCT {person})",
                f"COUNT(DISTINCT CASE WHEN {condition} THEN {person} END)",
            )
        else:
            measure, function = self._named(*pick.choice(measures)), pick.choice(FUNCTIONS)
            text = f"{function}({measure})"
            case = f"{function}(CASE WHEN {condition} THEN {measure}{pick.choice(('', ' ELSE 0', ' ELSE NULL'))} END)"
        if not conditional:
            return text
        return pick.choice((case, f"{text} FILTER (WHERE {condition})"))

    # Conditions

    def _predicate(self, uses: set[str], depth: int) -> str:
        pick = self.chance
        if depth > 0:
            parts = [self._predicate(uses, depth - 1) for _ in range(pick.choice((2, 2, 3)))]
            joined = pick.choice((" AND ", " OR ")).join(
                pick.choice((f"({p})", f"({p})", f"NOT ({p})")) for p in parts
            )
            return pick.choice((joined, f"({joined})"))
        columns = self._columns(uses)
        source, column = pick.choice(columns)
        kind = column.kind
        if kind == "bool" and pick.random() < 0.5:
            return pick.choice(("", "NOT ")) + self._named(source, column)
        x = self._named(source, column)
        if kind != "bool" and pick.random() < 0.3:
            x = self._coarsened(source, column)
            kind = _kind_of(x, kind)
        literal = self._literal(kind)
        comparison = f"{x} {pick.choice(('=', '<>', '!=', '<', '<=', '>', '>='))} {literal}"
        return pick.choice(
            (
                comparison,
                comparison,
                f"{literal} {pick.choice(('=', '<>', '<', '>='))} {x}",
                f"{x} {pick.choice(('', 'NOT '))}BETWEEN {literal} AND {self._literal(kind)}",
                f"{x} {pick.choice(('', 'NOT '))}IN ({', '.join(self._literal(kind) for _ in range(pick.choice((1, 2, 5))))})",
                f"{x} IS {pick.choice(('', 'NOT '))}NULL",
            )
        )

    def _literal(self, kind: str) -> str:
        choices = {"number": NUMBERS, "text": STRINGS, "bool": ("TRUE", "FALSE", "true"), "moment": MOMENTS}
        return self.chance.choice(choices[kind])

    # Aliases and closing clauses

    def _aliased(self, items: list[tuple[str, bool]]) -> list[tuple[str, str, str, bool]]:
        """Each item with how its alias is written, its bare alias and whether it is a key."""
        free = list(ALIASES)
        self.chance.shuffle(free)
        taken = {name for source in self.sources for name in source.table.columns}
        named = []
        for expression, is_key in items:
            alias = ""
            if free and self.chance.random() < 0.7:
                alias = free.pop()
            if not alias or alias.lower() in taken:
                named.append((expression, "", "", is_key))
                continue
            plain = re.fullmatch(r"[^\W\d]\w*", alias) is not None
            bare = alias if plain and self.chance.random() < 0.6 else f'"{alias}"'
            named.append((expression, self.chance.choice(("AS ", "")) + bare, bare, is_key))
        return named

    def _grouping(self, named: list[tuple[str, str, str, bool]]) -> str:
        keys = [(i, e, bare) for i, (e, _, bare, is_key) in enumerate(named, 1) if is_key]
        if not keys:
            return self.chance.choice(("", "", " GROUP BY ALL"))
        if self.chance.random() < 0.3:
            return " GROUP BY ALL"
        return " GROUP BY " + ", ".join(self.chance.choice((str(i), e, bare or e)) for i, e, bare in keys)

    def _having(self, named: list[tuple[str, str, str, bool]]) -> str:
        if self.chance.random() > 0.2:
            return ""
        counted = [bare for e, _, bare, _ in named if bare and re.fullmatch(r'COUNT\(DISTINCT ["\w.]+\)', e)]
        persons = self._columns({"person"})
        target = self.chance.choice(
            [f"COUNT(DISTINCT {self._named(*self.chance.choice(persons))})", *counted]
        )
        return f" HAVING {target} {self.chance.choice(('>=', '>'))} {self.chance.choice(('5', '10', '0', '100'))}"

    def _ordering(self, named: list[tuple[str, str, str, bool]]) -> str:
        if self.chance.random() < 0.5:
            return ""
        parts = []
        for i, (e, _, bare, _) in self.chance.sample(
            list(enumerate(named, 1)), self.chance.randint(1, len(named))
        ):
            way = self.chance.choice(("", " ASC", " DESC")) + self.chance.choice(
                ("", "", " NULLS FIRST", " NULLS LAST")
            )
            parts.append(self.chance.choice((str(i), e, bare or e)) + way)
        return " ORDER BY " + ", ".join(parts)

    def _limit(self) -> str:
        n = self.chance.choice(("1", "10", "500"))
        return self.chance.choice(("", "", f" LIMIT {n}", f" FETCH FIRST {n} ROWS ONLY"))

    def _spelled(self, text: str) -> str:
        """The same query in other letter case and white space, perhaps with a closing semicolon."""
        pick = self.chance
        if pick.random() < 0.5:
            text = "".join(_spelled_token(token, pick) for token in TOKEN.findall(text))
        return text + pick.choice(("", "", ";", " ;\n"))


def _spelled_token(token: str, pick: random.Random) -> str:
    # DuckDB compares the part of EXTRACT as written when it matches keys, so its case stays.
    if token.isspace():
        return pick.choice((" ", " ", "  ", "\n", "\t", "\r\n "))
    if token.lower() in PARTS or token[0] == "'" or (token[0] == '"' and pick.random() < 0.5):
        return token
    return pick.choice((token, token.upper(), token.lower(), token)) if token.isascii() else token


def _alike(left: Column, right: Column) -> bool:
    """Whether two columns may be joined and mean the same: persons and persons, the rest by name."""
    both = "person" in left.uses and "person" in right.uses
    return (
        left.type == right.type
        and bool(right.uses & {"join", "person"})
        and (both or left.name == right.name)
    )


def _kind_of(x: str, kind: str) -> str:
    """The class of a coarsening of a column of class `kind`."""
    if kind != "moment":
        return kind
    if x.startswith("date_trunc"):
        return "moment"
    return "text" if x.startswith("strftime") else "number"
