"""SELECT and GROUP BY: which items are keys, which are aggregates, and what each is called.

- GROUP BY may repeat the expression, name its alias or its ordinal, or say ALL; every key is also an item.
- A name in GROUP BY is a column first, as it is to DuckDB, and an alias only when no column has it.
- An item without an alias is called as DuckDB would where that is a plain name, and by what it is otherwise.

Follows the SQL contract, section 4, "item", "key" and "aliases".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from policies.sql import hints
from policies.sql.data_list import SqlUse, fold
from policies.sql.parser import Node
from policies.sql.query import (
    MAX_AGGREGATES,
    MAX_KEYS,
    MAX_ROUND,
    Aggregate,
    AggregateItem,
    Function,
    Item,
    Key,
    KeyItem,
    Labels,
    Plain,
)
from policies.sql.reading.aggregates import calls, holds_aggregate, is_aggregate, read_aggregate
from policies.sql.reading.aliases import check_item_alias
from policies.sql.reading.constants import is_constant, whole_number
from policies.sql.reading.keys import read_key
from policies.sql.reading.scope import Scope, references
from policies.sql.reading.shape import REFUSED_BY_SHAPE, check_expression
from policies.sql.reasons import Code, Findings, Place

_IGNORED: Final = frozenset({"query_location", "alias"})
_MAX_READ: Final = 100
"""Items and keys that are read; a query may have far fewer, and one with more is refused whatever they are."""


@dataclass(slots=True)
class Selected:
    """An item of the tree: its canonical form, its alias, whether it is grouped, and what it was read as."""

    node: Node
    form: Any
    alias: str
    grouped: bool = False
    item: Item | None = None


def read_items(root: Node, scope: Scope) -> list[Selected]:
    """Every item, keys and aggregates read; what is neither is noted."""
    listed, keys = root["select_list"], root["group_expressions"]
    if len(listed) > _MAX_READ:
        scope.findings.add(Code.TOO_MANY, Place.SELECT, hints.AGGREGATES)
    if len(keys) > _MAX_READ:
        scope.findings.add(Code.TOO_MANY, Place.GROUP_BY, hints.KEYS)
    selected = [Selected(node, form(node, scope), node.get("alias", "")) for node in listed[:_MAX_READ]]
    for one in selected:
        check_expression(one.node, Place.SELECT, scope.findings, top=True)
    _group(root, selected, scope)
    for one in selected:
        _read(one, scope)
    _name(selected, scope)
    _check_counts(selected, scope.findings)
    return selected


def form(expression: Any, scope: Scope) -> Any:
    """A form in which two expressions are equal when they mean the same, whatever their columns were called with."""
    if isinstance(expression, dict):
        if expression.get("class") == "COLUMN_REF":
            found = scope.find(expression["column_names"])
            return (found.field,) if found else ("?", *map(fold, expression["column_names"]))
        pairs = ((name, form(value, scope)) for name, value in expression.items() if name not in _IGNORED)
        return tuple(sorted(pairs, key=lambda pair: pair[0]))
    if isinstance(expression, list):
        return tuple(form(one, scope) for one in expression)
    return (type(expression).__name__, expression)


def find_item(expression: Node, selected: list[Selected], scope: Scope) -> int | None:
    """The item that a repeated expression is, or None."""
    wanted = form(expression, scope)
    return next((i for i, one in enumerate(selected) if one.form == wanted), None)


def find_alias(expression: Node, selected: list[Selected]) -> int | None:
    """The item whose alias a single name is, or None."""
    if expression["class"] != "COLUMN_REF" or len(expression["column_names"]) != 1:
        return None
    name = fold(expression["column_names"][0])
    return next((i for i, one in enumerate(selected) if one.alias and fold(one.alias) == name), None)


def _group(root: Node, selected: list[Selected], scope: Scope) -> None:
    expressions, findings = root["group_expressions"], scope.findings
    if root["aggregate_handling"] == "FORCE_AGGREGATES":
        for one in selected:
            one.grouped = not holds_aggregate(one.node)
    elif root["aggregate_handling"] != "STANDARD_HANDLING":
        findings.add(Code.GROUPING_SETS, Place.GROUP_BY, hints.GROUPING_SETS)
    if root["group_sets"] not in ([], [list(range(len(expressions)))]) or (
        root["group_sets"] == [[]] and not expressions
    ):
        findings.add(Code.GROUPING_SETS, Place.GROUP_BY, hints.GROUPING_SETS)
    for expression in expressions[:_MAX_READ]:
        check_expression(expression, Place.GROUP_BY, findings)
        found = _grouped_item(expression, selected, scope)
        if found is not None:
            for one in selected:
                # The same key may be shown twice under two names.
                one.grouped = one.grouped or one.form == selected[found].form
            continue
        findings.add(Code.GROUP_KEY, Place.GROUP_BY, hints.GROUP_KEY)
        if not is_constant(expression) and expression["class"] not in REFUSED_BY_SHAPE:
            read_key(expression, scope)


def _grouped_item(expression: Node, selected: list[Selected], scope: Scope) -> int | None:
    if is_constant(expression):
        ordinal = whole_number(expression)
        known = ordinal is not None and 1 <= ordinal <= len(selected)
        return ordinal - 1 if known and ordinal is not None else None
    by_form = find_item(expression, selected, scope)
    if by_form is not None:
        return by_form
    is_column = expression["class"] == "COLUMN_REF" and bool(scope.candidates(expression["column_names"][-1]))
    return None if is_column else find_alias(expression, selected)


def _read(one: Selected, scope: Scope) -> None:
    node = one.node
    if node["class"] in REFUSED_BY_SHAPE or node["type"] == "OPERATOR_UNPACK":
        return
    if holds_aggregate(node):
        if one.grouped:
            scope.findings.add(Code.GROUP_KEY, Place.GROUP_BY, hints.GROUP_KEY)
        one.item = _read_aggregate(node, scope)
    elif one.grouped:
        key = read_key(node, scope)
        one.item = KeyItem(key, "") if key is not None else None
    else:
        _note_raw(node, scope)


def _read_aggregate(node: Node, scope: Scope) -> AggregateItem | None:
    if is_aggregate(node):
        aggregate = read_aggregate(node, scope)
        return AggregateItem(aggregate, "") if aggregate else None
    arguments = node.get("children", [])
    is_round = node["class"] == "FUNCTION" and node["function_name"] == "round" and not node["is_operator"]
    if is_round and 1 <= len(arguments) <= 2 and is_aggregate(arguments[0]):
        digits = whole_number(arguments[1]) if len(arguments) == 2 else None
        aggregate = read_aggregate(arguments[0], scope)
        if len(arguments) == 1 or (digits is not None and 0 <= digits <= MAX_ROUND):
            return AggregateItem(aggregate, "", rounded=True, digits=digits) if aggregate else None
    scope.findings.add(Code.AGGREGATE_EXPRESSION, Place.SELECT, hints.AGGREGATE_EXPRESSION)
    for call in calls(node):
        read_aggregate(call, scope)
    return None


def _note_raw(node: Node, scope: Scope) -> None:
    """An item that is neither a key nor an aggregate."""
    findings = scope.findings
    found = [scope.resolve(reference, Place.SELECT) for reference in references(node)]
    if not found and is_constant(node):
        findings.add(Code.RAW_COLUMN, Place.SELECT, hints.CONSTANT_ITEM)
        findings.add(Code.GROUP_KEY, Place.SELECT, hints.CONSTANT_ITEM)
    for one in found:
        if one is not None:
            uses = one.column.uses
            hint = hints.raw_column(one.shown, measure=SqlUse.MEASURE in uses, group=SqlUse.GROUP in uses)
            findings.add(Code.RAW_COLUMN, Place.SELECT, hint, column=one.shown)
    scope.inspect(node, Place.SELECT)
    if node["class"] != "COLUMN_REF" and not is_constant(node):
        # What the item itself lacks is told too, so that grouping it is not the next refusal.
        read_key(node, scope)


def _check_counts(selected: list[Selected], findings: Findings) -> None:
    aggregates = sum(holds_aggregate(one.node) for one in selected)
    if aggregates == 0:
        findings.add(Code.NO_AGGREGATE, Place.SELECT, hints.NO_AGGREGATE)
    if aggregates > MAX_AGGREGATES:
        findings.add(Code.TOO_MANY, Place.SELECT, hints.AGGREGATES)
    if len({one.form for one in selected if one.grouped}) > MAX_KEYS:
        findings.add(Code.TOO_MANY, Place.GROUP_BY, hints.KEYS)


def _name(selected: list[Selected], scope: Scope) -> None:
    """Check the aliases and give every item its name."""
    tables = list(scope.tables.values())
    taken: set[str] = set()
    for one in selected:
        if one.alias:
            column = one.node["column_names"][-1] if one.node["class"] == "COLUMN_REF" else None
            check_item_alias(one.alias, own=column, tables=tables, findings=scope.findings)
            if fold(one.alias) in taken:
                scope.findings.add(Code.ALIAS, Place.SELECT, hints.ALIAS_TAKEN)
            taken.add(fold(one.alias))
    for one in selected:
        if one.item is not None:
            one.item = _called(one.item, one.alias or _free(_own_name(one.item), taken))


def _called(item: Item, name: str) -> Item:
    if isinstance(item, KeyItem):
        return KeyItem(item.key, name)
    return AggregateItem(item.aggregate, name, item.rounded, item.digits)


def _free(name: str, taken: set[str]) -> str:
    """`name`, or the first numbered form of it that is free; taken from then on."""
    free, count = name, 1
    while fold(free) in taken:
        count += 1
        free = f"{name} {count}"
    taken.add(fold(free))
    return free


def _own_name(item: Item) -> str:
    if isinstance(item, KeyItem):
        return _key_name(item.key)
    name = _aggregate_name(item.aggregate)
    return f"round({name})" if item.rounded else name


def _key_name(key: Key) -> str:
    if isinstance(key, Labels):
        return "label"
    return key.field.column if isinstance(key, Plain) else f"{key.field.column} {type(key).__name__.lower()}"


def _aggregate_name(aggregate: Aggregate) -> str:
    match aggregate.function:
        case Function.COUNT_ROWS | Function.SUM_ONES:
            name = "count_star()"
        case Function.COUNT_PERSONS:
            name = f"count(DISTINCT {aggregate.field.column if aggregate.field else ''})"
        case function:
            name = f"{function.value.lower()}({aggregate.field.column if aggregate.field else ''})"
    return name if aggregate.condition is None else f"{name} where"
