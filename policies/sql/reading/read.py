"""One SELECT node becomes one `Query`, or reasons. Numbered as it is read; every part is read whatever the others were.

Follows the SQL contract, section 4.
"""

from __future__ import annotations

from policies.sql import hints
from policies.sql.data_list import DataList, SqlUse, fold
from policies.sql.parser import Node, Tree
from policies.sql.query import Query
from policies.sql.reading.clauses import read_having, read_modifiers
from policies.sql.reading.conditions import Conditions
from policies.sql.reading.items import read_items
from policies.sql.reading.scope import Scope
from policies.sql.reading.shape import check_expression, check_size, select_is_whole
from policies.sql.reading.sources import Sources
from policies.sql.reasons import Code, Findings, Place

_FILTER = frozenset({SqlUse.FILTER})


def read_query(tree: Tree, data_list: DataList, findings: Findings) -> Query | None:
    """The query that the tree means, or None; then `findings` says why."""
    if not check_size(tree.node, findings):
        return None
    if tree.has_parameters:
        findings.add(Code.LITERAL, Place.STATEMENT, hints.PLAIN_LITERAL)
    root = tree.node
    if not _is_select(root, findings):
        return None

    # 1. FROM gives the names that everything else is read with.
    scope = Scope(findings)
    sources = Sources(data_list, scope, _common_tables(root, findings))
    sources.read(root["from_table"])
    # 2. SELECT and GROUP BY.
    selected = read_items(root, scope)
    # 3. WHERE.
    where = None
    if root["where_clause"] is not None:
        check_expression(root["where_clause"], Place.WHERE, findings)
        where = Conditions(scope, _FILTER, Place.WHERE).read(root["where_clause"])
    # 4. HAVING, ORDER BY, LIMIT.
    having = read_having(root["having"], selected, scope)
    order, limit = read_modifiers(root["modifiers"], selected, scope)
    # 5. What has no place in a governed query.
    _check_absent(root, findings)

    items = tuple(one.item for one in selected if one.item is not None)
    if len(findings) or sources.table is None or len(items) != len(selected):
        return None
    return Query(sources.table, tuple(sources.joins), where, items, having, order, limit)


def _is_select(root: Node, findings: Findings) -> bool:
    """Whether the root is one SELECT node; another is noted and not read."""
    if root.get("type") == "SET_OPERATION_NODE":
        findings.add(Code.SET_OPERATION, Place.STATEMENT, hints.SET_OPERATION)
        return False
    if not select_is_whole(root):
        code = Code.SUBQUERY if "CTE" in str(root.get("type")) else Code.NOT_A_SELECT
        findings.add(code, Place.STATEMENT, hints.SUBQUERY if code is Code.SUBQUERY else hints.NOT_A_SELECT)
        return False
    return True


def _common_tables(root: Node, findings: Findings) -> frozenset[str]:
    common = root["cte_map"]
    if common == {"map": []}:
        return frozenset()
    findings.add(Code.SUBQUERY, Place.STATEMENT, hints.SUBQUERY)
    return frozenset(fold(str(entry.get("key"))) for entry in common.get("map", ()))


def _check_absent(root: Node, findings: Findings) -> None:
    if root["sample"] is not None:
        findings.add(Code.SAMPLE, Place.FROM, hints.SAMPLE)
    if root["qualify"] is not None:
        findings.add(Code.WINDOW, Place.STATEMENT, hints.WINDOW)
