"""Expressions of the grammar oracle: a recursive descent over tokens into small tuples, tighter operators inside.

It knows a little more than the allowed class (any function name, any arithmetic), so that precedence is decided as
DuckDB decides it. Spellings that DuckDB turns into the very same tree (IF, FILTER without WHERE, IFNULL) come out as that tree.

Shapes: ("number", text) ("string", text) ("bool", b) ("moment", "date"|"timestamp", text) ("null",)
("column", qualifier, name) ("call", name, args, distinct, filter) ("cast", e, type) ("case", branches, otherwise)
("arithmetic", op, l, r) ("compare", op, l, r) ("between", x, lo, hi, negated) ("in", x, items, negated)
("is null", x, negated) ("not", e) ("and", es) ("or", es).
"""

from __future__ import annotations

from typing import Any

from tests.policies.sql.oracle_text import MAX_LEVELS, Refused, Token, ascii_lower

Expression = tuple[Any, ...]

_CLAUSE_WORDS = """
    from where group having order limit fetch offset join inner left right full cross natural asof positional anti semi on
    using as window qualify union except intersect tablesample pivot unpivot at select and or not is in between case when
    then else end asc desc nulls all distinct filter outer null true false isnull notnull
    export_state over within for
"""
CLAUSES = frozenset(_CLAUSE_WORDS.split())
TABLE_ALIASES = frozenset({"between", "export_state", "filter", "nulls", "over", "within"})
"""Words that may follow an item and mean something there, and are names like any other after a table."""
_MOMENTS = {"date": "date", "timestamp": "timestamp", "datetime": "timestamp", "timestamp_us": "timestamp"}
INTEGER_TYPES = {
    **dict.fromkeys(("integer", "int", "int4", "int32", "signed", "integral"), "integer"),
    **dict.fromkeys(("bigint", "int8", "int64", "long", "oid"), "bigint"),
}
_PART_SPELLINGS = {"years": "year", "quarters": "quarter", "months": "month", "hours": "hour"}


class ExpressionParser:
    """Reads one expression after another from a list of tokens."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.level = 0

    # Tokens

    def peek(self, ahead: int = 0) -> Token:
        here = self.at + ahead
        return self.tokens[here] if here < len(self.tokens) else Token("end", "")

    def word(self, *words: str) -> bool:
        """Take the words if they come next, in this order."""
        if all(self.peek(i).word == w for i, w in enumerate(words)):
            self.at += len(words)
            return True
        return False

    def mark(self, mark: str) -> bool:
        if self.peek() == Token("mark", mark):
            self.at += 1
            return True
        return False

    def expect(self, text: str) -> None:
        if not (self.mark(text) or self.word(text)):
            raise Refused(f"expected `{text}`, got `{self.peek().text}`")

    def name(self) -> str:
        token = self.peek()
        if token.kind not in ("name", "quoted"):
            raise Refused(f"expected a name, got `{token.text}`")
        self.at += 1
        return token.text

    # Expressions, loosest first

    def enter(self) -> None:
        self.level += 1
        if self.level > MAX_LEVELS + 1:
            raise Refused("over 50 levels")

    def leave(self) -> None:
        self.level -= 1

    def expression(self) -> Expression:
        self.enter()
        parts = [self.conjunction()]
        while self.word("or"):
            parts.append(self.conjunction())
        self.leave()
        return parts[0] if len(parts) == 1 else ("or", tuple(parts))

    def conjunction(self) -> Expression:
        parts = [self.negation()]
        while self.word("and"):
            parts.append(self.negation())
        flat: list[Expression] = []
        for part in parts:
            flat += part[1] if part[0] == "and" else (part,)
        return flat[0] if len(flat) == 1 else ("and", tuple(flat))

    def negation(self) -> Expression:
        times = 0
        while self.word("not"):
            times += 1
        if times > MAX_LEVELS:
            raise Refused("over 50 levels")
        result = self.test()
        for _ in range(times):
            result = ("not", result)
        return result

    def test(self) -> Expression:
        """IS NULL and its spellings; they bind looser than a comparison."""
        left = self.comparison()
        while True:
            if self.word("is", "null") or self.word("isnull") or self.word("is", "unknown"):
                left = ("is null", left, False)
            elif self.not_null():
                left = ("is null", left, True)
            elif self.peek().word == "is":
                raise Refused("IS with something else than NULL")
            else:
                return left

    def not_null(self) -> bool:
        spellings = (("is", "not", "null"), ("notnull",), ("not", "null"), ("is", "not", "unknown"))
        return any(self.word(*spelling) for spelling in spellings)

    def comparison(self) -> Expression:
        left = self.membership()
        token = self.peek()
        if token.kind == "mark" and token.text in ("=", "<>", "<", "<=", ">", ">="):
            self.at += 1
            return ("compare", token.text, left, self.membership())
        return left

    def membership(self) -> Expression:
        left = self.sum()
        before = self.at
        negated = self.word("not")
        if self.word("between"):
            self.word("asymmetric")
            low = self.sum()
            self.expect("and")
            return ("between", left, low, self.sum(), negated)
        if self.word("in"):
            self.expect("(")
            found = [self.expression()]
            while self.mark(",") and self.peek() != Token("mark", ")"):
                found.append(self.expression())
            self.expect(")")
            return ("in", left, tuple(found), negated)
        self.at = before
        return left

    def sum(self) -> Expression:
        left = self.product()
        while (token := self.peek()).kind == "mark" and token.text in ("+", "-"):
            self.at += 1
            left = ("arithmetic", token.text, left, self.product())
        return left

    def product(self) -> Expression:
        left = self.signed()
        while (token := self.peek()).kind == "mark" and token.text in ("*", "/", "//", "%"):
            self.at += 1
            left = ("arithmetic", token.text, left, self.signed())
        return left

    def signed(self) -> Expression:
        times = 0
        while self.mark("-"):
            times += 1
        inner = self.cast()
        if times == 0:
            return inner
        if inner[0] != "number":
            raise Refused("a minus sign before something else than a number")
        text = str(inner[1])
        for _ in range(times):
            text = text[1:] if text.startswith("-") else "-" + text
        text = "0" if text == "-0" else text
        return ("number", text)

    def cast(self) -> Expression:
        inner = self.primary()
        while self.mark("::"):
            inner = _cast(inner, self.type_name())
        return inner

    def type_name(self) -> str:
        name = ascii_lower(self.name())
        if name == "timestamp":
            self.word("without", "time", "zone")
        if self.peek() == Token("mark", "(") and self.peek(1) == Token("mark", ")"):
            # No modifiers in parentheses: the very same tree as without them.
            self.at += 2
        return name

    def primary(self) -> Expression:
        token = self.peek()
        if self.mark("("):
            inner = self.expression()
            self.expect(")")
            if self.peek() in (Token("mark", "."), Token("mark", "(")):
                raise Refused("a member of an expression")
            return inner
        if token.kind in ("number", "string"):
            self.at += 1
            return (
                token.kind,
                str(int(token.text)) if token.kind == "number" and token.text.isdigit() else token.text,
            )
        if token.kind not in ("name", "quoted"):
            raise Refused(f"`{token.text}` is no expression")
        special = self.special(token)
        return special if special is not None else self.named()

    def special(self, token: Token) -> Expression | None:
        """What keywords start: constants, CASE, CAST, EXTRACT, typed literals."""
        after = self.peek(1)
        if token.word in ("true", "false", "null"):
            self.at += 1
            return ("null",) if token.word == "null" else ("bool", token.word == "true")
        if token.word == "case":
            self.at += 1
            return self.case()
        if after == Token("mark", "(") and token.word == "cast":
            self.at += 2
            inner = self.expression()
            self.expect("as")
            kind = self.type_name()
            self.expect(")")
            return _cast(inner, kind)
        if after == Token("mark", "(") and token.word == "extract":
            self.at += 2
            part = ascii_lower(self.peek().text)
            self.at += 1
            self.expect("from")
            inner = self.expression()
            self.expect(")")
            return ("call", "date_part", (("string", _PART_SPELLINGS.get(part, part)), inner), False, None)
        kind = ascii_lower(token.text)
        if kind in (*_MOMENTS, "boolean", "bool"):
            return self.typed_literal(kind)
        return None

    def typed_literal(self, kind: str) -> Expression | None:
        start = self.at
        self.at += 1
        if kind == "timestamp":
            self.word("without", "time", "zone")
        if self.mark("("):  # DATE ('...') is a cast too
            inner: Expression = ("none",) if self.peek() == Token("mark", ")") else self.expression()
            if inner[0] == "string" and self.mark(")"):
                return _cast(inner, kind)
        elif self.peek().kind == "string":
            self.at += 1
            return _cast(("string", self.peek(-1).text), kind)
        self.at = start
        return None

    def case(self) -> Expression:
        subject = None if self.peek().word == "when" else self.expression()
        branches = []
        while self.word("when"):
            condition = self.expression()
            if subject is not None:
                condition = ("compare", "=", subject, condition)
            self.expect("then")
            branches.append((condition, self.expression()))
        otherwise: Expression = self.expression() if self.word("else") else ("null",)
        self.expect("end")
        if not branches:
            raise Refused("CASE without WHEN")
        return ("case", tuple(branches), otherwise)

    def named(self) -> Expression:
        if self.peek().word in CLAUSES - {"at", "positional", "filter", "nulls", "fetch", "left"}:
            raise Refused(f"`{self.peek().text}` is a keyword")
        name = self.name()
        if self.mark("("):
            return self.call(ascii_lower(name))
        if self.mark("."):
            column = self.name()
            if ascii_lower(column) in ("if", "ifnull") and self.mark("("):
                return self.call(ascii_lower(column))  # the tree keeps no schema of these two
            if self.peek() in (Token("mark", "."), Token("mark", "(")):
                raise Refused("a longer name or a dot-call")
            return ("column", name, column)
        return ("column", None, name)

    def call(self, name: str) -> Expression:
        distinct = self.word("distinct")
        if not distinct:
            self.word("all")
        args: list[Expression] = []
        if self.star(name, distinct=distinct) or self.mark(")"):
            if name in ("count", "count_star"):
                return self.filtered("count_star", (), distinct=distinct)
            return self.filtered(name, (), distinct=distinct)
        args.append(self.expression())
        if name == "substring" and self.word("from"):
            args.append(self.expression())
            self.expect("for")
            args.append(self.expression())
        while self.mark(",") and self.peek() != Token("mark", ")"):
            args.append(self.expression())
        if name in ("if", "ifnull") and self.word("order", "by"):
            self.ordering()
        self.expect(")")
        if name == "if" and len(args) == 3:
            self.drop_suffixes()
            return ("case", ((args[0], args[1]),), args[2])
        if name == "ifnull" and len(args) == 2:
            self.drop_suffixes()
            return ("call", "coalesce", tuple(args), False, None)
        return self.filtered(name, tuple(args), distinct=distinct)

    def ordering(self) -> list[Expression]:
        """What follows ORDER BY, directions dropped."""
        found = []
        while True:
            found.append(self.expression())
            _ = self.word("asc") or self.word("desc")
            _ = self.word("nulls", "first") or self.word("nulls", "last")
            if not self.mark(","):
                return found

    def drop_suffixes(self) -> None:
        """What DuckDB reads after IF and IFNULL and keeps nothing of."""
        self.filtered("", (), distinct=False)
        self.word("export_state")

    def star(self, name: str, *, distinct: bool) -> bool:
        """`COUNT(*)` and `COUNT(t.*)`, which DuckDB reads as the same call."""
        ahead = 2 if self.peek(1) == Token("mark", ".") else 0
        if self.peek(ahead) != Token("mark", "*"):
            return False
        if name != "count" or distinct:
            raise Refused("a star")
        self.at += ahead + 1
        self.expect(")")
        return True

    def filtered(self, name: str, args: tuple[Expression, ...], *, distinct: bool) -> Expression:
        condition = None
        if self.peek().word == "filter" and self.peek(1) == Token("mark", "("):
            self.at += 2
            self.word("where")
            condition = self.expression()
            self.expect(")")
        return ("call", name, args, distinct, condition)


def _cast(inner: Expression, kind: str) -> Expression:
    if inner[0] == "string" and kind in _MOMENTS:
        return ("moment", _MOMENTS[kind], inner[1])
    if inner[0] == "string" and kind in ("boolean", "bool", "logical") and inner[1] in ("t", "f"):
        return ("bool", inner[1] == "t")
    return ("cast", inner, INTEGER_TYPES.get(kind, kind))
