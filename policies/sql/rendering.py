"""The parts of a query as DuckDB SQL, from the model alone.

- Every name is quoted and every column carries its table's name, so no alias and no keyword can be meant by it.
- Literals are written from their values. Multiplication is written `multiply(...)`: the only `*` of a statement is COUNT(*).
- A measure is clipped by CASE, because DuckDB's `least` and `greatest` pass over NULL (measured on 1.5.5): NULL stays NULL.
- Casts of rows are TRY_CAST: a row that does not fit becomes NULL instead of an error that shows it.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from typing import Final

from policies.sql.column_types import ColumnType
from policies.sql.data_list import Bounds, DataList
from policies.sql.literals import Day, Literal, Moment, Number, Text, Truth
from policies.sql.query import Query
from policies.sql.terms import (
    AllOf,
    AnyOf,
    Between,
    Bin,
    BinForm,
    Comparison,
    Condition,
    Field,
    Filled,
    Formatted,
    Holds,
    Key,
    Labels,
    Missing,
    Negation,
    OneOf,
    Operand,
    Part,
    Plain,
    Prefix,
    Truncated,
)

_INTEGER_MAX: Final = 2**126
# Bounds have at most some 300 digits, being within DOUBLE.
_PRECISION: Final = 700


def name(text: str) -> str:
    """A quoted name."""
    return '"' + text.replace('"', '""') + '"'


def column(field: Field) -> str:
    """A column with its table's name."""
    return f"{name(field.table)}.{name(field.column)}"


def text_literal(text: str) -> str:
    """A quoted text."""
    return "'" + text.replace("'", "''") + "'"


def literal(value: Literal) -> str:
    """A literal."""
    match value:
        case Number():
            return _number(value)
        case Text():
            return text_literal(value.value)
        case Truth():
            return "TRUE" if value.value else "FALSE"
        case Day():
            return f"DATE {text_literal(value.value)}"
        case Moment():
            return f"TIMESTAMP {text_literal(value.value)}"


def _number(number: Number) -> str:
    if number.approximate:
        return double(number.value)
    shown = f"{number.value:f}"
    return f"{shown}." if number.pointed and "." not in shown else shown


def double(value: Decimal) -> str:
    """A number that DuckDB reads as DOUBLE."""
    shown = repr(float(value))
    return shown if "e" in shown else f"{shown}e0"


def clipped(field: Field, bounds: Bounds, data_list: DataList) -> str:
    """A measure clipped to its bounds, of its own type; NULL stays NULL."""
    low, high = _ends(bounds, _type_of(field, data_list))
    measure = column(field)
    return f"CASE WHEN {measure} < {low} THEN {low} WHEN {measure} > {high} THEN {high} ELSE {measure} END"


def _ends(bounds: Bounds, kind: ColumnType) -> tuple[str, str]:
    """The bounds as literals that do not change the type of the column: rounded inwards where it cannot hold them."""
    if kind.digits is None:
        return double(bounds.low), double(bounds.high)
    with localcontext(prec=_PRECISION):
        step = Decimal(1).scaleb(-kind.digits.scale)
        most = Decimal(_INTEGER_MAX) if kind.is_integer else Decimal(10) ** kind.digits.whole - step
        low = (bounds.low / step).to_integral_value(rounding=ROUND_CEILING) * step
        high = (bounds.high / step).to_integral_value(rounding=ROUND_FLOOR) * step
        low, high = (max(-most, min(most, end)) for end in (low, high))
    # Bounds between two values of the column hold none: everything is clipped to the upper one.
    return f"{low:f}", f"{max(low, high):f}"


def _type_of(field: Field, data_list: DataList) -> ColumnType:
    table = data_list.table(field.table)
    found = table.column(field.column) if table else None
    if found is None:
        raise LookupError("expected a column of the data list")
    return found.type


def key(value: Key, data_list: DataList) -> str:
    """A key or operand."""
    match value:
        case Plain(field):
            return column(field)
        case Bin():
            return _bin(value, data_list)
        case Truncated(field, unit):
            return f"date_trunc({text_literal(unit.value)}, {column(field)})"
        case Part(field, part):
            return f"date_part({text_literal(part.value)}, {column(field)})"
        case Formatted(field, form):
            return f"strftime({column(field)}, {text_literal(form.value)})"
        case Prefix(field, length):
            return f"left({column(field)}, {length})"
        case Filled(field, filling):
            return f"coalesce({_compared(Plain(field), [filling], data_list)}, {literal(filling)})"
        case Labels(branches, otherwise):
            cases = " ".join(
                f"WHEN {condition(branch.condition, data_list)} THEN {literal(branch.label)}"
                for branch in branches
            )
            ending = f" ELSE {literal(otherwise)}" if otherwise is not None else ""
            return f"CASE {cases}{ending} END"


def _bin(value: Bin, data_list: DataList) -> str:
    inner = (
        column(value.field) if value.bounds is None else f"({clipped(value.field, value.bounds, data_list)})"
    )
    width = literal(value.width)
    match value.form:
        case BinForm.FLOOR:
            shown = f"floor({inner} / {width})"
        case BinForm.FLOOR_TIMES:
            shown = f"multiply(floor({inner} / {width}), {width})"
        case BinForm.WHOLE:
            shown = f"({inner} // {width})"
        case BinForm.WHOLE_TIMES:
            shown = f"multiply({inner} // {width}, {width})"
        case BinForm.REMAINDER:
            shown = f"({inner} - {inner} % {width})"
    return shown if value.cast is None else f"TRY_CAST({shown} AS {value.cast.value})"


def _compared(operand: Operand, constants: Iterable[Literal], data_list: DataList) -> str:
    """An operand beside literals; a day beside a point in time becomes one, or NULL where it is out of their range."""
    shown = key(operand, data_list)
    is_day = isinstance(operand, Plain) and _type_of(operand.field, data_list).name == "DATE"
    beside_moment = is_day and any(isinstance(constant, Moment) for constant in constants)
    return f"TRY_CAST({shown} AS TIMESTAMP)" if beside_moment else shown


def condition(value: Condition, data_list: DataList) -> str:
    """A condition, in parentheses wherever it holds others."""
    match value:
        case Comparison(operand, operator, constant):
            return f"{_compared(operand, [constant], data_list)} {operator.value} {literal(constant)}"
        case Between(operand, low, high):
            compared = _compared(operand, [low, high], data_list)
            return f"({compared} BETWEEN {literal(low)} AND {literal(high)})"
        case OneOf(operand, constants, negated):
            listed = ", ".join(map(literal, constants))
            compared = _compared(operand, constants, data_list)
            return f"{compared} {'NOT IN' if negated else 'IN'} ({listed})"
        case Missing(operand, negated):
            return f"{key(operand, data_list)} IS {'NOT NULL' if negated else 'NULL'}"
        case Holds(field):
            return column(field)
        case Negation(inner):
            return f"(NOT {condition(inner, data_list)})"
        case AllOf(inner_conditions):
            return f"({' AND '.join(condition(inner, data_list) for inner in inner_conditions)})"
        case AnyOf(inner_conditions):
            return f"({' OR '.join(condition(inner, data_list) for inner in inner_conditions)})"


def source(query: Query, data_list: DataList) -> str:
    """FROM with its joins, and WHERE."""
    shown = f"FROM {name(query.table)}"
    for join in query.joins:
        tied = " AND ".join(f"{column(one.left)} = {column(one.right)}" for one in join.equalities)
        shown += f" {join.kind.value} JOIN {name(join.table)} ON {tied}"
    if query.where is not None:
        shown += f" WHERE {condition(query.where, data_list)}"
    return shown
