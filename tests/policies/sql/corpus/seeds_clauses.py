"""Attack seeds on the closing clauses and on names: HAVING, ORDER BY, LIMIT, aliases."""

from __future__ import annotations

from tests.policies.sql.corpus.seeds import Family

FAMILIES = [
    Family(
        "having_probe",
        "HAVING",
        """
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} HAVING COUNT(*) = 1
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} HAVING COUNT(*) > 10
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} HAVING SUM({measure}) > 1000
        SELECT {group}, AVG({measure}) AS a FROM {t} GROUP BY {group} HAVING a > 1000
        SELECT {group}, COUNT(*) AS n FROM {t} GROUP BY {group} HAVING n >= 10
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} HAVING COUNT(DISTINCT {person}) = 1
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} HAVING COUNT(DISTINCT {person}) < 5
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} HAVING COUNT(DISTINCT {person}) <= 5
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} HAVING COUNT(DISTINCT {person}) <> 5
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} HAVING NOT COUNT(DISTINCT {person}) >= 5
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} HAVING COUNT(DISTINCT {person}) BETWEEN 1 AND 2
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} HAVING COUNT(DISTINCT {person}) IN (1)
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} HAVING COUNT(DISTINCT {person}) >= 5 AND COUNT(*) > 5
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} HAVING COUNT(DISTINCT {person}) >= 5 OR {group} = {lit}
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} HAVING {group} = {lit}
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} HAVING MAX({measure}) > 5 | HAVING AGGREGATE
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} HAVING TRUE
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} HAVING COUNT(DISTINCT {person}) >= 5.5
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} HAVING COUNT(DISTINCT {person}) > COUNT(*)
        SELECT COUNT(*) FROM {t} HAVING COUNT(DISTINCT {group}) > 5 | HAVING AGGREGATE_ARGUMENT COLUMN_USE
        """,
        tables=4,
    ),
    Family(
        "order_by_other_than_output",
        "ORDER_BY",
        """
        SELECT COUNT(*) FROM {t} ORDER BY {measure} | ORDER_BY COLUMN_USE
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} ORDER BY {date}
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} ORDER BY SUM({measure})
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} ORDER BY MAX({measure}) | ORDER_BY AGGREGATE
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} ORDER BY 3
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} ORDER BY 0
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} ORDER BY -1
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} ORDER BY COUNT(*) + 1
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} ORDER BY random() | ORDER_BY FUNCTION
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} ORDER BY ALL
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} ORDER BY {group} COLLATE NOCASE
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} ORDER BY length({group}) | ORDER_BY FUNCTION
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} ORDER BY CASE WHEN COUNT(*) > 5 THEN 1 ELSE 0 END
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} ORDER BY TRUE
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} ORDER BY missing | ORDER_BY UNKNOWN_COLUMN
        """,
        tables=4,
    ),
    Family(
        "limit_trick",
        "LIMIT",
        """
        SELECT COUNT(*) FROM {t} LIMIT 0
        SELECT COUNT(*) FROM {t} LIMIT 501
        SELECT COUNT(*) FROM {t} LIMIT 1000000
        SELECT COUNT(*) FROM {t} LIMIT -1
        SELECT COUNT(*) FROM {t} LIMIT 10.5
        SELECT COUNT(*) FROM {t} LIMIT 10%
        SELECT COUNT(*) FROM {t} LIMIT 5 OFFSET 1
        SELECT COUNT(*) FROM {t} LIMIT 5 OFFSET 0
        SELECT COUNT(*) FROM {t} OFFSET 1
        SELECT COUNT(*) FROM {t} LIMIT 1 + 1
        SELECT COUNT(*) FROM {t} LIMIT NULL
        SELECT COUNT(*) FROM {t} LIMIT '5'
        SELECT COUNT(*) FROM {t} LIMIT 5::INTEGER
        SELECT COUNT(*) FROM {t} LIMIT COUNT(*)
        SELECT COUNT(*) FROM {t} LIMIT 1e2
        SELECT COUNT(*) FROM {t} LIMIT 99999999999999999999999
        SELECT COUNT(*) FROM {t} OFFSET 1 ROWS FETCH FIRST 5 ROWS ONLY
        SELECT COUNT(*) FROM {t} FETCH FIRST 501 ROWS ONLY
        SELECT COUNT(*) FROM {t} LIMIT random()
        """,
        tables=4,
    ),
    Family(
        "alias_abuse",
        "ALIAS",
        """
        SELECT COUNT(*) AS {group} FROM {t}
        SELECT {group} AS {date}, COUNT(*) FROM {t} GROUP BY ALL
        SELECT date_trunc('month', {date}) AS {date}, COUNT(*) FROM {t} GROUP BY {date}
        SELECT SUM({measure}) AS {person} FROM {t}
        SELECT COUNT(*) AS {measure} FROM {t}
        SELECT COUNT(*) AS __n FROM {t}
        SELECT COUNT(*) AS __persons FROM {t}
        SELECT COUNT(*) AS "=1+1" FROM {t}
        SELECT COUNT(*) AS "=HYPERLINK(""http://x"")" FROM {t}
        SELECT COUNT(*) AS "+1" FROM {t}
        SELECT COUNT(*) AS "-1" FROM {t}
        SELECT COUNT(*) AS "@SUM(1)" FROM {t}
        SELECT COUNT(*) AS " n" FROM {t}
        SELECT COUNT(*) AS "a""b" FROM {t}
        SELECT COUNT(*) AS "a'b" FROM {t}
        SELECT COUNT(*) AS "a;b" FROM {t}
        SELECT COUNT(*) AS "a,b" FROM {t}
        SELECT COUNT(*) AS "<script>" FROM {t}
        SELECT COUNT(*) AS "a|b" FROM {t}
        SELECT COUNT(*) AS "a\\nb" FROM {t}
        SELECT COUNT(*) AS "\\tn" FROM {t}
        SELECT COUNT(*) AS "" FROM {t} | ALIAS SYNTAX
        SELECT COUNT(*) AS n, COUNT(*) AS n FROM {t}
        SELECT COUNT(*) AS n, SUM({measure}) AS N FROM {t}
        SELECT COUNT(*) AS aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa FROM {t}
        SELECT COUNT(*) AS "${jndi}" FROM {t}
        SELECT COUNT(*) AS "a$b" FROM {t}
        SELECT COUNT(*) AS "a[0]" FROM {t}
        SELECT COUNT(*) AS "%s{0}" FROM {t}
        SELECT COUNT(*) AS "\\\\x" FROM {t}
        """,
        tables=4,
    ),
    Family(
        "table_alias_abuse",
        "ALIAS",
        """
        SELECT COUNT(*) FROM {t} AS {other}
        SELECT COUNT(*) FROM {t} {other}
        SELECT COUNT(*) FROM {t} AS {other} JOIN {other} AS {t} ON {other}.{person} = {t}.{otherkey} | ALIAS SYNTAX UNKNOWN_COLUMN
        SELECT COUNT(*) FROM {t} AS x(a, b)
        SELECT a, COUNT(*) FROM {t} AS x(a) GROUP BY a | ALIAS UNKNOWN_COLUMN
        SELECT x.a, COUNT(*) FROM {t} x(a, b, c) GROUP BY ALL | ALIAS UNKNOWN_COLUMN
        SELECT COUNT(*) FROM {t} AS __t
        SELECT COUNT(*) FROM {t} AS "a""b"
        SELECT COUNT(*) FROM {t} x JOIN {other} x ON x.{person} = x.{otherkey} | ALIAS UNKNOWN_COLUMN JOIN_CONDITION SYNTAX SELF_JOIN
        """,  # noqa: E501  # one seed a line
        tables=10,
    ),
]
