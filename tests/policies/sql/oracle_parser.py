"""The statement of the grammar oracle: one SELECT with its clauses, whatever its expressions mean.

Spellings that DuckDB turns into the very same tree (FETCH FIRST, GROUP BY *, a trailing comma, `name: expression`, parentheses
around joins) come out as that tree. What the class allows is said in `grammar_oracle`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.policies.sql.oracle_expressions import CLAUSES, TABLE_ALIASES, Expression, ExpressionParser
from tests.policies.sql.oracle_text import Refused, Token, tokens_of


@dataclass(frozen=True, slots=True)
class Item:
    expression: Expression
    alias: str | None


@dataclass(frozen=True, slots=True)
class Join:
    table: str
    alias: str | None
    kind: str = "first"
    equalities: tuple[Expression, ...] = ()
    using: tuple[str, ...] = ()


@dataclass(slots=True)
class Select:
    items: list[Item] = field(default_factory=list)
    joins: list[Join] = field(default_factory=list)
    where: Expression | None = None
    group_all: bool = False
    group: list[Expression] = field(default_factory=list)
    having: Expression | None = None
    order: list[Expression] = field(default_factory=list)
    limit: Expression | None = None


def parse(sql: str) -> Select:
    """The one SELECT of `sql`; raises `Refused` for what the oracle's wider grammar cannot read."""
    return _Parser(tokens_of(sql)).select()


class _Parser(ExpressionParser):
    def select(self) -> Select:
        query = Select()
        if not self.word("select"):
            raise Refused("the first word is not SELECT")
        self.word("all")
        query.items = self.items()
        self.expect("from")
        query.joins = self.sources()
        if self.word("where"):
            query.where = self.expression()
        if self.word("group", "by"):
            self.group_by(query)
        if self.word("having"):
            query.having = self.expression()
        self.drop_windows()
        if self.word("order", "by"):
            query.order = self.ordering()
        query.limit = self.limit()
        self.word("for", "read", "only")
        if self.at != len(self.tokens):
            raise Refused(f"`{self.peek().text}` is left over")
        return query

    def drop_windows(self) -> None:
        """`WINDOW w AS (...)` that no item uses leaves nothing in the tree; an item that does is refused."""
        if not self.word("window"):
            return
        while True:
            self.name()
            self.expect("as")
            self.expect("(")
            level = 1
            while level:
                token = self.peek()
                if token.kind == "end":
                    raise Refused("an unfinished window")
                level += (token == Token("mark", "(")) - (token == Token("mark", ")"))
                self.at += 1
            if not self.mark(","):
                return

    def items(self) -> list[Item]:
        found = [self.item()]
        while self.mark(",") and self.peek().word != "from":
            found.append(self.item())
        return found

    def item(self) -> Item:
        if self.peek().kind in ("name", "quoted") and self.peek(1) == Token("mark", ":"):
            alias = self.name()
            self.mark(":")
            return Item(self.expression(), alias)
        return Item(self.expression(), self.alias())

    def alias(self) -> str | None:
        if self.word("as"):
            return self.name()
        if self.peek().kind == "quoted" or (self.peek().kind == "name" and self.peek().word not in CLAUSES):
            return self.name()
        return None

    def sources(self) -> list[Join]:
        joins = self.source()
        while True:
            if self.word("join") or self.word("inner", "join"):
                kind = "inner"
            elif self.word("left", "join") or self.word("left", "outer", "join"):
                kind = "left"
            else:
                self.mark(",")  # a trailing comma; another table after it fails on the next clause
                return joins
            joins.append(self.join(kind))

    def source(self) -> list[Join]:
        if self.mark("("):
            self.enter()
            inner = self.sources()
            self.leave()
            self.expect(")")
            if len(inner) < 2:
                raise Refused("parentheses around a table")
            self.alias()
            return inner
        return [self.table()]

    def table(self) -> Join:
        self.word("only")
        if self.peek().kind in ("name", "quoted") and self.peek(1) == Token("mark", ":"):
            alias = self.name()
            self.mark(":")
            return Join(self.name(), alias)
        table = self.name()
        if self.peek() in (Token("mark", "."), Token("mark", "(")):
            raise Refused("a qualified name or a function in FROM")
        self.mark("*")  # `FROM t *`, an old spelling of `FROM t`
        return Join(table, self.name() if self.peek().word in TABLE_ALIASES else self.alias())

    def join(self, kind: str) -> Join:
        right = self.table()
        if self.word("on"):
            condition = self.expression()
            parts = condition[1] if condition[0] == "and" else (condition,)
            return Join(right.table, right.alias, kind, tuple(parts))
        self.expect("using")
        self.expect("(")
        names = [self.name()]
        while self.mark(",") and self.peek() != Token("mark", ")"):
            names.append(self.name())
        self.expect(")")
        return Join(right.table, right.alias, kind, (), tuple(names))

    def group_by(self, query: Select) -> None:
        if self.word("all") or self.mark("*"):
            query.group_all = True
            return
        if self.word("grouping", "sets"):  # one set alone is the same tree as its keys
            self.expect("(")
            query.group = self.row()
            self.expect(")")
            return
        while True:
            query.group += self.grouping()
            if (
                not self.mark(",")
                or self.peek().word in ("having", "order", "limit", "fetch")
                or self.peek().kind == "end"
            ):
                return

    def grouping(self) -> list[Expression]:
        """An expression, or the members of `(a, b)`, however often that is wrapped."""
        if self.row_ahead():
            return self.row()
        if not self.wrapped_row_ahead():
            return [self.expression()]
        self.expect("(")
        found = self.grouping()
        self.expect(")")
        return found

    def wrapped_row_ahead(self) -> bool:
        before = self.at
        try:
            return self.mark("(") and (self.row_ahead() or self.wrapped_row_ahead())
        finally:
            self.at = before

    def row_ahead(self) -> bool:
        """Whether `(a, b)` comes next: its members are keys of their own."""
        if self.peek() != Token("mark", "("):
            return False
        level = 0
        for ahead in range(len(self.tokens) - self.at):
            token = self.peek(ahead)
            if token.kind == "mark" and token.text in "()":
                level += 1 if token.text == "(" else -1
                if level == 0:
                    return False
            if token == Token("mark", ",") and level == 1:
                return True
        return False

    def row(self) -> list[Expression]:
        self.expect("(")
        found = [self.expression()]
        while self.mark(","):
            found.append(self.expression())
        self.expect(")")
        return found

    def limit(self) -> Expression | None:
        if self.word("limit"):
            return self.expression()
        if self.word("fetch"):
            _ = self.word("first") or self.word("next")
            many = ("number", "1") if self.peek().word in ("row", "rows") else self.expression()
            if not (self.word("rows") or self.word("row")):
                raise Refused("FETCH without ROWS")
            self.expect("only")
            return many
        return None
