"""Attack seeds on the text itself: code points, comments, sizes, nesting, odd spellings."""

from __future__ import annotations

from tests.policies.sql.corpus.seeds import Family

_DEEP = "(" * 51 + "{group} = {lit}" + ")" * 51
_NOTS = "NOT " * 60
_CASES = "CASE WHEN {flag} THEN " * 55 + "1" + " END" * 55
_FLOORS = "floor(" * 60 + "{num}" + ")" * 60

_LONG = "x" * 8200
_WIDE = "福" * 2800

FAMILIES = [
    Family(
        "comment",
        "COMMENT",
        """
        SELECT COUNT(*) FROM {t} -- trailing
        SELECT COUNT(*) /* inside */ FROM {t}
        SELECT COUNT(*) FROM {t} WHERE {group} = 'a--b'
        SELECT COUNT(*) FROM {t} WHERE {group} = '/*'
        SELECT COUNT(*) FROM {t} WHERE {group} = '*/'
        SELECT COUNT(*) AS "a--b" FROM {t}
        SELECT COUNT(*)--\\n, {person} FROM {t}
        /* SELECT 1 */ SELECT COUNT(*) FROM {t}
        -- x\\nSELECT COUNT(*) FROM {t}
        SELECT COUNT(*) FROM {t} WHERE {num} = 5--1
        SELECT COUNT(*) FROM {t} /*
        SELECT COUNT(*) FROM {t} WHERE {group} = $$--$$
        """,
    ),
    Family(
        "zero_width_and_control",
        "BAD_CHARACTER",
        """
        SELECT\u200b COUNT(*) FROM {t}
        SELECT COUNT(*) FROM {t}\ufeff
        \ufeffSELECT COUNT(*) FROM {t}
        SELECT COUNT(*) FROM {t} WHERE {group} = 'a\u200d'
        SELECT\u00a0COUNT(*) FROM {t}
        SELECT\u3000COUNT(*) FROM {t}
        SELECT COUNT(*)\x00 FROM {t}
        SELECT COUNT(*) FROM {t}\x0c
        SELECT COUNT(*)\x0b FROM {t}
        SELECT COUNT(*) FROM {t}\x1f
        SELECT COUNT(*) FROM {t} WHERE {group} = '\u202e'
        SELECT COUNT(*) FROM {t}\x7f
        SELECT COUNT(*) FROM {t}\x85
        SELECT COUNT(*) FROM {t}\u2028
        SELECT COUNT(*) AS n\u00ad FROM {t}
        SELECT COUNT(*) FROM {t} WHERE {group} = '\ue000'
        SELECT COUNT(*) FROM {t} WHERE {group} = '\U000e0041'
        """,
        tables=3,
    ),
    Family(
        "look_alike_letters",
        "BAD_CHARACTER",
        """
        \uff33\uff25\uff2c\uff25\uff23\uff34 COUNT(*) FROM {t}
        SELECT COUNT(*) FROM {t} WHERE {group} \uff1d 'a'
        SELECT \u0421OUNT(*) FROM {t}
        SELECT COUNT(*) FROM {t} WHERE {group} = 'caf\u00e9'
        SELECT COUNT(*) AS \u03b1 FROM {t}
        SELECT COUNT(*) FROM {t} WHERE {group} = '\u0627'
        SELECT COUNT(*) FROM {t} WHERE {group} = '\U0001f600'
        SELECT COUNT(*) FROM {t} WHERE {group} = '\u30ab'
        SELECT COUNT(*) FROM {t} WHERE {num} = \uff15
        SELECT COUNT(*) AS "\uff1dcmd" FROM {t}
        SELECT COUNT(*) FROM {t} WHERE {group} = \u2018a\u2019
        SELECT COUNT(*) FROM {t} WHERE {group} = '\U00020000'
        SELECT \u212aIND, COUNT(*) FROM {t} GROUP BY ALL
        SELECT COUNT(*) AS \u017fum FROM {t}
        SELECT COUNT(*) FROM {t} WHERE {group} = 'e\u0301'
        """,
        tables=3,
    ),
    Family(
        "chinese_marks_outside_literals",
        "SYNTAX UNKNOWN_COLUMN UNKNOWN_TABLE FUNCTION AGGREGATE NO_AGGREGATE RAW_COLUMN PREDICATE NOT_A_SELECT",
        """
        SELECT COUNT（*） FROM {t}
        SELECT COUNT(*) FROM {t}；
        SELECT COUNT(*)， {group} FROM {t}
        SELECT COUNT(*) FROM {t} WHERE {group} = “a”
        SELECT COUNT(*) FROM {t}。
        SELECT {t}·{group}, COUNT(*) FROM {t} GROUP BY ALL
        SELECT COUNT(*) FROM {t} WHERE {num} — 5 = 1
        """,
    ),
    Family(
        "too_long",
        "TOO_LONG",
        f"""
        SELECT COUNT(*) FROM {{t}} WHERE {{group}} = '{_LONG}'
        SELECT COUNT(*) FROM {{t}} WHERE {{group}} = '{_WIDE}'
        SELECT COUNT(*){" " * 8200}FROM {{t}}
        {"SELECT COUNT(*) FROM {t} WHERE {group} = {lit} UNION " * 200}SELECT 1
        """,
    ),
    Family(
        "too_deep",
        "TOO_DEEP",
        f"""
        SELECT COUNT(*) FROM {{t}} WHERE {_DEEP}
        SELECT COUNT(*) FROM {{t}} WHERE {_NOTS}{{flag}}
        SELECT COUNT(*) FROM {{t}} WHERE {"(" * 3000}{{flag}}{")" * 3000}
        SELECT COUNT(*) FROM {{t}} WHERE {{num}} = {"[" * 60}1{"]" * 60}
        SELECT {_CASES} AS k, COUNT(*) FROM {{t}} GROUP BY k
        SELECT {_FLOORS} AS k, COUNT(*) FROM {{t}} GROUP BY k
        SELECT COUNT(*) FROM {{t}} WHERE {{num}} = {"-(" * 60}1{")" * 60}
        SELECT COUNT(*) FROM {{t}} WHERE {"NOT (" * 51}{{flag}}{")" * 51}
        SELECT {"(" * 52}{{group}}{")" * 52}, COUNT(*) FROM {{t}} GROUP BY ALL
        """,
        tables=4,
    ),
    Family(
        "single_quoted_name",
        "UNKNOWN_TABLE ALIAS SYNTAX LITERAL UNKNOWN_COLUMN QUALIFIED_NAME",
        """
        SELECT COUNT(*) FROM '{t}'
        SELECT COUNT(*) AS 'n' FROM {t}
        SELECT COUNT(*) FROM {t} AS 'x'
        """,
    ),
    Family(
        "point_number_for_integer",
        "LIMIT HAVING GROUP_KEY ORDER_BY FUNCTION AGGREGATE_ARGUMENT AGGREGATE_EXPRESSION RAW_COLUMN",
        """
        SELECT COUNT(*) FROM {t} LIMIT 7. | LIMIT
        SELECT COUNT(*) FROM {t} FETCH FIRST 7. ROWS ONLY | LIMIT
        SELECT COUNT(*) FROM {t} HAVING COUNT(DISTINCT {person}) > 5. | HAVING
        SELECT {group}, COUNT(*) FROM {t} GROUP BY 1.
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} ORDER BY 1.
        SELECT left({group}, 2.) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT COUNT(1.) FROM {t}
        SELECT ROUND(AVG({measure}), 2.) FROM {t}
        """,
    ),
]
