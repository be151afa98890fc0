"""Names that a query gives: of output columns and of its tables.

An alias never shadows a listed name: DuckDB resolves some clauses to the column and others to the alias, and what is read here
would not be what is meant. The forms keep a released table safe to open in a spreadsheet.

Follows the SQL contract, section 4, "aliases".
"""

from __future__ import annotations

import re
from typing import Final

from policies.sql import hints
from policies.sql.data_list import DataList, Table, fold
from policies.sql.reasons import Code, Findings, Place
from policies.sql.text import MARKS

_ALIAS: Final = re.compile(rf"[A-Za-z0-9_ ()%/\-.:\u3400-\u4dbf\u4e00-\u9fff{MARKS}]{{1,64}}")
_STARTS: Final = ("__", " ", "=", "+", "-", "@")


def is_alias(text: str) -> bool:
    """Whether `text` has the form of an alias."""
    return _ALIAS.fullmatch(text) is not None and not text.startswith(_STARTS)


def check_item_alias(alias: str, *, own: str | None, tables: list[Table], findings: Findings) -> None:
    """Note an alias of an item that has no form or is a column's name; `own` is the item's column when it is just that."""
    if not is_alias(alias):
        findings.add(Code.ALIAS, Place.SELECT, hints.ALIAS_FORM)
    elif any(table.column(alias) for table in tables) and (own is None or fold(own) != fold(alias)):
        findings.add(Code.ALIAS, Place.SELECT, hints.ALIAS_TAKEN)


def check_table_alias(
    alias: str, table: Table, data_list: DataList, *, where: Place, findings: Findings
) -> None:
    """Note an alias of a table that has no form or is another listed table's name."""
    other = data_list.table(alias)
    if not is_alias(alias) or (other is not None and other is not table):
        findings.add(Code.ALIAS, where, hints.TABLE_ALIAS)
