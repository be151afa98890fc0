"""Conditions and coarsenings of the grammar oracle: what `pred` and a coarsening of a column are (section 4 of the contract).

Two refusals go beyond the letter, both for what the contract says of literals: that none may make the engine fail with a
row's value. A decimal with so many digits that a row no longer fits beside them is refused, and so is a date that is none.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from tests.policies.sql.oracle_expressions import Expression
from tests.policies.sql.oracle_names import Column, Scope
from tests.policies.sql.oracle_text import Refused, ascii_lower

PARTS = {"year", "quarter", "month", "dayofweek", "isodow", "hour"}
UNITS = {"year", "quarter", "month", "week", "day"}
_DATE = re.compile(r"(\d{4,6})-(\d{1,2})-(\d{1,2})(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)?")


class Conditions:
    """Predicates and coarsenings over the columns of one FROM clause."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def coarsened(self, e: Expression) -> tuple[Column, str]:
        """The column below a coarsening and the class of its result; raises `Refused` for anything else."""
        if e[0] == "cast" and e[2] in ("integer", "bigint"):
            return self.binned(e[1])
        if e[0] == "arithmetic":
            return self.binned(e)
        if e[0] != "call" or e[3] or e[4] is not None:
            raise Refused("no key and no aggregate")
        _, name, args, _, _ = e
        if name == "floor":
            return self.binned(e)
        if name == "date_trunc" and len(args) == 2 and _word(args[0]) in UNITS:
            return self.of_kind(args[1], "moment"), "moment"
        if name == "date_part" and len(args) == 2 and _word(args[0]) in PARTS:
            return self.of_kind(args[1], "moment"), "number"
        if name in PARTS and len(args) == 1:
            return self.of_kind(args[0], "moment"), "number"
        if name == "strftime" and len(args) == 2 and args[1] in (("string", "%Y"), ("string", "%Y-%m")):
            return self.of_kind(args[0], "moment"), "text"
        if name == "left" and len(args) == 2 and _length(args[1]):
            return self.of_kind(args[0], "text"), "text"
        if (
            name in ("substr", "substring")
            and len(args) == 3
            and args[1] == ("number", "1")
            and _length(args[2])
        ):
            return self.of_kind(args[0], "text"), "text"
        raise Refused(f"{name} is no coarsening")

    def binned(self, e: Expression) -> tuple[Column, str]:
        floors = [part for part in (e, *e[2:3]) if isinstance(part, tuple) and part[:2] == ("call", "floor")]
        if any(floor[3:] != (False, None) for floor in floors):
            raise Refused("floor with DISTINCT or FILTER")
        if e[:2] == ("call", "floor"):
            column, step = self.scaled(e[2], "/")
            return self.stepped(column, step)
        if e[:2] == ("arithmetic", "//"):
            column, step = self.scaled((e,), "//")
            return self.stepped(column, step)
        if e[:2] == ("arithmetic", "*") and e[2][:2] in (("call", "floor"), ("arithmetic", "//")):
            column, step = self.scaled(
                e[2][2] if e[2][0] == "call" else (e[2],), "/" if e[2][0] == "call" else "//"
            )
            if number_of(e[3]) == step:
                return self.stepped(column, step)
        if e[:2] == ("arithmetic", "-") and e[3][:2] == ("arithmetic", "%"):
            column, step = self.scaled((e[3],), "%")
            if e[2][0] == "column" and self.scope.resolve(e[2]) == column:
                return self.stepped(column, step)
        raise Refused("arithmetic that is no coarsening")

    def stepped(self, column: Column, step: Decimal) -> tuple[Column, str]:
        if step < 1:
            raise Refused("a step below 1")
        return column, "number"

    def scaled(self, args: tuple[Expression, ...], operator: str) -> tuple[Column, Decimal]:
        """Column and N of the one argument `c operator N`."""
        if len(args) != 1 or args[0][:2] != ("arithmetic", operator):
            raise Refused("arithmetic that is no coarsening")
        column = self.of_kind(args[0][2], "number")
        return column, number_of(args[0][3])

    def of_kind(self, e: Expression, kind: str) -> Column:
        if e[0] != "column":
            raise Refused("a coarsening of an expression")
        column = self.scope.resolve(e)
        if column.kind != kind:
            raise Refused(f"`{column.name}` is no {kind}")
        return column

    # Predicates

    def check_predicate(self, e: Expression, uses: frozenset[str]) -> None:
        match e:
            case ("and", parts) | ("or", parts):
                for part in parts:
                    self.check_predicate(part, uses)
            case ("not", inner):
                self.check_predicate(inner, uses)
            case ("compare", _, left, right):
                operand, literal = (right, left) if _is_literal(left) else (left, right)
                self.check_literal(literal, *self.operand(operand, uses))
            case ("between", operand, low, high, _):
                self.check_literals((low, high), *self.operand(operand, uses))
            case ("in", operand, literals, _):
                if len(literals) > 200:
                    raise Refused("over 200 literals")
                self.check_literals(literals, *self.operand(operand, uses))
            case ("is null", operand, _):
                self.operand(operand, uses)
            case ("column", _, _):
                if self.operand(e, uses)[0] != "bool":
                    raise Refused("a bare column that is no BOOLEAN")
            case _:
                raise Refused("no predicate")

    def operand(self, e: Expression, uses: frozenset[str]) -> tuple[str, Column | None]:
        """Class of `x`, and the column whose rows meet the literal as they are (None after a coarsening)."""
        met: Column | None = None
        if e[0] == "column":
            column = met = self.scope.resolve(e)
            kind = column.kind
        else:
            column, kind = self.coarsened(e)
        if not column.uses & uses:
            raise Refused(f"`{column.name}` in a condition")
        return kind, met

    def check_literals(self, literals: tuple[Expression, ...], kind: str, column: Column | None) -> None:
        """Literals that meet together: one DOUBLE among numbers makes all of them, and the column, DOUBLE."""
        double = any(e[0] == "number" and re.search("[eE]", e[1]) for e in literals)
        for e in literals:
            self.check_literal(e, kind, None if double else column)

    def check_literal(self, e: Expression, kind: str, column: Column | None) -> None:
        found = literal_kind(e)
        if found != kind and not (kind == "moment" and found == "text" and _is_date(e[1])):
            raise Refused(f"a {found} literal for a {kind}")
        if column is not None and kind == "number":
            self.check_digits(e, column)

    def check_digits(self, e: Expression, column: Column) -> None:
        text = str(e[1]) if e[0] == "number" else ""
        fraction = 0 if re.search("[eE]", text) else len(text.partition(".")[2])
        if fraction and column.whole_digits + fraction > 38:
            raise Refused("a decimal beside which a row does not fit")


def number_text(e: Expression) -> str:
    return str(e[1]) if e[0] == "number" else ""


def number_of(e: Expression) -> Decimal:
    if e[0] != "number":
        raise Refused("expected a number")
    return Decimal(e[1])


def _length(e: Expression) -> bool:
    return re.fullmatch("[0-9]+", number_text(e)) is not None


def _word(e: Expression) -> str:
    return ascii_lower(e[1]) if e[0] == "string" else ""


def _is_literal(e: Expression) -> bool:
    return e[0] in ("number", "string", "bool", "moment")


def literal_kind(e: Expression) -> str:
    if e[0] == "moment" and not _is_date(e[2]):
        raise Refused("a date that is none")
    if not _is_literal(e):
        raise Refused("expected a literal")
    return "text" if e[0] == "string" else str(e[0])


def _is_date(text: str) -> bool:
    found = _DATE.fullmatch(text)
    if found is None:
        return False
    try:
        date(min(int(found.group(1)), 9999) or 1, int(found.group(2)), int(found.group(3)))
    except ValueError:
        return False
    return True
