"""Group keys: a group column or a coarsening of one, labels by CASE, a filled column, or the histogram of a measure.

Follows the SQL contract, section 4, "key".
"""

from __future__ import annotations

from typing import Final

from policies.sql import hints
from policies.sql.column_types import TypeClass
from policies.sql.data_list import SqlUse
from policies.sql.literals import Literal, share_a_type
from policies.sql.parser import Node
from policies.sql.reading.coarsening import Use, read_operand
from policies.sql.reading.conditions import Conditions
from policies.sql.reading.constants import is_constant, is_null, literal, literals_for
from policies.sql.reading.scope import Found, Scope
from policies.sql.reasons import Code, Place
from policies.sql.terms import MAX_BRANCHES, Branch, Filled, Key, Labels, Plain

_GROUP: Final = frozenset({SqlUse.GROUP})
_WHERE: Final = Place.GROUP_BY


def read_key(expression: Node, scope: Scope) -> Key | None:
    """The key that the expression is, or None when it is none of the contract (noted)."""
    if is_constant(expression):
        scope.findings.add(Code.GROUP_KEY, _WHERE, hints.CONSTANT_ITEM)
        return None
    if expression["class"] == "CASE":
        return _labels(expression, scope)
    if expression["type"] == "OPERATOR_COALESCE":
        return _filled(expression, scope)
    use = Use(_GROUP, _WHERE, Code.GROUP_KEY, hints.GROUP_KEY, histogram=True)
    read = read_operand(expression, scope, use)
    if read is None:
        _note_not_group(expression, scope)
        return None
    operand, found = read
    return None if isinstance(operand, Plain) and not _is_plain_key(found, scope) else operand


def _is_plain_key(found: Found, scope: Scope) -> bool:
    column = found.column.type
    if column.is_timestamp:
        scope.findings.add(Code.GROUP_KEY, _WHERE, hints.coarsen(found.shown), column=found.shown)
        return False
    if column.type_class is TypeClass.OTHER:
        scope.findings.add(Code.GROUP_KEY, _WHERE, hints.GROUP_KEY, column=found.shown)
        return False
    return True


def _note_not_group(expression: Node, scope: Scope) -> None:
    """A column that is listed but not for grouping is also no key."""
    found = scope.find(expression["column_names"]) if expression["class"] == "COLUMN_REF" else None
    if (
        found
        and not found.column.uses & _GROUP
        and not found.column.is_feature
        and not found.column.is_person
    ):
        hint = hints.apply_for(_GROUP, found.shown)
        scope.findings.add(Code.GROUP_KEY, _WHERE, hint, column=found.shown)


def _filled(expression: Node, scope: Scope) -> Key | None:
    arguments = expression["children"]
    if len(arguments) != 2 or arguments[0]["class"] != "COLUMN_REF" or not is_constant(arguments[1]):
        scope.findings.add(Code.GROUP_KEY, _WHERE, hints.GROUP_KEY)
        scope.findings.add(Code.FUNCTION, _WHERE, hints.FUNCTION)
        scope.inspect(expression, _WHERE)
        return None
    key = read_key(arguments[0], scope)
    found = scope.find(arguments[0]["column_names"])
    if key is None or found is None:
        return None
    given = literals_for(
        arguments[1:], found.column.type, name=found.shown, where=_WHERE, findings=scope.findings
    )
    return Filled(found.field, given[0]) if given else None


def _labels(expression: Node, scope: Scope) -> Key | None:
    checks, otherwise = expression["case_checks"], expression["else_expr"]
    conditions = Conditions(scope, _GROUP, _WHERE)
    if len(checks) > MAX_BRANCHES:
        scope.findings.add(Code.GROUP_KEY, _WHERE, hints.LABELS)
        return None
    branches: list[Branch | None] = []
    for check in checks:
        condition = conditions.read(check["when_expr"])
        label = _label(check["then_expr"], scope)
        branches.append(Branch(condition, label) if condition is not None and label is not None else None)
    ending = None if is_null(otherwise) else _label(otherwise, scope)
    given = tuple(branch for branch in branches if branch is not None)
    if len(given) != len(branches) or (ending is None and not is_null(otherwise)):
        return None
    labels = [branch.label for branch in given] + ([ending] if ending is not None else [])
    if not share_a_type(labels):
        scope.findings.add(Code.LITERAL, _WHERE, hints.LABELS)
        scope.findings.add(Code.GROUP_KEY, _WHERE, hints.LABELS)
        return None
    return Labels(given, ending)


def _label(expression: Node, scope: Scope) -> Literal | None:
    found = literal(expression)
    if found is None:
        code = Code.LITERAL if is_constant(expression) else Code.GROUP_KEY
        scope.findings.add(code, _WHERE, hints.LABELS)
        scope.inspect(expression, _WHERE)
    return found
