"""An independent recognizer of the allowed class of `domicile sql check`: whatever the gate accepts, this accepts.

It reads the text with its own tokenizer and recursive descent (`oracle_text`, `oracle_parser`), resolves names
(`oracle_names`) and decides section 4 of the contract here. It gives no reasons and rebuilds nothing. Where the contract
leaves a count open (what is a level, what is a comparison) it takes the reading that accepts more, so that a disagreement is
never a matter of counting by one.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from tests.policies.sql.oracle_conditions import Conditions, literal_kind, number_of, number_text
from tests.policies.sql.oracle_expressions import Expression
from tests.policies.sql.oracle_names import Scope, Table, check_alias, read_tables
from tests.policies.sql.oracle_parser import Select, parse
from tests.policies.sql.oracle_text import MAX_LEVELS, Refused, ascii_lower, check_text

FUNCTIONS_OF_MEASURES = {
    "sum",
    "avg",
    "variance",
    "var_samp",
    "var_pop",
    "stddev",
    "stddev_samp",
    "stddev_pop",
}
_CONDITION_USES = frozenset({"group", "filter"})


def refusal(sql: str, tables: dict[str, Table]) -> str | None:
    """Why `sql` lies outside the allowed class over `tables`, or None when it lies inside."""
    try:
        check_text(sql)
        _Check(parse(sql), tables).run()
    except Refused as e:
        return str(e)
    return None


def accepts(sql: str, tables: dict[str, Table] | None = None) -> bool:
    """Whether `sql` lies in the allowed class; over the corpus list unless told otherwise."""
    return refusal(sql, read_tables() if tables is None else tables) is None


class _Check(Conditions):
    def __init__(self, query: Select, tables: dict[str, Table]) -> None:
        super().__init__(Scope(query.joins, tables))
        self.query = query
        self.keys: list[int] = []
        self.aggregates: list[int] = []

    def run(self) -> None:
        self.check_counts()
        self.check_items()
        if self.query.where is not None:
            self.check_predicate(self.query.where, frozenset({"filter"}))
        self.check_groups()
        self.check_having()
        self.check_order()
        self.check_limit()

    def check_counts(self) -> None:
        q = self.query
        parts: list[Any] = [i.expression for i in q.items] + [q.where, q.having, *q.group, *q.order]
        parts += [equality for join in q.joins for equality in join.equalities]
        if sum(_comparisons(part) for part in parts) > 100:
            raise Refused("over 100 comparisons")
        if any(_levels(part) > MAX_LEVELS + 1 for part in parts):
            raise Refused("over 50 levels")

    # Items

    def check_items(self) -> None:
        for index, item in enumerate(self.query.items):
            expression = item.expression
            if self.is_aggregate(_unrounded(expression)):
                self.aggregates.append(index)
            else:
                self.check_key(expression)
                self.keys.append(index)
        if not self.aggregates:
            raise Refused("no aggregate")
        if (
            len(self.aggregates) > 10
            or len({self.canonical(self.query.items[i].expression) for i in self.keys}) > 3
        ):
            raise Refused("too many keys or aggregates")
        self.check_aliases()

    def check_aliases(self) -> None:
        seen: set[str] = set()
        columns = self.scope.column_names()
        for item in self.query.items:
            if item.alias is None:
                continue
            check_alias(item.alias)
            low = ascii_lower(item.alias)
            if low in seen:
                raise Refused(f"alias `{item.alias}` twice")
            seen.add(low)
            itself = item.expression[0] == "column" and ascii_lower(item.expression[2]) == low
            if low in columns and not itself:
                raise Refused(f"alias `{item.alias}` is a column")

    # Aggregates

    def is_aggregate(self, e: Expression) -> bool:
        """True for an `agg` of section 4, False for anything else that is no aggregate call; raises within one."""
        if e[0] != "call" or e[1] not in {"count", "count_star", *FUNCTIONS_OF_MEASURES}:
            return False
        _, name, args, distinct, condition = e
        if condition is not None:
            self.check_predicate(condition, _CONDITION_USES)
        if name == "count_star":
            if distinct or args:
                raise Refused("COUNT of a distinct star")
            return True
        if len(args) != 1:
            raise Refused(f"{name} with {len(args)} arguments")
        argument = args[0]
        if argument[0] == "case":
            if condition is not None:
                raise Refused("both CASE and FILTER")
            self.check_conditional(name, argument, distinct=distinct)
        elif name == "count" and not distinct:
            if argument != ("number", "1"):
                raise Refused("COUNT of something else than * or 1")
        else:
            self.check_argument(argument, distinct=distinct, name=name)
        return True

    def check_argument(self, e: Expression, *, distinct: bool, name: str) -> None:
        if e[0] != "column":
            raise Refused("an aggregate of an expression")
        column = self.scope.resolve(e)
        wanted = "person" if name == "count" else "measure"
        if distinct != (name == "count") or wanted not in column.uses:
            raise Refused(f"{name} of `{column.name}`")
        if wanted == "measure" and column.bounds is None:
            raise Refused(f"`{column.name}` has no bounds")

    def check_conditional(self, name: str, case: Expression, *, distinct: bool) -> None:
        _, branches, otherwise = case
        if len(branches) != 1:
            raise Refused("a conditional aggregate with several branches")
        condition, result = branches[0]
        self.check_predicate(condition, _CONDITION_USES)
        if name == "count" and not distinct:
            fits = result == ("number", "1") and otherwise == ("null",)
        elif name == "sum" and result == ("number", "1") and not distinct:
            fits = otherwise == ("number", "0")
        else:
            self.check_argument(result, distinct=distinct, name=name)
            fits = otherwise == ("null",) or (name != "count" and otherwise == ("number", "0"))
        if not fits:
            raise Refused("a conditional aggregate of another form")

    # Keys

    def check_key(self, e: Expression) -> None:
        if e[0] == "column":
            column = self.scope.resolve(e)
            if "group" not in column.uses or column.type.startswith("TIMESTAMP"):
                raise Refused(f"`{column.name}` is no key")
        elif e[0] == "case":
            self.check_labels(e)
        elif e[:2] == ("call", "coalesce"):
            self.check_coalesce(e)
        elif not self.is_histogram(e):
            column, _ = self.coarsened(e)
            if "group" not in column.uses:
                raise Refused(f"`{column.name}` is no key")

    def check_labels(self, case: Expression) -> None:
        _, branches, otherwise = case
        if len(branches) > 20:
            raise Refused("over 20 branches")
        labels = [label for _, label in branches] + ([] if otherwise == ("null",) else [otherwise])
        if len({literal_kind(label) for label in labels}) != 1:
            raise Refused("labels of several classes")
        _check_one_decimal(labels)
        for condition, _ in branches:
            self.check_predicate(condition, frozenset({"group"}))

    def check_coalesce(self, e: Expression) -> None:
        args = e[2]
        if e[3:] != (False, None) or len(args) != 2 or args[0][0] != "column":
            raise Refused("COALESCE of another form")
        column = self.scope.resolve(args[0])
        if "group" not in column.uses or column.type.startswith("TIMESTAMP"):
            raise Refused(f"`{column.name}` is no key")
        self.check_literal(args[1], column.kind, column)

    def is_histogram(self, e: Expression) -> bool:
        inner = e[1] if e[0] == "cast" and e[2] in ("integer", "bigint") else e
        if inner[:2] != ("arithmetic", "*") or inner[2][:2] != ("call", "floor"):
            return False
        column, width = self.scaled(inner[2][2], "/")
        if (
            ("group" in column.uses and width >= 1)
            or "measure" not in column.uses
            or inner[2][3:] != (False, None)
        ):
            return False
        if column.bounds is None or width <= 0 or number_of(inner[3]) != width:
            raise Refused("a histogram without bounds or of two widths")
        low, high = (Decimal(str(b)) for b in column.bounds)
        if (high - low) / width > 50:
            raise Refused("over 50 bins")
        return True

    # Clauses

    def check_groups(self) -> None:
        q = self.query
        if q.group_all:
            return
        grouped: set[Any] = set()
        for e in q.group:
            index = self.item_named(e)
            if index is not None and index not in self.keys:
                raise Refused("GROUP BY an aggregate")
            grouped.add(self.canonical(e if index is None else q.items[index].expression))
        if grouped != {self.canonical(q.items[i].expression) for i in self.keys}:
            raise Refused("keys and GROUP BY differ")

    def item_named(self, e: Expression) -> int | None:
        """Index of the item that an ordinal or an unqualified name means; None for an expression."""
        if e[0] == "number":
            if not re.fullmatch("[0-9]+", str(e[1])) or not 1 <= int(e[1]) <= len(self.query.items):
                raise Refused("an ordinal outside the items")
            return int(e[1]) - 1
        if e[0] == "column" and e[1] is None:
            for index, item in enumerate(self.query.items):
                if item.alias is not None and ascii_lower(item.alias) == ascii_lower(e[2]):
                    return index
        return None

    def check_having(self) -> None:
        e = self.query.having
        if e is None:
            return
        if e[0] != "compare" or e[1] not in (">", ">=") or not re.fullmatch("-?[0-9]+", number_text(e[3])):
            raise Refused("HAVING of another form")
        index = self.item_named(e[2]) if e[2][0] == "column" else None
        counted = e[2] if index is None else self.query.items[index].expression
        plain = counted[:2] == ("call", "count") and counted[3] and counted[4] is None
        if not plain or counted[2][0][0] != "column" or not self.is_aggregate(counted):
            raise Refused("HAVING over something else than persons")

    def check_order(self) -> None:
        outputs = {self.canonical(item.expression) for item in self.query.items}
        for e in self.query.order:
            if self.item_named(e) is None and self.canonical(e) not in outputs:
                raise Refused("ORDER BY something that is no output")

    def check_limit(self) -> None:
        limit = self.query.limit
        if limit is not None and not (
            re.fullmatch("[0-9]+", number_text(limit)) and 1 <= int(limit[1]) <= 500
        ):
            raise Refused("LIMIT outside 1 to 500")

    def canonical(self, e: Any) -> Any:
        """`e` with columns resolved, so that two spellings of one expression are equal."""
        if not isinstance(e, tuple):
            return e
        if e[:1] == ("column",) and len(e) == 3:
            column = self.scope.resolve(e)
            return ("resolved", column.table, column.name)
        if e[:1] == ("number",):
            return (
                "number",
                "." in e[1],
                "e" in e[1].lower(),
                number_of(e),
            )  # 10 and 10.0 are two expressions
        return tuple(self.canonical(part) for part in e)


def _unrounded(e: Expression) -> Expression:
    """The aggregate within ROUND(agg[, 0..6]); `e` itself when it is no ROUND."""
    if e[:2] != ("call", "round"):
        return e
    _, _, args, distinct, condition = e
    fits = len(args) == 1 or (len(args) == 2 and re.fullmatch("[0-6]", number_text(args[1])))
    if distinct or condition is not None or not fits:
        raise Refused("ROUND of another form")
    if args[0][:2] == ("call", "round"):
        raise Refused("ROUND of ROUND")
    return args[0]  # type: ignore[no-any-return]  # tuples of the parser are untyped inside


def _check_one_decimal(labels: list[Expression]) -> None:
    """Number labels become one type; where that is a DECIMAL too narrow for one, only rows that reach it fail."""
    texts = [str(label[1]).lstrip("-") for label in labels if label[0] == "number"]
    if any("e" in text.lower() for text in texts):
        return
    whole = max((len(text.partition(".")[0].lstrip("0")) for text in texts), default=0)
    fraction = max((len(text.partition(".")[2]) for text in texts), default=0)
    if fraction and whole + fraction > 38:
        raise Refused("labels that do not fit one decimal")


def _comparisons(e: Any) -> int:
    if not isinstance(e, tuple):
        return 0
    own = bool(e) and e[0] in ("compare", "between", "in")
    return int(own) + sum(_comparisons(part) for part in e)


def _levels(e: Any) -> int:
    if not isinstance(e, tuple):
        return 0
    inner = max((_levels(part) for part in e), default=0)
    return inner + (1 if e and isinstance(e[0], str) else 0)


def key_positions(sql: str, tables: dict[str, Table]) -> list[int]:
    """Which items of an accepted query are keys, from 0; raises `Refused` for any other."""
    checked = _Check(parse(sql), tables)
    checked.run()
    return checked.keys
