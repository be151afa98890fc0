"""FROM: listed tables, each once, tied by equalities of join or person columns.

- A join is read from the left: each joined table must be tied to an earlier one by every equality of its ON.
- USING makes two columns one; the earlier table's is the one that is shown.

Follows the SQL contract, section 4, "eq".
"""

from __future__ import annotations

from typing import Final

from policies.sql import hints
from policies.sql.data_list import DataList, SqlUse, Table, fold
from policies.sql.parser import Node
from policies.sql.query import MAX_TABLES, Equality, Join, JoinKind
from policies.sql.reading.aliases import check_table_alias
from policies.sql.reading.scope import Found, Scope, references
from policies.sql.reading.shape import check_expression
from policies.sql.reasons import Code, Place

_BASE: Final = frozenset(
    {
        "type",
        "alias",
        "sample",
        "query_location",
        "schema_name",
        "table_name",
        "column_name_alias",
        "catalog_name",
        "at_clause",
    }
)
_JOIN: Final = frozenset(
    {
        "type",
        "alias",
        "sample",
        "query_location",
        "left",
        "right",
        "condition",
        "join_type",
        "ref_type",
        "using_columns",
        "delim_flipped",
        "duplicate_eliminated_columns",
    }
)
_KINDS: Final = {"INNER": JoinKind.INNER, "LEFT": JoinKind.LEFT}
_TYING: Final = frozenset({SqlUse.JOIN, SqlUse.PERSON})
_MAX_JOINS: Final = 8
"""Joins that are looked at; a query may have two, and one with more is refused whatever they are."""


class Sources:
    """Reads FROM into a scope, the first table's name and its joins."""

    def __init__(self, data_list: DataList, scope: Scope, common: frozenset[str]) -> None:
        """`common` are the folded names of common table expressions, which are refused elsewhere."""
        self._data_list, self._scope, self._common = data_list, scope, common
        self.table: str | None = None
        self.joins: list[Join] = []

    def read(self, node: Node) -> None:
        """Read the whole of FROM."""
        joins: list[Node] = []
        while node.get("type") == "JOIN":
            joins.append(node)
            node = node["left"]
        if len(joins) >= MAX_TABLES:
            self._scope.findings.add(Code.TOO_MANY, Place.FROM, hints.TABLES)
        first = self._source(node, Place.FROM)
        self.table = first.name if first else None
        for join in list(reversed(joins))[:_MAX_JOINS]:
            self._join(join)

    def _source(self, node: Node, where: Place) -> Table | None:
        """A listed table, put into the scope; None when it is none (noted)."""
        findings = self._scope.findings
        if node.get("type") != "BASE_TABLE" or set(node) != _BASE:
            self._scope.is_broken = True
            self._note_no_table(node, where)
            return None
        if node["sample"] is not None:
            findings.add(Code.SAMPLE, where, hints.SAMPLE)
        if node["at_clause"] is not None:
            findings.add(Code.TABLE_FUNCTION, where, hints.TABLE_CLAUSE)
        if node["schema_name"] or node["catalog_name"]:
            findings.add(Code.QUALIFIED_NAME, where, hints.QUALIFIED_NAME)
        if node["column_name_alias"]:
            findings.add(Code.ALIAS, where, hints.TABLE_ALIAS)
        table = self._data_list.table(node["table_name"])
        if table is None:
            self._scope.is_broken = True
            if fold(node["table_name"]) not in self._common:
                names = (listed.name for listed in self._data_list)
                findings.add(Code.UNKNOWN_TABLE, where, hints.unknown_table(names))
            return None
        self._enter(table, node["alias"], where)
        return table

    def _enter(self, table: Table, alias: str, where: Place) -> None:
        scope = self._scope
        if any(known is table for known in scope.tables.values()):
            scope.findings.add(Code.SELF_JOIN, where, hints.SELF_JOIN)
        if alias:
            check_table_alias(alias, table, self._data_list, where=where, findings=scope.findings)
        name = fold(alias or table.name)
        if name in scope.tables:
            if not scope.findings.has(Code.SELF_JOIN):
                scope.findings.add(Code.ALIAS, where, hints.TABLE_ALIAS)
            return
        scope.tables[name] = table

    def _note_no_table(self, node: Node, where: Place) -> None:
        findings = self._scope.findings
        match node.get("type"):
            case "JOIN":
                findings.add(Code.JOIN_KIND, where, hints.JOIN_KIND)
            case "SUBQUERY":
                findings.add(Code.SUBQUERY, where, hints.SUBQUERY)
                if _is_values(node):
                    findings.add(Code.SET_OPERATION, where, hints.SET_OPERATION)
            case "EXPRESSION_LIST":
                findings.add(Code.SET_OPERATION, where, hints.SET_OPERATION)
            case "EMPTY":
                findings.add(Code.UNKNOWN_TABLE, where, hints.NO_FROM)
            case "SHOW_REF":
                findings.add(Code.NOT_A_SELECT, Place.STATEMENT, hints.NOT_A_SELECT)
            case _:
                findings.add(Code.TABLE_FUNCTION, where, hints.TABLE_FUNCTION)
        if node.get("sample") is not None:
            findings.add(Code.SAMPLE, where, hints.SAMPLE)

    def _join(self, node: Node) -> None:
        findings = self._scope.findings
        if set(node) != _JOIN or node["alias"] != "" or node["delim_flipped"] is not False:
            findings.add(Code.JOIN_KIND, Place.JOIN, hints.JOIN_KIND)
            self._scope.is_broken = True
            return
        kind = _KINDS.get(node["join_type"])
        regular = node["ref_type"] == "REGULAR" and not node["duplicate_eliminated_columns"]
        if kind is None or not regular:
            findings.add(Code.JOIN_KIND, Place.JOIN, hints.JOIN_KIND)
        if node["sample"] is not None:
            findings.add(Code.SAMPLE, Place.JOIN, hints.SAMPLE)
        earlier = list(self._scope.tables.values())
        table = self._source(node["right"], Place.JOIN)
        if table is None:
            if node["condition"] is not None:
                check_expression(node["condition"], Place.JOIN, findings)
            return
        if not regular:
            return
        equalities = (
            self._using(node["using_columns"], table, earlier)
            if node["using_columns"]
            else self._on(node["condition"], table)
        )
        if kind is not None and equalities and table not in earlier:
            self.joins.append(Join(table.name, kind, tuple(equalities)))

    def _using(self, names: list[str], table: Table, earlier: list[Table]) -> list[Equality] | None:
        equalities = []
        for name in names:
            left, column = self._earlier(name, table, earlier), table.column(name)
            right = Found(table, column) if column else None
            if left is None or right is None:
                if not self._scope.is_broken:
                    self._scope.findings.add(
                        Code.UNKNOWN_COLUMN, Place.JOIN, hints.unknown_column(None), column=name
                    )
            elif self._ties(left, right):
                one = self._scope.merged.setdefault(fold(name), [left.table])
                one.append(table)
                equalities.append(Equality(left.field, right.field))
        return equalities if len(equalities) == len(names) else None

    def _earlier(self, name: str, table: Table, earlier: list[Table]) -> Found | None:
        """The one column of that name in an earlier table; columns that USING made one count as one."""
        candidates = [found for found in self._scope.candidates(name) if found.table in earlier]
        one = self._scope.merged.get(fold(name), [])
        alone = len(candidates) == 1 or all(found.table in one for found in candidates)
        return candidates[0] if candidates and alone and table not in earlier else None

    def _on(self, condition: Node | None, table: Table) -> list[Equality] | None:
        findings = self._scope.findings
        if condition is None:
            findings.add(Code.JOIN_CONDITION, Place.JOIN, hints.JOIN_CONDITION)
            return None
        check_expression(condition, Place.JOIN, findings)
        parts = condition["children"] if condition["type"] == "CONJUNCTION_AND" else [condition]
        read = [self._equality(part, table) for part in parts]
        given = [equality for equality in read if equality is not None]
        return given if len(given) == len(read) else None

    def _equality(self, part: Node, table: Table) -> Equality | None:
        sides = [part.get("left"), part.get("right")]
        if part["type"] != "COMPARE_EQUAL" or not all(
            side and side["class"] == "COLUMN_REF" for side in sides
        ):
            self._scope.findings.add(Code.JOIN_CONDITION, Place.JOIN, hints.JOIN_CONDITION)
            for reference in references(part):
                found = self._scope.resolve(reference, Place.JOIN)
                if found:
                    self._scope.admit(found, _TYING, Place.JOIN)
            return None
        left, right = (self._scope.resolve(side, Place.JOIN) for side in sides if side)
        if left is None or right is None:
            return None
        if left.table is table:
            left, right = right, left
        if left.table is table or right.table is not table:
            self._scope.findings.add(Code.JOIN_CONDITION, Place.JOIN, hints.JOIN_CONDITION)
            return None
        return Equality(left.field, right.field) if self._ties(left, right) else None

    def _ties(self, left: Found, right: Found) -> bool:
        scope = self._scope
        admitted = [scope.admit(found, _TYING, Place.JOIN) for found in (left, right)]
        for found, may in zip((left, right), admitted, strict=True):
            if not may and not found.column.is_feature:
                hint = hints.apply_for({SqlUse.JOIN}, found.shown)
                scope.findings.add(Code.JOIN_CONDITION, Place.JOIN, hint, column=found.shown)
        if left.column.type != right.column.type:
            scope.findings.add(Code.JOIN_CONDITION, Place.JOIN, hints.JOIN_CONDITION, column=right.shown)
            return False
        return all(admitted)


def _is_values(node: Node) -> bool:
    inner = node.get("subquery", {}).get("node", {})
    return bool(inner.get("from_table", {}).get("type") == "EXPRESSION_LIST")
