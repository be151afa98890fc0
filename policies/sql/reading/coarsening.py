"""A column or a coarsening of one: what may be a key, and what a condition may compare with a literal.

First the form is told from the tree alone, then its column is resolved and its use and type are checked. A coarsening of a
column of another class would make the engine convert rows, and fail with one: refused.

Follows the SQL contract, section 4, "key" and "fixed-bin histogram".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from policies.sql import hints
from policies.sql.column_types import DOUBLE, VARCHAR, ColumnType, TypeClass, read_type
from policies.sql.data_list import SqlUse
from policies.sql.literals import Number, Text, fits
from policies.sql.parser import Node
from policies.sql.reading.constants import literal, whole_number
from policies.sql.reading.scope import Found, Scope
from policies.sql.reading.shape import REFUSED_BY_SHAPE
from policies.sql.reasons import Code, Hint, Place
from policies.sql.terms import (
    MAX_BINS,
    MAX_PREFIX,
    Bin,
    BinForm,
    DateFormat,
    DatePart,
    Formatted,
    IntegerType,
    Operand,
    Part,
    Plain,
    Prefix,
    Truncated,
    Unit,
)

_PARTS: Final = {part.value: part for part in DatePart}
_UNITS: Final = {unit.value: unit for unit in Unit}
_FORMATS: Final = {form.value: form for form in DateFormat}
_CASTS: Final = {cast.value: cast for cast in IntegerType}
_PREFIXES: Final = frozenset({"substr", "substring"})
_BIGINT: Final = read_type("BIGINT")
_TIMESTAMP: Final = read_type("TIMESTAMP")


@dataclass(frozen=True, slots=True)
class Coarse:
    """A form told from the tree: its column reference, the class it asks for, and how to make it of a resolved column."""

    reference: Node
    type_class: TypeClass
    make: Callable[[Found], Operand]
    bin: Bins | None = None


@dataclass(frozen=True, slots=True)
class Bins:
    """The parts of a bin."""

    width: Number
    form: BinForm
    cast: IntegerType | None = None
    minuend: Node | None = None
    """The other reference of `c - c % N`, which must be the same column."""


@dataclass(frozen=True, slots=True)
class Use:
    """Where an operand stands: the uses that admit its column, and the code of a form that may not stand here."""

    allowed: frozenset[SqlUse]
    where: Place
    code: Code
    hint: Hint
    histogram: bool = False


def read_operand(expression: Node, scope: Scope, use: Use) -> tuple[Operand, Found] | None:
    """The column or coarsening that the expression is, with its column; None when it may not stand here (noted)."""
    if expression["class"] == "COLUMN_REF":
        found = scope.resolve(expression, use.where)
        return (Plain(found.field), found) if found and scope.admit(found, use.allowed, use.where) else None
    coarse = coarsening(expression)
    if coarse is None:
        if expression["class"] not in REFUSED_BY_SHAPE:
            scope.findings.add(Code.FUNCTION, use.where, hints.FUNCTION)
        scope.findings.add(use.code, use.where, use.hint)
        scope.inspect(expression, use.where)
        return None
    found = scope.resolve(coarse.reference, use.where)
    if found is None:
        return None
    if (
        coarse.bin
        and use.histogram
        and SqlUse.MEASURE in found.column.uses
        and not _groups(coarse.bin, found)
    ):
        return _histogram(coarse.bin, found, scope, use)
    if not scope.admit(found, use.allowed, use.where):
        return None
    if not _suits(coarse, found, scope):
        scope.findings.add(Code.FUNCTION, use.where, hints.FUNCTION, column=found.shown)
        scope.findings.add(use.code, use.where, use.hint, column=found.shown)
        return None
    if coarse.bin and coarse.bin.width.value < 1:
        scope.findings.add(use.code, use.where, hints.STEP, column=found.shown)
        return None
    return coarse.make(found), found


def result_type(operand: Operand, column: ColumnType) -> ColumnType:
    """The type of an operand over a column of that type (measured on DuckDB 1.5.5)."""
    match operand:
        case Plain():
            return column
        case Bin(cast=cast) if cast is not None:
            return read_type(cast.value)
        case Bin(form=BinForm.REMAINDER) if operand.width.digits is not None:
            return column
        case Bin(form=BinForm.WHOLE | BinForm.WHOLE_TIMES) if column.is_integer and operand.width.is_whole:
            return column
        case Bin():
            return DOUBLE
        case Part():
            return _BIGINT
        case Truncated():
            return _TIMESTAMP
        case Formatted() | Prefix():
            return VARCHAR


def coarsening(expression: Node) -> Coarse | None:
    """The coarsening that the expression is, or None."""
    if expression["class"] == "CAST":
        bins = _cast_bins(expression)
    elif expression["class"] == "FUNCTION" and _is_plain(expression):
        named = None if expression["is_operator"] else _named(expression)
        if named:
            return named
        bins = _bins(expression)
    else:
        return None
    if bins is None:
        return None
    reference, parts = bins
    return Coarse(
        reference,
        TypeClass.NUMBER,
        lambda found: Bin(found.field, parts.width, parts.form, parts.cast),
        parts,
    )


def _is_plain(function: Node) -> bool:
    """Whether a call has nothing but its arguments."""
    return function["distinct"] is False and function["filter"] is None and function["export_state"] is False


def _named(function: Node) -> Coarse | None:
    name, arguments = function["function_name"], function["children"]
    match name, arguments:
        case "date_trunc", [unit, {"class": "COLUMN_REF"} as column]:
            known_unit = _UNITS.get(_text(unit))
            if known_unit is None:
                return None
            return Coarse(column, TypeClass.DATE, lambda found: Truncated(found.field, known_unit))
        case "date_part", [part, {"class": "COLUMN_REF"} as column]:
            known_part = _PARTS.get(_text(part))
            if known_part is None:
                return None
            return Coarse(column, TypeClass.DATE, lambda found: Part(found.field, known_part))
        case _, [{"class": "COLUMN_REF"} as column] if name in _PARTS:
            return Coarse(column, TypeClass.DATE, lambda found: Part(found.field, _PARTS[name]))
        case "strftime", [{"class": "COLUMN_REF"} as column, form]:
            # %Y and %y are not the same: the format is compared as written.
            given = literal(form)
            known = _FORMATS.get(given.value) if isinstance(given, Text) else None
            if known is None:
                return None
            return Coarse(column, TypeClass.DATE, lambda found: Formatted(found.field, known))
        case "left", [{"class": "COLUMN_REF"} as column, length]:
            return _prefix(column, length)
        case _, [{"class": "COLUMN_REF"} as column, start, length] if name in _PREFIXES:
            return _prefix(column, length) if whole_number(start) == 1 else None
        case _:
            return None


def _prefix(column: Node, length: Node) -> Coarse | None:
    characters = whole_number(length)
    if characters is None or not 1 <= characters <= MAX_PREFIX:
        return None
    return Coarse(column, TypeClass.TEXT, lambda found: Prefix(found.field, characters))


def _cast_bins(cast: Node) -> tuple[Node, Bins] | None:
    target, child = cast["cast_type"], cast["child"]
    kind = _CASTS.get(target.get("id"))
    if kind is None or target.get("type_info") is not None or cast["try_cast"] is not False:
        return None
    if child["class"] != "FUNCTION" or not _is_plain(child):
        return None
    inner = _bins(child)
    return (inner[0], replace(inner[1], cast=kind)) if inner else None


def _bins(expression: Node) -> tuple[Node, Bins] | None:
    """The column and the parts of `floor(c/N)*N`, `floor(c/N)`, `(c//N)*N`, `c//N` or `c - c % N`."""
    quotient = _operation(expression, "*")
    if quotient:
        inner, width = quotient[0], _width(quotient[1])
        found = _floor(inner) or _whole(inner)
        if found is None or width is None or found[1].width != width:
            return None
        times = BinForm.FLOOR_TIMES if found[1].form is BinForm.FLOOR else BinForm.WHOLE_TIMES
        return found[0], Bins(width, times)
    return _floor(expression) or _whole(expression) or _remainder(expression)


def _floor(expression: Node) -> tuple[Node, Bins] | None:
    if (
        expression["class"] != "FUNCTION"
        or expression["function_name"] != "floor"
        or expression["is_operator"]
        or len(expression["children"]) != 1
        or not _is_plain(expression)
    ):
        return None
    return _step(_operation(expression["children"][0], "/"), BinForm.FLOOR)


def _whole(expression: Node) -> tuple[Node, Bins] | None:
    return _step(_operation(expression, "//"), BinForm.WHOLE)


def _remainder(expression: Node) -> tuple[Node, Bins] | None:
    difference = _operation(expression, "-")
    found = _step(_operation(difference[1], "%"), BinForm.REMAINDER) if difference else None
    if difference is None or found is None:
        return None
    # Whether both are one column is asked when they are resolved: one of them may carry the table's name.
    is_column = difference[0]["class"] == "COLUMN_REF"
    return (found[0], replace(found[1], minuend=difference[0])) if is_column else None


def _step(parts: tuple[Node, Node] | None, form: BinForm) -> tuple[Node, Bins] | None:
    if parts is None or parts[0]["class"] != "COLUMN_REF":
        return None
    width = _width(parts[1])
    return (parts[0], Bins(width, form)) if width else None


def _operation(expression: Node, operator: str) -> tuple[Node, Node] | None:
    if (
        expression["class"] == "FUNCTION"
        and expression["function_name"] == operator
        and expression["is_operator"] is True
        and len(expression["children"]) == 2
        and _is_plain(expression)
    ):
        return expression["children"][0], expression["children"][1]
    return None


def _width(expression: Node) -> Number | None:
    given = literal(expression)
    return given if isinstance(given, Number) and given.value > 0 else None


def _text(expression: Node) -> str:
    given = literal(expression)
    return given.value.lower() if isinstance(given, Text) else ""


def _suits(coarse: Coarse, found: Found, scope: Scope) -> bool:
    column, minuend = found.column.type, coarse.bin.minuend if coarse.bin else None
    if column.type_class is not coarse.type_class:
        return False
    if minuend is not None and scope.find(minuend["column_names"]) != found:
        return False
    # The remainder is taken in the wider of the two types, which a row must fit.
    return coarse.bin is None or fits(column, [coarse.bin.width])


def _groups(bins: Bins, found: Found) -> bool:
    return SqlUse.GROUP in found.column.uses and bins.width.value >= 1


def _histogram(bins: Bins, found: Found, scope: Scope, use: Use) -> tuple[Operand, Found] | None:
    bounds = found.column.bounds
    if bins.form is not BinForm.FLOOR_TIMES:
        scope.findings.add(use.code, use.where, hints.MEASURE_ONLY, column=found.shown)
        scope.admit(found, use.allowed, use.where)
    elif bounds is None:
        scope.findings.add(Code.NO_BOUNDS, use.where, hints.no_bounds(found.shown), column=found.shown)
    elif found.column.type.type_class is not TypeClass.NUMBER:
        scope.findings.add(use.code, use.where, use.hint, column=found.shown)
    elif bounds.high - bounds.low > MAX_BINS * bins.width.value:
        narrowest = _plain_number((bounds.high - bounds.low) / MAX_BINS)
        scope.findings.add(Code.BIN_TOO_FINE, use.where, hints.wider_bins(narrowest), column=found.shown)
    else:
        return Bin(found.field, bins.width, bins.form, bins.cast, bounds), found
    return None


def _plain_number(value: Decimal) -> str:
    return f"{value.normalize():f}"
