"""Conditions: one column or coarsening against literals, joined by AND, OR and NOT.

No column against column, no constant against constant, no bare column that is not BOOLEAN. Each literal is of its column's
class.

Follows the SQL contract, section 4, "pred".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from policies.sql import hints
from policies.sql.column_types import TypeClass
from policies.sql.data_list import SqlUse
from policies.sql.literals import Literal
from policies.sql.parser import Node
from policies.sql.reading.coarsening import Use, coarsening, read_operand, result_type
from policies.sql.reading.constants import is_constant, literals_for
from policies.sql.reading.scope import Found, Scope
from policies.sql.reading.shape import children
from policies.sql.reasons import Code, Place
from policies.sql.terms import (
    AllOf,
    AnyOf,
    Between,
    Comparison,
    Condition,
    Holds,
    Missing,
    Negation,
    OneOf,
    Operand,
    Operator,
)

_OPERATORS: Final = {
    "COMPARE_EQUAL": Operator.EQUAL,
    "COMPARE_NOTEQUAL": Operator.NOT_EQUAL,
    "COMPARE_LESSTHAN": Operator.LESS,
    "COMPARE_LESSTHANOREQUALTO": Operator.AT_MOST,
    "COMPARE_GREATERTHAN": Operator.GREATER,
    "COMPARE_GREATERTHANOREQUALTO": Operator.AT_LEAST,
}
_TURNED: Final = {
    Operator.EQUAL: Operator.EQUAL,
    Operator.NOT_EQUAL: Operator.NOT_EQUAL,
    Operator.LESS: Operator.GREATER,
    Operator.AT_MOST: Operator.AT_LEAST,
    Operator.GREATER: Operator.LESS,
    Operator.AT_LEAST: Operator.AT_MOST,
}


@dataclass(frozen=True, slots=True)
class Conditions:
    """Reads the conditions of one place, over columns of the uses allowed there."""

    scope: Scope
    allowed: frozenset[SqlUse]
    where: Place

    def read(self, expression: Node) -> Condition | None:
        """The condition, or None when it is none of the contract (noted)."""
        match expression["class"], expression["type"]:
            case "CONJUNCTION", "CONJUNCTION_AND" | "CONJUNCTION_OR":
                return self._several(expression)
            case "OPERATOR", "OPERATOR_NOT" if len(expression["children"]) == 1:
                inner = self.read(expression["children"][0])
                return Negation(inner) if inner is not None else None
            case "OPERATOR", "OPERATOR_IS_NULL" | "OPERATOR_IS_NOT_NULL" if len(expression["children"]) == 1:
                operand = self._operand(expression["children"][0])
                negated = expression["type"] == "OPERATOR_IS_NOT_NULL"
                return Missing(operand[0], negated) if operand else None
            case "OPERATOR", "COMPARE_IN" | "COMPARE_NOT_IN":
                return self._one_of(expression)
            case "BETWEEN", "COMPARE_BETWEEN":
                return self._between(expression)
            case "COMPARISON", kind if kind in _OPERATORS:
                return self._comparison(expression)
            case "COLUMN_REF", _:
                return self._bare(expression)
            case _:
                self._refuse(expression)
                return None

    def _several(self, expression: Node) -> Condition | None:
        # Every one is read, also after one that is refused: a refusal names every reason.
        read = [self.read(child) for child in expression["children"]]
        given = tuple(condition for condition in read if condition is not None)
        if len(given) != len(read) or len(given) < 2:
            return None
        return AllOf(given) if expression["type"] == "CONJUNCTION_AND" else AnyOf(given)

    def _comparison(self, expression: Node) -> Condition | None:
        left, right = expression["left"], expression["right"]
        operator = _OPERATORS[expression["type"]]
        if is_constant(left):
            left, right, operator = right, left, _TURNED[operator]
        if is_constant(left) or not is_constant(right):
            self._refuse(expression)
            return None
        read = self._against(left, [right])
        return Comparison(read[0], operator, read[1][0]) if read else None

    def _between(self, expression: Node) -> Condition | None:
        ends = [expression["lower"], expression["upper"]]
        if is_constant(expression["input"]) or not all(map(is_constant, ends)):
            self._refuse(expression)
            return None
        read = self._against(expression["input"], ends)
        return Between(read[0], read[1][0], read[1][1]) if read else None

    def _one_of(self, expression: Node) -> Condition | None:
        subject, *literals = expression["children"]
        if is_constant(subject) or not literals or not all(map(is_constant, literals)):
            self._refuse(expression)
            return None
        read = self._against(subject, literals)
        return OneOf(read[0], tuple(read[1]), expression["type"] == "COMPARE_NOT_IN") if read else None

    def _bare(self, expression: Node) -> Condition | None:
        found = self.scope.resolve(expression, self.where)
        if found is None:
            return None
        admitted = self.scope.admit(found, self.allowed, self.where)
        if found.column.type.type_class is not TypeClass.BOOLEAN:
            self.scope.findings.add(Code.PREDICATE, self.where, hints.PREDICATE, column=found.shown)
            return None
        return Holds(found.field) if admitted else None

    def _against(self, subject: Node, literals: Sequence[Node]) -> tuple[Operand, list[Literal]] | None:
        operand = self._operand(subject)
        if operand is None:
            self._check_literals(subject, literals)
            return None
        column = result_type(operand[0], operand[1].column.type)
        read = literals_for(
            literals, column, name=operand[1].shown, where=self.where, findings=self.scope.findings
        )
        return (operand[0], read) if read is not None else None

    def _check_literals(self, subject: Node, literals: Sequence[Node]) -> None:
        """Note literals of another class also beside a column that is refused for its use."""
        found = self.scope.find(subject["column_names"]) if subject["class"] == "COLUMN_REF" else None
        if found:
            kind, findings = found.column.type, self.scope.findings
            literals_for(literals, kind, name=found.shown, where=self.where, findings=findings)

    def _operand(self, expression: Node) -> tuple[Operand, Found] | None:
        if is_constant(expression):
            self._refuse(expression)
            return None
        use = Use(self.allowed, self.where, Code.PREDICATE, hints.PREDICATE)
        return read_operand(expression, self.scope, use)

    def _refuse(self, expression: Node) -> None:
        self.scope.findings.add(Code.PREDICATE, self.where, hints.PREDICATE)
        if any(
            part["class"] == "FUNCTION" and coarsening(part) is None
            for part in (expression, *children(expression))
        ):
            self.scope.findings.add(Code.FUNCTION, self.where, hints.FUNCTION)
        self.scope.inspect(expression, self.where)
