"""Mutations of queries: what a hostile partner, or a clumsy one, makes of a valid query.

One to four changes of tokens, characters, nesting, names, functions, numbers and literals, or the head of one query on the
tail of another. What comes out may be valid or not: the oracle says which.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from tests.policies.sql.generator import MOMENTS, NUMBERS, STRINGS, TOKEN, Generator

ATTACK_WORDS = (
    "*", "MIN", "MAX", "list", "any_value", "first", "string_agg", "median", "mode", "OVER ()", "QUALIFY",
    "WINDOW", "UNION", "SELECT", "(SELECT 1)", "FROM", "WITH", "VALUES", "DISTINCT", "ORDER BY", "OFFSET 1",
    "LIMIT 0", "USING SAMPLE 10%", "TABLESAMPLE 1%", "ROLLUP", "CUBE", "GROUPING SETS", "()", "NATURAL",
    "CROSS JOIN", "SEMI", "ASOF", "POSITIONAL", "LATERAL", ",", ";", "(", ")", "[", "]", "{", "}", "?",
    "$1", "#1", "rowid", "COLUMNS(*)", "EXCLUDE", "REPLACE", "TRY_CAST", "CAST", "::VARCHAR", "::INTEGER",
    "::DATE", "error('x')", "random()", "now()", "range(10)", "NULL", "TRUE", "1", "0", "'x'", "-1", "2.5",
    "LIKE 'a%'", "IS TRUE", "IS NULL", "ISNULL", "NOTNULL", "IN", "BETWEEN", "AND", "OR", "NOT", "=", "==",
    "<>", "||", "+", "-", "*", "/", "//", "%", "COLLATE NOCASE", "AS", "AS __x", 'AS "=1"', "main.",
    "x -> x", "struct_pack(a := 1)", "row(1)", "CASE", "WHEN", "THEN", "ELSE", "END", "FILTER", "WHERE",
    "GROUP BY ALL", "HAVING", "COUNT(*) > 1", "INTERVAL 1 DAY", "E'a'", "$$b$$", "X'41'", "t: ", ".", "ALL",
    "ANY", "EXISTS", "floor", "round", "coalesce", "1e3", "0.0000000000000000000000000000000000001",
    "DATE '2024-01-01'", "current_date", "AT (VERSION => 1)", "PIVOT", "UNPIVOT", "EXPORT_STATE",
    "IGNORE NULLS", "NULLS FIRST", "FETCH FIRST 3 ROWS ONLY", "ONLY", "USING (person_id)", "ON TRUE",
    "'a'\n'b'", "IF(TRUE, 1, 2)",
)  # fmt: skip
NUMBER_CHANGES = (
    "0", "1", "-1", "0.5", "501", "99", "1e9", "'1'", "NULL", "1_0", "010", "7.", "7.0", "1e300", "2147483648",
    "0.0000000000000000000000000000000000001", "99999999999999999999999999999999999999", "0.000000000000000000001",
)  # fmt: skip
CHARACTERS = "'\"();,.*-+/%=<>[]{}#$?:@!~|^&\\ \n\t0aZ_福；（\u200b\u3000\x00é"
FUNCTION_NAMES = (
    "sum", "avg", "min", "max", "count", "list", "median", "floor", "ceil", "round", "trunc", "left",
    "right", "substr", "upper", "length", "year", "minute", "day", "epoch", "date_trunc", "date_part",
    "strftime", "coalesce", "nullif", "abs", "hash", "md5", "variance", "stddev", "var_pop", "arg_max",
    "any_value", "first", "mode", "unnest", "error", "if", "ifnull", "extract", "cast", "try_cast", "sqrt",
    "concat",
)  # fmt: skip

# Other spellings of a token; some mean the same, some do not, some are refused.
RESPELLINGS = {
    "=": ("==", "<>", "=-", "IS NOT DISTINCT FROM", "LIKE", "<=>"),
    "<>": ("!=", "=", "IS DISTINCT FROM", "NOT LIKE"),
    "AS": ("", "as", "AS AS"),
    "IS": ("IS NOT", "NOT"),
    "NULL": ("UNKNOWN", "TRUE", "NAN", "NULL NULL"),
    "BETWEEN": ("BETWEEN ASYMMETRIC", "BETWEEN SYMMETRIC", "NOT BETWEEN"),
    "IN": ("NOT IN", "= ANY", "IN (1),"),
    "JOIN": (
        "LEFT JOIN",
        "RIGHT JOIN",
        "FULL JOIN",
        "CROSS JOIN",
        "SEMI JOIN",
        "ASOF JOIN",
        "NATURAL JOIN",
        "JOIN ONLY",
    ),
    "LEFT": ("RIGHT", "FULL", "INNER", "ANTI", "NATURAL LEFT"),
    "SELECT": (
        "SELECT ALL",
        "SELECT DISTINCT",
        "FROM",
        "SELECT *,",
        "SELECT 1,",
        "(SELECT",
        "WITH q AS (SELECT 1) SELECT",
    ),
    "FROM": ("FROM ONLY", ", 1 FROM", ", FROM", "FROM x:", "INTO x FROM"),
    "WHERE": ("WHERE NOT", "WHERE TRUE AND", "HAVING", "QUALIFY", "USING SAMPLE 1% WHERE"),
    "GROUP": ("ORDER", "GROUP BY ALL ORDER", "GROUP"),
    "BY": ("BY ALL,", "BY (1),", "BY ROLLUP", "BY 1,"),
    "HAVING": ("HAVING NOT", "QUALIFY", "HAVING TRUE AND"),
    "ASC": ("DESC", "USING <", "NULLS LAST"),
    "DESC": ("ASC", "DESC NULLS FIRST"),
    "LIMIT": ("OFFSET", "LIMIT 1 +", "LIMIT ALL", "LIMIT -"),
    "FIRST": ("NEXT", "LAST", "FIRST 1"),
    "FILTER": ("", "OVER", "WITHIN GROUP"),
    "DISTINCT": ("ALL", "", "DISTINCT DISTINCT"),
    "END": ("ELSE 0 END", "ELSE NULL END", "WHEN TRUE THEN 1 END"),
    "TRUE": ("'t'::BOOLEAN", "1", "NOT FALSE", "'true'"),
    "AND": ("OR", "AND NOT", ",", "&"),
    "OR": ("AND", "||", "OR NOT", "XOR"),
    "DATE": ("TIMESTAMP", "TIME", "TIMESTAMPTZ", "", "INTERVAL", "VARCHAR"),
    "*": ("", "**", "1", "/", "ALL *", "COLUMNS(*)"),
    "/": ("//", "%", "*", "^"),
    "//": ("/", "%", "<<"),
    "%": ("//", "%%", "-"),
    ",": (",,", " AS q,", ", *,", ";", ", 1,"),
    ")": (
        ",)",
        "))",
        ") FILTER (WHERE TRUE)",
        ") OVER ()",
        ")::INTEGER",
        ")::VARCHAR",
        ")[1]",
        ") IS NULL",
        ".x)",
    ),
    "(": ("((", "(DISTINCT ", "(ALL ", "(1,", "(-"),
    "BIGINT": ("INTEGER", "INT8", "SMALLINT", "VARCHAR", "DOUBLE", "BIGINT[]"),
    "INTEGER": ("INT", "TINYINT", "DATE", "HUGEINT", "UINTEGER"),
}


class Mutator:
    """Bends queries of a generator."""

    def __init__(self, chance: random.Random, generator: Generator) -> None:
        self.chance = chance
        self.generator = generator
        self.names = [c.name for t in generator.tables for c in t.columns.values()] + [
            t.name for t in generator.tables
        ]
        self.names += ["rowid", "filename", "missing"]
        self.known = {name.lower() for name in self.names}
        self.ways: tuple[Callable[[list[str]], list[str]], ...] = (
            self._swap, self._delete, self._double, self._insert, self._insert, self._noise, self._nest, self._splice,
            self._rename, self._rename, self._refunction, self._renumber, self._renumber, self._reliteral, self._reliteral,
            self._respell, self._respell, self._respell,
        )  # fmt: skip

    def mutated(self) -> str:
        """A query with one to four mutations."""
        tokens = TOKEN.findall(self.generator.query())
        for _ in range(self.chance.choice((1, 1, 1, 1, 1, 2, 2, 3, 4))):
            tokens = TOKEN.findall("".join(self.chance.choice(self.ways)(tokens))) or [" "]
        return "".join(tokens)

    def _at(self, tokens: list[str], pattern: str = r"\S") -> int:
        matches = re.compile(pattern).match
        places = [i for i, token in enumerate(tokens) if matches(token)]
        return self.chance.choice(places) if places else 0

    def _swap(self, tokens: list[str]) -> list[str]:
        i, j = self._at(tokens), self._at(tokens)
        tokens[i], tokens[j] = tokens[j], tokens[i]
        return tokens

    def _delete(self, tokens: list[str]) -> list[str]:
        i = self._at(tokens)
        return tokens[:i] + tokens[i + self.chance.choice((1, 1, 2, 4)) :]

    def _double(self, tokens: list[str]) -> list[str]:
        i = self._at(tokens)
        piece = tokens[i : i + self.chance.choice((1, 2, 5))]
        return tokens[:i] + piece + [" "] + piece + tokens[i + len(piece) :]

    def _insert(self, tokens: list[str]) -> list[str]:
        i = self._at(tokens, r"")
        return [*tokens[:i], " ", self.chance.choice(ATTACK_WORDS), " ", *tokens[i:]]

    def _rename(self, tokens: list[str]) -> list[str]:
        places = [i for i, token in enumerate(tokens) if token.strip('"').lower() in self.known]
        if places:
            tokens[self.chance.choice(places)] = self.chance.choice(self.names)
        return tokens

    def _refunction(self, tokens: list[str]) -> list[str]:
        places = [i for i in range(len(tokens) - 1) if tokens[i][0].isalpha() and tokens[i + 1] == "("]
        if places:
            tokens[self.chance.choice(places)] = self.chance.choice(FUNCTION_NAMES)
        return tokens

    def _renumber(self, tokens: list[str]) -> list[str]:
        i = self._at(tokens, r"\d")
        tokens[i] = self.chance.choice(NUMBER_CHANGES)
        return tokens

    def _reliteral(self, tokens: list[str]) -> list[str]:
        i = self._at(tokens, r"'")
        tokens[i] = self.chance.choice(
            (*STRINGS, *MOMENTS, *NUMBERS, "NULL", "TRUE", "'%Y-%m-%d'", "'hour'", "'2024-13-01'")
        )
        return tokens

    def _respell(self, tokens: list[str]) -> list[str]:
        places = [i for i, token in enumerate(tokens) if token.upper() in RESPELLINGS]
        if places:
            i = self.chance.choice(places)
            tokens[i] = self.chance.choice(RESPELLINGS[tokens[i].upper()])
        return tokens

    def _noise(self, tokens: list[str]) -> list[str]:
        text = "".join(tokens)
        i = self.chance.randrange(len(text) + 1)
        return list(text[:i] + self.chance.choice(CHARACTERS) + text[i + self.chance.choice((0, 1)) :])

    def _nest(self, tokens: list[str]) -> list[str]:
        i = self._at(tokens)
        j = min(len(tokens), i + self.chance.choice((1, 1, 3, 5, 9)))
        depth = self.chance.choice((1, 1, 2, 20, 60))
        before, after = self.chance.choice(
            (("(", ")"), ("(", ")"), ("floor(", ")"), ("NOT (", ")"), ("-(", ")"), ("[", "]"))
        )
        return [*tokens[:i], before * depth, *tokens[i:j], after * depth, *tokens[j:]]

    def _splice(self, tokens: list[str]) -> list[str]:
        other = TOKEN.findall(self.generator.query())
        return [*tokens[: self._at(tokens)], " ", *other[self._at(other) :]]
