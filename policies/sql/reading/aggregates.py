"""Aggregates of the allow-list over bare columns, plain or over a condition.

The conditional forms are FILTER, and CASE of one branch as the argument; not both at once.

Follows the SQL contract, section 4, "agg".
"""

from __future__ import annotations

from typing import Final

from policies.sql import hints
from policies.sql.column_types import TypeClass
from policies.sql.data_list import SqlUse
from policies.sql.parser import Node
from policies.sql.query import Aggregate, Function
from policies.sql.reading.conditions import Conditions
from policies.sql.reading.constants import is_null, whole_number
from policies.sql.reading.names import AGGREGATES
from policies.sql.reading.scope import Found, Scope
from policies.sql.reading.shape import children
from policies.sql.reasons import Code, Place
from policies.sql.terms import Condition, Field

MEASURES: Final = {
    "sum": Function.SUM,
    "avg": Function.AVG,
    "variance": Function.VAR_SAMP,
    "var_samp": Function.VAR_SAMP,
    "var_pop": Function.VAR_POP,
    "stddev": Function.STDDEV_SAMP,
    "stddev_samp": Function.STDDEV_SAMP,
    "stddev_pop": Function.STDDEV_POP,
}
_COUNTS: Final = frozenset({"count", "count_star"})
_ALLOWED: Final = frozenset(MEASURES) | _COUNTS
_IN_CONDITIONS: Final = frozenset({SqlUse.GROUP, SqlUse.FILTER})
_MEASURE: Final = frozenset({SqlUse.MEASURE})
_WHERE: Final = Place.SELECT


def is_aggregate(expression: Node) -> bool:
    """Whether the expression is a call of a function that DuckDB aggregates with."""
    if expression["class"] != "FUNCTION" or expression["is_operator"] is True:
        return False
    return (
        expression["function_name"] in AGGREGATES
        or expression["distinct"] is True
        or expression["filter"] is not None
        or bool(expression["order_bys"].get("orders"))
    )


def holds_aggregate(expression: Node) -> bool:
    """Whether an aggregate stands in the expression, itself included."""
    return is_aggregate(expression) or any(map(holds_aggregate, children(expression)))


def calls(expression: Node) -> list[Node]:
    """The aggregates in the expression, outermost only."""
    if is_aggregate(expression):
        return [expression]
    return [call for child in children(expression) for call in calls(child)]


def read_aggregate(call: Node, scope: Scope) -> Aggregate | None:
    """The aggregate that the call is, or None when it is none of the contract (noted)."""
    name = call["function_name"]
    if name not in _ALLOWED:
        _note_not_allowed(call, scope)
        return None
    arguments = call["children"]
    # The argument is read first, and the filter also after a refused argument: a refusal names every reason.
    read = _argument(name, arguments, call["distinct"] is True, scope)
    if call["filter"] is None:
        return read
    condition = _condition(call["filter"], scope)
    if read is None or condition is None:
        return None
    if read.condition is not None:
        scope.findings.add(Code.CONDITION, _WHERE, hints.CONDITION)
        return None
    return Aggregate(read.function, read.field, read.bounds, condition)


def _argument(name: str, arguments: list[Node], distinct: bool, scope: Scope) -> Aggregate | None:
    if name == "count_star" or (name == "count" and not arguments):
        if not arguments and not distinct:
            return Aggregate(Function.COUNT_ROWS)
        _refuse(arguments, scope)
        return None
    if len(arguments) != 1:
        _refuse(arguments, scope)
        return None
    argument = arguments[0]
    if argument["class"] == "CASE":
        return _over_case(name, argument, distinct, scope)
    if name == "count":
        return _persons(argument, None, scope) if distinct else _rows(argument, scope)
    if distinct:
        scope.findings.add(Code.AGGREGATE_ARGUMENT, _WHERE, hints.NO_ORDER_INSIDE)
        scope.inspect(argument, _WHERE)
        return None
    return _measure(MEASURES[name], argument, scope)


def _rows(argument: Node, scope: Scope) -> Aggregate | None:
    if whole_number(argument) == 1:
        return Aggregate(Function.COUNT_ROWS)
    scope.findings.add(Code.AGGREGATE_ARGUMENT, _WHERE, hints.COUNT, column=_shown(argument, scope))
    scope.inspect(argument, _WHERE)
    return None


def _persons(argument: Node, condition: Condition | None, scope: Scope) -> Aggregate | None:
    if argument["class"] != "COLUMN_REF":
        _refuse([argument], scope)
        return None
    found = scope.resolve(argument, _WHERE)
    if found is None:
        return None
    if not found.column.is_person:
        scope.findings.add(Code.AGGREGATE_ARGUMENT, _WHERE, hints.COUNT, column=found.shown)
        if found.column.is_feature:
            scope.admit(found, frozenset({SqlUse.PERSON}), _WHERE)
        else:
            scope.findings.add(Code.COLUMN_USE, _WHERE, hints.COUNT, column=found.shown)
        return None
    return Aggregate(Function.COUNT_PERSONS, found.field, condition=condition)


def _measure(function: Function, argument: Node, scope: Scope) -> Aggregate | None:
    if argument["class"] != "COLUMN_REF":
        _refuse([argument], scope)
        return None
    found = scope.resolve(argument, _WHERE)
    return (
        Aggregate(function, found.field, found.column.bounds)
        if found and _may_measure(found, scope)
        else None
    )


def _may_measure(found: Found, scope: Scope) -> bool:
    column = found.column
    if not scope.admit(found, _MEASURE, _WHERE):
        if not column.is_feature and not column.is_person:
            hint = hints.apply_for(_MEASURE, found.shown)
            scope.findings.add(Code.AGGREGATE_ARGUMENT, _WHERE, hint, column=found.shown)
        return False
    if column.type.type_class is not TypeClass.NUMBER:
        scope.findings.add(Code.AGGREGATE_ARGUMENT, _WHERE, hints.BARE_MEASURE, column=found.shown)
        return False
    if column.bounds is None:
        scope.findings.add(Code.NO_BOUNDS, _WHERE, hints.no_bounds(found.shown), column=found.shown)
        return False
    return True


def _over_case(name: str, case: Node, distinct: bool, scope: Scope) -> Aggregate | None:
    checks = case["case_checks"]
    if len(checks) != 1:
        scope.findings.add(Code.CONDITION, _WHERE, hints.CONDITION)
        scope.inspect(case, _WHERE)
        return None
    condition = _condition(checks[0]["when_expr"], scope)
    then, otherwise = checks[0]["then_expr"], case["else_expr"]
    aggregate: Aggregate | None = None
    if name == "count":
        aggregate = _count_case(then, otherwise, distinct, scope)
    elif name == "sum" and not distinct and whole_number(then) == 1 and whole_number(otherwise) == 0:
        return Aggregate(Function.SUM_ONES, condition=condition) if condition is not None else None
    elif (
        distinct or then["class"] != "COLUMN_REF" or not (is_null(otherwise) or whole_number(otherwise) == 0)
    ):
        _not_a_form(case, scope)
    else:
        aggregate = _measure(MEASURES[name], then, scope)
    if aggregate is None or condition is None:
        return None
    zero = aggregate.bounds is not None and not is_null(otherwise)
    return Aggregate(aggregate.function, aggregate.field, aggregate.bounds, condition, zero)


def _count_case(then: Node, otherwise: Node, distinct: bool, scope: Scope) -> Aggregate | None:
    if is_null(otherwise):
        if distinct and then["class"] == "COLUMN_REF":
            return _persons(then, None, scope)
        if not distinct and whole_number(then) == 1:
            return Aggregate(Function.COUNT_ROWS)
    _not_a_form(then, scope)
    return None


def _condition(expression: Node, scope: Scope) -> Condition | None:
    condition = Conditions(scope, _IN_CONDITIONS, _WHERE).read(expression)
    if condition is None:
        scope.findings.add(Code.CONDITION, _WHERE, hints.CONDITION)
    return condition


def _not_a_form(expression: Node, scope: Scope) -> None:
    scope.findings.add(Code.CONDITION, _WHERE, hints.CONDITION)
    scope.inspect(expression, _WHERE)


def _refuse(arguments: list[Node], scope: Scope) -> None:
    scope.findings.add(Code.AGGREGATE_ARGUMENT, _WHERE, hints.BARE_MEASURE)
    for argument in arguments:
        _note_inside(argument, scope)


def _note_not_allowed(call: Node, scope: Scope) -> None:
    """Note an aggregate that is not listed; the hint names the column that it was asked of."""
    arguments = call["children"]
    found = (
        scope.find(arguments[0]["column_names"])
        if arguments and arguments[0]["class"] == "COLUMN_REF"
        else None
    )
    name = call["function_name"]
    if found and found.column.uses & _MEASURE and name in AGGREGATES:
        column = found.column.name
        hint = hints.instead_of(f"AVG({column})", f"{name.upper()}({column})")
    else:
        hint = hints.allowed_aggregate(None)
    scope.findings.add(Code.AGGREGATE, _WHERE, hint, column=found.shown if found else None)
    for argument in arguments:
        _note_inside(argument, scope)
    if call["filter"] is not None:
        scope.inspect(call["filter"], _WHERE)


def _note_inside(argument: Node, scope: Scope) -> None:
    for call in calls(argument):
        scope.findings.add(Code.AGGREGATE_EXPRESSION, _WHERE, hints.AGGREGATE_EXPRESSION)
        if call["function_name"] not in _ALLOWED:
            scope.findings.add(Code.AGGREGATE, _WHERE, hints.allowed_aggregate(None))
    scope.inspect(argument, _WHERE)


def _shown(argument: Node, scope: Scope) -> str | None:
    found = scope.find(argument["column_names"]) if argument["class"] == "COLUMN_REF" else None
    return found.shown if found else None


def counted_persons(aggregate: Aggregate) -> Field | None:
    """The person column when the aggregate is a plain COUNT(DISTINCT p)."""
    plain = aggregate.function is Function.COUNT_PERSONS and aggregate.condition is None
    return aggregate.field if plain else None
