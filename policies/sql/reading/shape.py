"""Every node of the tree is checked against the one shape it may have, before anything reads it.

- An allow-list: a node class, a member or a value that is not named here is refused, so nothing rides along unseen.
- What the walk does recognize and refuse (stars, windows, nested queries, parameters, ...) is noted with its own code.
- Depth is measured without recursion first; whatever walks the tree later cannot run out of stack.

Follows the SQL contract, sections 3, 4 and 6. The shapes are those of DuckDB 1.5.5.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from policies.sql import hints
from policies.sql.parser import Node
from policies.sql.reasons import Code, Findings, Hint, Place
from policies.sql.terms import MAX_COMPARISONS, MAX_IN
from policies.sql.text import MAX_DEPTH

_EXPRESSION: Final = frozenset({"class", "type", "alias", "query_location"})
_SHAPES: Final = {
    "COLUMN_REF": _EXPRESSION | {"column_names"},
    "CONSTANT": _EXPRESSION | {"value"},
    "FUNCTION": _EXPRESSION
    | {
        "function_name",
        "schema",
        "catalog",
        "children",
        "filter",
        "order_bys",
        "distinct",
        "is_operator",
        "export_state",
    },
    "CAST": _EXPRESSION | {"child", "cast_type", "try_cast"},
    "COMPARISON": _EXPRESSION | {"left", "right"},
    "CONJUNCTION": _EXPRESSION | {"children"},
    "OPERATOR": _EXPRESSION | {"children"},
    "BETWEEN": _EXPRESSION | {"input", "lower", "upper"},
    "CASE": _EXPRESSION | {"case_checks", "else_expr"},
}
_REFUSED: Final[dict[str, tuple[Code, Hint]]] = {
    "STAR": (Code.STAR, hints.STAR),
    "WINDOW": (Code.WINDOW, hints.WINDOW),
    "SUBQUERY": (Code.SUBQUERY, hints.SUBQUERY),
    "PARAMETER": (Code.LITERAL, hints.PLAIN_LITERAL),
    "POSITIONAL_REFERENCE": (Code.UNKNOWN_COLUMN, hints.POSITION),
    "LAMBDA": (Code.FUNCTION, hints.FUNCTION),
    "LAMBDA_REF": (Code.FUNCTION, hints.FUNCTION),
    "COLLATE": (Code.FUNCTION, hints.FUNCTION),
}
REFUSED_BY_SHAPE: Final = frozenset(_REFUSED)
"""Classes that are noted with a code of their own wherever they stand."""
_SELECT: Final = frozenset(
    {
        "type",
        "modifiers",
        "cte_map",
        "select_list",
        "from_table",
        "where_clause",
        "group_expressions",
        "group_sets",
        "aggregate_handling",
        "having",
        "sample",
        "qualify",
    }
)
_LEAVES: Final = frozenset({"COLUMN_REF", "CONSTANT"})
# Where the expressions inside the commonest nodes are; any other node is searched whole.
_CHILDREN: Final = {
    "FUNCTION": ("children", "filter", "order_bys"),
    "CAST": ("child",),
    "COMPARISON": ("left", "right"),
    "CONJUNCTION": ("children",),
    "OPERATOR": ("children",),
    "BETWEEN": ("input", "lower", "upper"),
}
_COMPARING: Final = frozenset({"COMPARISON", "BETWEEN"})
_COMPARING_OPERATORS: Final = frozenset(
    {"COMPARE_IN", "COMPARE_NOT_IN", "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL"}
)
_IN: Final = frozenset({"COMPARE_IN", "COMPARE_NOT_IN"})
# The grammar writes these with the schema `main` where the text had none: EXTRACT and SUBSTRING.
OF_THE_GRAMMAR: Final = frozenset({"date_part", "substring"})


def select_is_whole(node: Node) -> bool:
    """Whether the root is a SELECT node with exactly the members that are read."""
    return node.get("type") == "SELECT_NODE" and set(node) == _SELECT


def children(expression: Node) -> Iterator[Node]:
    """The expressions directly inside `expression`, whatever it is."""
    kind = expression.get("class")
    if kind in _LEAVES:
        return
    members = _CHILDREN.get(str(kind))
    for value in expression.values() if members is None else (expression.get(name) for name in members):
        yield from _expressions_in(value)


def _expressions_in(value: Any) -> Iterator[Node]:
    if isinstance(value, dict):
        if "class" in value:
            yield value
        elif value.get("type") not in {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}:
            for inner in value.values():
                yield from _expressions_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _expressions_in(inner)


def check_size(node: Node, findings: Findings) -> bool:
    """Note a tree over a nesting or count limit; false when it must not be walked."""
    comparisons = 0
    pending: list[tuple[Any, int]] = [(node, 0)]
    while pending:
        value, depth = pending.pop()
        if isinstance(value, dict):
            kind = value.get("class")
            if kind in _LEAVES:
                continue
            depth += kind is not None
            if depth > MAX_DEPTH:
                findings.add(Code.TOO_DEEP, Place.STATEMENT, hints.TOO_DEEP)
                return False
            operator = value["type"] if kind == "OPERATOR" else None
            comparisons += kind in _COMPARING or operator in _COMPARING_OPERATORS
            long_list = operator in _IN and len(value["children"]) > MAX_IN + 1
            if comparisons > MAX_COMPARISONS or long_list:
                findings.add(Code.TOO_DEEP, Place.STATEMENT, hints.TOO_DEEP)
                return False
            pending.extend((inner, depth) for inner in value.values() if isinstance(inner, (dict, list)))
        elif isinstance(value, list):
            pending.extend((inner, depth) for inner in value if isinstance(inner, (dict, list)))
    return True


def check_expression(expression: Node, where: Place, findings: Findings, *, top: bool = False) -> None:
    """Note everything in `expression` that has no shape of the contract. `top` allows an alias on it."""
    kind = expression.get("class")
    if kind in _REFUSED:
        code, hint = _REFUSED[kind]
        findings.add(code, where, hint)
        return
    shape = _SHAPES.get(str(kind))
    if shape is None or set(expression) != shape:
        findings.add(Code.FUNCTION, where, hints.FUNCTION)
        return
    if expression["type"] == "OPERATOR_UNPACK":
        findings.add(Code.STAR, where, hints.STAR)
    if expression["alias"] != "" and not top:
        findings.add(Code.ALIAS, where, hints.ALIAS_FORM)
    if kind == "FUNCTION":
        _check_function(expression, where, findings)
    elif kind == "CAST" and expression["try_cast"] is not False:
        findings.add(Code.FUNCTION, where, hints.FUNCTION)
    for child in children(expression):
        check_expression(child, where, findings)


def _check_function(expression: Node, where: Place, findings: Findings) -> None:
    prefix, name = (expression["catalog"], expression["schema"]), expression["function_name"]
    if prefix != ("", "") and not (prefix == ("", "main") and name in OF_THE_GRAMMAR | _CONSTRUCTORS):
        findings.locate(Code.QUALIFIED_NAME, where, hints.QUALIFIED_NAME)
        findings.add(Code.FUNCTION, where, hints.DOT_CALL)
    if expression["export_state"] is not False:
        findings.add(Code.AGGREGATE, where, hints.allowed_aggregate(None))
    order = expression["order_bys"]
    if set(order) != {"type", "orders"} or order["type"] != "ORDER_MODIFIER" or order["orders"] != []:
        findings.add(Code.AGGREGATE_ARGUMENT, where, hints.NO_ORDER_INSIDE)


# Written by the grammar for [..], {..}, ROW, LIKE ESCAPE, AT TIME ZONE, TRIM and OVERLAY: refused as functions.
_CONSTRUCTORS: Final = frozenset(
    {
        "list_value",
        "struct_pack",
        "row",
        "map",
        "like_escape",
        "not_like_escape",
        "ilike_escape",
        "not_ilike_escape",
        "timezone",
        "trim",
        "ltrim",
        "rtrim",
        "position",
        "overlay",
    }
)
