"""Which table and column a name of the query means, and whether the column may stand where it does.

- A name is a column of a table in FROM, alone or after the table's alias (its name when it has none). Nothing else resolves: no
  pseudo column, no whole row, no alias of an item, no struct member.
- A name that several tables have is ambiguous, unless USING made columns one; then it is the earliest one's of these.
- Strictest wins: a feature is refused everywhere, a person column everywhere but in its two places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from policies.sql import hints
from policies.sql.data_list import Column, SqlUse, Table, fold
from policies.sql.parser import Node
from policies.sql.reading.shape import children
from policies.sql.reasons import Code, Findings, Place
from policies.sql.terms import Field

_MAX_LOOKS: Final = 3
_MAX_LOOK_LENGTH: Final = 64
_MAX_LOOKED_AT: Final = 100


@dataclass(frozen=True, slots=True)
class Found:
    """A column of the query."""

    table: Table
    column: Column

    @property
    def field(self) -> Field:
        """The column as the model names it."""
        return Field(self.table.name, self.column.name)

    @property
    def shown(self) -> str:
        """`table.column` as listed."""
        return f"{self.table.name}.{self.column.name}"


@dataclass(slots=True)
class Scope:
    """The tables of a query by the name that its columns are called with, and the columns that USING made one."""

    findings: Findings
    tables: dict[str, Table] = field(default_factory=dict)
    merged: dict[str, list[Table]] = field(default_factory=dict)
    is_broken: bool = False
    """Whether a table did not resolve; then a column that does not resolve may be its own, and is not noted."""
    looked: int = 0

    def find(self, names: Sequence[str]) -> Found | None:
        """The column that `names` mean, without noting anything."""
        if len(names) == 2:
            table = self.tables.get(fold(names[0]))
            column = table.column(names[1]) if table else None
            return Found(table, column) if table and column else None
        if len(names) != 1:
            return None
        candidates = self.candidates(names[0])
        one = self.merged.get(fold(names[0]))
        if one:
            # DuckDB takes the columns that USING made one, whatever other table has that name.
            return next((found for found in candidates if found.table is one[0]), None)
        return candidates[0] if len(candidates) == 1 else None

    def candidates(self, name: str) -> list[Found]:
        """The columns of that name, in the order of FROM."""
        found = []
        for table in self.tables.values():
            column = table.column(name)
            if column:
                found.append(Found(table, column))
        return found

    def resolve(self, reference: Node, where: Place) -> Found | None:
        """The column that a reference means; what does not resolve is noted."""
        names = reference["column_names"]
        found = self.find(names)
        if found is None and not self.is_broken:
            self._note_unresolved(names, where)
        return found

    def admit(self, found: Found, allowed: frozenset[SqlUse], where: Place) -> bool:
        """Whether `found` may stand where one of the `allowed` uses is needed; otherwise noted."""
        column = found.column
        if column.is_feature:
            self.findings.add(Code.FEATURE_ONLY, where, hints.feature_only(found.shown), column=found.shown)
        elif column.is_person and SqlUse.PERSON not in allowed:
            self.findings.add(Code.PERSON_COLUMN, where, hints.person_column(found.shown), column=found.shown)
        elif not column.uses & allowed:
            hint = hints.apply_for(allowed - {SqlUse.PERSON} or allowed, found.shown)
            self.findings.add(Code.COLUMN_USE, where, hint, column=found.shown)
        else:
            return True
        return False

    def inspect(self, expression: Node, where: Place, *, counting: bool = False) -> None:
        """Note what is wrong with the columns inside an expression that is refused anyway.

        With `counting` a person column is right, and the fault lies elsewhere.
        """
        for reference in references(expression):
            found = self.resolve(reference, where)
            if found and found.column.is_feature:
                self.findings.add(
                    Code.FEATURE_ONLY, where, hints.feature_only(found.shown), column=found.shown
                )
            elif found and found.column.is_person and not counting:
                self.findings.add(
                    Code.PERSON_COLUMN, where, hints.person_column(found.shown), column=found.shown
                )

    def _nearest(self, name: str) -> str | None:
        """The listed column that comes nearest; looked for a few times a query, because looking is slow."""
        if self.looked >= _MAX_LOOKS or len(name) > _MAX_LOOK_LENGTH:
            return None
        self.looked += 1
        listed = [column.name for table in self.tables.values() for column in table.columns]
        near = get_close_matches(name, listed[:_MAX_LOOKED_AT], n=1)
        return near[0] if near else None

    def _note_unresolved(self, names: Sequence[str], where: Place) -> None:
        written = ".".join(names)
        if len(names) > 2:
            self.findings.add(Code.QUALIFIED_NAME, where, hints.QUALIFIED_NAME, column=written)
        candidates = self.candidates(names[0]) if len(names) == 1 else []
        if candidates:
            hint = hints.ambiguous_column(found.shown for found in candidates)
        else:
            hint = hints.unknown_column(self._nearest(names[-1]))
        self.findings.add(Code.UNKNOWN_COLUMN, where, hint, column=written)


def references(expression: Node) -> list[Node]:
    """The column references in `expression`, itself included; not those of nested queries."""
    if expression.get("class") == "COLUMN_REF":
        return [expression]
    return [reference for child in children(expression) for reference in references(child)]
