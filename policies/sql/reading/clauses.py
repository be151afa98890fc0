"""HAVING, ORDER BY and LIMIT: over output columns and person counts only. They are kept for the release.

Follows the SQL contract, section 4, "persons", "out" and "n".
"""

from __future__ import annotations

from typing import Final

from policies.sql import hints
from policies.sql.parser import Node
from policies.sql.query import MAX_LIMIT, AggregateItem, Field, Nulls, Order, Persons
from policies.sql.reading.aggregates import counted_persons
from policies.sql.reading.constants import is_constant, whole_number
from policies.sql.reading.items import Selected, find_alias, find_item
from policies.sql.reading.scope import Scope
from policies.sql.reading.shape import check_expression
from policies.sql.reasons import Code, Place

_MAX_ORDERS: Final = 100
_FLOORS: Final = {"COMPARE_GREATERTHANOREQUALTO": 0, "COMPARE_GREATERTHAN": 1}
_NULLS: Final = {"ORDER_DEFAULT": Nulls.LAST, "NULLS LAST": Nulls.LAST, "NULLS FIRST": Nulls.FIRST}
_DESCENDING: Final = {"ORDER_DEFAULT": False, "ASCENDING": False, "DESCENDING": True}


def read_having(having: Node | None, selected: list[Selected], scope: Scope) -> Persons | None:
    """The person count that a cell must reach, or None when there is none (noted when it is another condition)."""
    if having is None:
        return None
    check_expression(having, Place.HAVING, scope.findings)
    if having["class"] == "COMPARISON" and having["type"] in _FLOORS:
        field = _counted(having["left"], selected, scope)
        number = whole_number(having["right"])
        if field is not None and number is not None:
            return Persons(field, max(number + _FLOORS[having["type"]], 0))
    scope.findings.add(Code.HAVING, Place.HAVING, hints.HAVING)
    scope.inspect(having, Place.HAVING, counting=True)
    return None


def _counted(expression: Node, selected: list[Selected], scope: Scope) -> Field | None:
    """The person column counted by `COUNT(DISTINCT p)`, written out or by the alias of such an item."""
    if expression["class"] == "COLUMN_REF":
        found = find_alias(expression, selected)
        item = selected[found].item if found is not None else None
        is_count = isinstance(item, AggregateItem) and not item.rounded
        return counted_persons(item.aggregate) if isinstance(item, AggregateItem) and is_count else None
    if (
        expression["class"] != "FUNCTION"
        or expression["function_name"] != "count"
        or expression["distinct"] is not True
        or expression["filter"] is not None
        or len(expression["children"]) != 1
        or expression["children"][0]["class"] != "COLUMN_REF"
    ):
        return None
    found_column = scope.resolve(expression["children"][0], Place.HAVING)
    return (
        found_column.field
        if found_column and found_column.column.is_person and not found_column.column.is_feature
        else None
    )


def read_modifiers(
    modifiers: list[Node], selected: list[Selected], scope: Scope
) -> tuple[tuple[Order, ...], int | None]:
    """ORDER BY and LIMIT."""
    order: tuple[Order, ...] = ()
    limit: int | None = None
    for modifier in modifiers:
        match modifier.get("type"):
            case "ORDER_MODIFIER" if set(modifier) == {"type", "orders"}:
                order = _read_order(modifier["orders"], selected, scope)
            case "LIMIT_MODIFIER" if set(modifier) == {"type", "limit", "offset"}:
                limit = _read_limit(modifier, scope)
            case "DISTINCT_MODIFIER":
                scope.findings.add(Code.NO_AGGREGATE, Place.SELECT, hints.NO_DISTINCT)
            case _:
                scope.findings.add(Code.LIMIT, Place.LIMIT, hints.LIMIT)
    return order, limit


def _read_order(orders: list[Node], selected: list[Selected], scope: Scope) -> tuple[Order, ...]:
    read = []
    if len(orders) > _MAX_ORDERS:
        scope.findings.add(Code.ORDER_BY, Place.ORDER_BY, hints.ORDER_BY)
    for one in orders[:_MAX_ORDERS]:
        descending, nulls = _DESCENDING.get(one.get("type", "")), _NULLS.get(one.get("null_order", ""))
        item = _ordered_item(one["expression"], selected, scope)
        if (
            set(one) != {"type", "null_order", "expression"}
            or descending is None
            or nulls is None
            or item is None
        ):
            scope.findings.add(Code.ORDER_BY, Place.ORDER_BY, hints.ORDER_BY)
        else:
            read.append(Order(item, descending, nulls))
    return tuple(read)


def _ordered_item(expression: Node, selected: list[Selected], scope: Scope) -> int | None:
    if expression["class"] == "STAR":
        # ORDER BY ALL.
        return None
    check_expression(expression, Place.ORDER_BY, scope.findings)
    if is_constant(expression):
        ordinal = whole_number(expression)
        return ordinal - 1 if ordinal is not None and 1 <= ordinal <= len(selected) else None
    by_alias = find_alias(expression, selected)
    found = by_alias if by_alias is not None else find_item(expression, selected, scope)
    if found is None:
        scope.inspect(expression, Place.ORDER_BY)
    return found


def _read_limit(modifier: Node, scope: Scope) -> int | None:
    limit = modifier["limit"]
    for part in (limit, modifier["offset"]):
        if part is not None:
            check_expression(part, Place.LIMIT, scope.findings)
    number = whole_number(limit) if limit is not None else None
    if modifier["offset"] is not None or number is None or not 1 <= number <= MAX_LIMIT:
        scope.findings.add(Code.LIMIT, Place.LIMIT, hints.LIMIT)
        return None
    return number
