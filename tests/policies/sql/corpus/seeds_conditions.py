"""Attack seeds on conditions: what is no predicate, what is no literal of the column's class, too many of them."""

from __future__ import annotations

from tests.policies.sql.corpus.seeds import Family

_IN_201 = ", ".join(str(n) for n in range(201))
_AND_101 = " AND ".join(f"{{num}} <> {n}" for n in range(101))
_OR_150 = " OR ".join(f"{{date}} = '2024-01-{n % 28 + 1:02d}'" for n in range(150))

FAMILIES = [
    Family(
        "column_against_column",
        "PREDICATE",
        """
        SELECT COUNT(*) FROM {t} WHERE {group} = {group}
        SELECT COUNT(*) FROM {t} WHERE {date} < {date}
        SELECT COUNT(*) FROM {t} WHERE {date} BETWEEN {date} AND '2024-01-01'
        SELECT COUNT(*) FROM {t} WHERE {date} IN ({date}, '2024-01-01')
        SELECT COUNT(*) FROM {t} WHERE '2024-01-01' BETWEEN {date} AND {date} | PREDICATE LITERAL
        SELECT COUNT(*) FROM {t} WHERE {lit} IN ({group}, 'x') | PREDICATE LITERAL
        SELECT COUNT(*) FROM {t} x JOIN {other} y ON x.{person} = y.{otherkey} WHERE x.{date} > y.z | PREDICATE UNKNOWN_COLUMN
        SELECT COUNT(*) FILTER (WHERE {date} = {date}) FROM {t} | PREDICATE CONDITION
        """,
    ),
    Family(
        "constant_predicate",
        "PREDICATE LITERAL",
        """
        SELECT COUNT(*) FROM {t} WHERE TRUE
        SELECT COUNT(*) FROM {t} WHERE 1 = 1
        SELECT COUNT(*) FROM {t} WHERE 1
        SELECT COUNT(*) FROM {t} WHERE NULL
        SELECT COUNT(*) FROM {t} WHERE 'a' = 'a'
        SELECT COUNT(*) FROM {t} WHERE NOT FALSE
        SELECT COUNT(*) FROM {t} WHERE 1 IN (1, 2)
        SELECT COUNT(*) FROM {t} WHERE 5 BETWEEN 1 AND 10
        SELECT COUNT(*) FROM {t} WHERE NULL IS NULL
        SELECT COUNT(*) FROM {t} WHERE {group} = {lit} OR 1 = 1
        SELECT COUNT(*) FROM {t} WHERE {flag} AND TRUE
        """,
    ),
    Family(
        "pattern_predicate",
        "PREDICATE FUNCTION",
        """
        SELECT COUNT(*) FROM {t} WHERE {group} LIKE 'a%'
        SELECT COUNT(*) FROM {t} WHERE {group} NOT LIKE '%b%'
        SELECT COUNT(*) FROM {t} WHERE {group} ILIKE 'A%'
        SELECT COUNT(*) FROM {t} WHERE {group} GLOB 'a*'
        SELECT COUNT(*) FROM {t} WHERE {group} SIMILAR TO 'a.*'
        SELECT COUNT(*) FROM {t} WHERE {group} ~ 'a.*'
        SELECT COUNT(*) FROM {t} WHERE {group} !~ 'a'
        SELECT COUNT(*) FROM {t} WHERE {group} ^@ 'a'
        SELECT COUNT(*) FROM {t} WHERE {group} ~~ 'a%'
        SELECT COUNT(*) FROM {t} WHERE regexp_matches({group}, '(a+)+b')
        SELECT COUNT(*) FROM {t} WHERE starts_with({group}, 'a')
        SELECT COUNT(*) FROM {t} WHERE contains({group}, 'a')
        SELECT COUNT(*) FROM {t} WHERE {group} LIKE 'a\\%' ESCAPE '\\'
        """,
    ),
    Family(
        "other_predicate",
        "PREDICATE FUNCTION LITERAL",
        """
        SELECT COUNT(*) FROM {t} WHERE {group} IS DISTINCT FROM {lit}
        SELECT COUNT(*) FROM {t} WHERE {group} IS NOT DISTINCT FROM {lit}
        SELECT COUNT(*) FROM {t} WHERE {flag} IS TRUE
        SELECT COUNT(*) FROM {t} WHERE {flag} IS NOT FALSE
        SELECT COUNT(*) FROM {t} WHERE {group} = NULL
        SELECT COUNT(*) FROM {t} WHERE ({group}, {date}) = ({lit}, '2024-01-01')
        SELECT COUNT(*) FROM {t} WHERE {group} IN [{lit}]
        SELECT COUNT(*) FROM {t} WHERE {group} = ANY([{lit}])
        SELECT COUNT(*) FROM {t} WHERE list_contains(['a'], {group})
        SELECT COUNT(*) FROM {t} WHERE CASE WHEN {group} = {lit} THEN TRUE ELSE FALSE END
        SELECT COUNT(*) FROM {t} WHERE coalesce({group}, 'x') = {lit}
        SELECT COUNT(*) FROM {t} WHERE CASE {group} WHEN {lit} THEN 1 ELSE 0 END = 1
        SELECT COUNT(*) FROM {t} WHERE ({group} = {lit}) = TRUE
        SELECT COUNT(*) FROM {t} WHERE ({group} = {lit}) IS NULL
        SELECT COUNT(*) FROM {t} WHERE {group} = {lit} COLLATE NOCASE
        SELECT COUNT(*) FROM {t} WHERE {group} COLLATE NOCASE = {lit}
        SELECT COUNT(*) FROM {t} WHERE xor({flag}, TRUE)
        """,
        tables=4,
    ),
    Family(
        "not_boolean_condition",
        "PREDICATE LITERAL",
        """
        SELECT COUNT(*) FROM {t} WHERE {group}
        SELECT COUNT(*) FROM {t} WHERE {num}
        SELECT COUNT(*) FROM {t} WHERE NOT {date}
        SELECT COUNT(*) FROM {t} WHERE {group} AND {flag}
        SELECT COUNT(*) FROM {t} WHERE year({date})
        SELECT COUNT(*) FILTER (WHERE {group}) FROM {t} | PREDICATE LITERAL CONDITION
        """,
    ),
    Family(
        "literal_of_another_class",
        "LITERAL",
        """
        SELECT COUNT(*) FROM {t} WHERE {group} = 5
        SELECT COUNT(*) FROM {t} WHERE {group} > -1
        SELECT COUNT(*) FROM {t} WHERE {group} = TRUE
        SELECT COUNT(*) FROM {t} WHERE {group} = DATE '2024-01-01'
        SELECT COUNT(*) FROM {t} WHERE {num} = '5'
        SELECT COUNT(*) FROM {t} WHERE {num} = TRUE
        SELECT COUNT(*) FROM {t} WHERE {num} BETWEEN 1 AND '9'
        SELECT COUNT(*) FROM {t} WHERE {date} = 20240101
        SELECT COUNT(*) FROM {t} WHERE {date} > 'yesterday'
        SELECT COUNT(*) FROM {t} WHERE {date} = 'garbage'
        SELECT COUNT(*) FROM {t} WHERE {date} = '2024-13-45'
        SELECT COUNT(*) FROM {t} WHERE {date} = DATE 'garbage'
        SELECT COUNT(*) FROM {t} WHERE {flag} = 1
        SELECT COUNT(*) FROM {t} WHERE {flag} = 'yes'
        SELECT COUNT(*) FROM {t} WHERE {group} IN ('a', 1)
        SELECT COUNT(*) FROM {t} WHERE {num} IN (1, 'b')
        SELECT COUNT(*) FROM {t} WHERE {group} = NULL | LITERAL PREDICATE
        SELECT COUNT(*) FROM {t} WHERE {group} IN ('a', NULL) | LITERAL PREDICATE
        SELECT COUNT(*) FROM {t} WHERE year({date}) = '2024'
        SELECT coalesce({group}, 0) AS k, COUNT(*) FROM {t} GROUP BY k | LITERAL GROUP_KEY
        SELECT coalesce({num}, 'none') AS k, COUNT(*) FROM {t} GROUP BY k | LITERAL GROUP_KEY
        SELECT COUNT(*) FROM {t} WHERE {group} = 'x'::BLOB | LITERAL FUNCTION PREDICATE
        SELECT COUNT(*) FROM {t} WHERE {group} = X'41' | LITERAL FUNCTION PREDICATE
        SELECT COUNT(*) FROM {t} WHERE {date} > INTERVAL 5 DAY | LITERAL FUNCTION PREDICATE
        SELECT COUNT(*) FROM {t} WHERE {date} > TIME '10:00:00' | LITERAL FUNCTION PREDICATE
        """,
        tables=4,
    ),
    Family(
        "parameter",
        "LITERAL",
        """
        SELECT COUNT(*) FROM {t} WHERE {group} = ?
        SELECT COUNT(*) FROM {t} WHERE {group} = $1
        SELECT COUNT(*) FROM {t} WHERE {group} = $name
        SELECT COUNT(*) FROM {t} LIMIT ? | LITERAL LIMIT
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} HAVING COUNT(DISTINCT {person}) > ? | LITERAL HAVING
        SELECT COUNT(?) FROM {t} | LITERAL AGGREGATE_ARGUMENT
        SELECT ?, COUNT(*) FROM {t} | LITERAL RAW_COLUMN FUNCTION GROUP_KEY NO_AGGREGATE
        """,
    ),
    Family(
        "too_many_comparisons",
        "TOO_DEEP",
        f"""
        SELECT COUNT(*) FROM {{t}} WHERE {{num}} IN ({_IN_201})
        SELECT COUNT(*) FROM {{t}} WHERE {{num}} NOT IN ({_IN_201})
        SELECT COUNT(*) FROM {{t}} WHERE {_AND_101}
        SELECT COUNT(*) FROM {{t}} WHERE {_OR_150}
        """,
        tables=7,
    ),
]
