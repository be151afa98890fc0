"""Attack seeds that carry rows out as they are: raw columns, stars, windows, whole rows, packed values."""

from __future__ import annotations

from tests.policies.sql.corpus.seeds import Family

FAMILIES = [
    Family(
        "raw_rows",
        "RAW_COLUMN NO_AGGREGATE COLUMN_USE GROUP_KEY",
        """
        SELECT {group} FROM {t}
        SELECT {group}, {measure} FROM {t}
        SELECT {measure} FROM {t} WHERE {group} = {lit} LIMIT 1
        SELECT {date}, {measure}, COUNT(*) FROM {t} GROUP BY {date}
        SELECT {measure}, COUNT(*) FROM {t} GROUP BY {measure}
        SELECT {group}, {measure}, COUNT(*) FROM {t} GROUP BY ALL
        SELECT {raw}, COUNT(*) FROM {t} GROUP BY {raw}
        SELECT {raw}, COUNT(*) AS n FROM {t} GROUP BY 1
        SELECT {group}, COUNT(*) FROM {t}
        SELECT COUNT(*), {group} FROM {t}
        """,
    ),
    Family(
        "star",
        "STAR",
        """
        SELECT * FROM {t}
        SELECT *, COUNT(*) FROM {t} GROUP BY ALL
        SELECT {t}.* FROM {t}
        SELECT x.* FROM {t} AS x
        SELECT COUNT(*), {t}.* FROM {t}
        SELECT SUM(*) FROM {t} | STAR AGGREGATE_ARGUMENT SYNTAX
        SELECT COUNT(DISTINCT *) FROM {t} | STAR AGGREGATE_ARGUMENT SYNTAX
        """,
    ),
    Family(
        "star_exclude_replace",
        "STAR SYNTAX",
        """
        SELECT * EXCLUDE ({person}) FROM {t}
        SELECT * REPLACE (1 AS {group}) FROM {t}
        SELECT * RENAME ({group} AS g) FROM {t}
        SELECT * LIKE '%' FROM {t}
        SELECT * SIMILAR TO '.*' FROM {t}
        """,
    ),
    Family(
        "columns_expression",
        "STAR",
        """
        SELECT COLUMNS(*) FROM {t}
        SELECT COLUMNS('.*') FROM {t}
        SELECT SUM(COLUMNS(*)) FROM {t}
        SELECT MIN(COLUMNS('{measure}')) FROM {t}
        SELECT COUNT(*) FROM {t} WHERE COLUMNS('{group}') = {lit}
        SELECT coalesce(*COLUMNS(*)) FROM {t}
        SELECT COLUMNS(c -> c = '{measure}') FROM {t}
        """,
    ),
    Family(
        "window_function",
        "WINDOW",
        """
        SELECT COUNT(*) OVER () FROM {t}
        SELECT SUM({measure}) OVER (ORDER BY {date}) FROM {t}
        SELECT row_number() OVER (ORDER BY {measure}) FROM {t}
        SELECT {group}, rank() OVER (PARTITION BY {group} ORDER BY {measure}) FROM {t}
        SELECT lag({measure}) OVER (ORDER BY {date}) FROM {t}
        SELECT lead({person}) OVER (ORDER BY {date}) FROM {t}
        SELECT first_value({measure}) OVER (PARTITION BY {person}) FROM {t}
        SELECT nth_value({measure}, 2) OVER (ORDER BY {measure} DESC) FROM {t}
        SELECT ntile(4) OVER (ORDER BY {measure}) FROM {t}
        SELECT SUM(SUM({measure})) OVER () FROM {t} GROUP BY {group}
        SELECT COUNT(*) OVER w FROM {t} WINDOW w AS (PARTITION BY {group})
        SELECT AVG({measure}) OVER (ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM {t}
        SELECT COUNT(*), fill({measure}) OVER (ORDER BY {date}) FROM {t}
        """,
    ),
    Family(
        "qualify",
        "WINDOW",
        """
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} QUALIFY row_number() OVER (ORDER BY COUNT(*)) = 1
        SELECT {group} FROM {t} QUALIFY rank() OVER (ORDER BY {measure}) = 1
        SELECT COUNT(*) FROM {t} QUALIFY COUNT(*) OVER () = 1
        """,
    ),
    Family(
        "select_distinct",
        "NO_AGGREGATE",
        """
        SELECT DISTINCT {group} FROM {t}
        SELECT DISTINCT {person} FROM {t}
        SELECT DISTINCT COUNT(*) FROM {t}
        SELECT DISTINCT ON ({person}) {measure} FROM {t}
        SELECT DISTINCT ON ({group}) {group}, COUNT(*) FROM {t} GROUP BY {group}
        """,
    ),
    Family(
        "no_aggregate",
        "NO_AGGREGATE",
        """
        SELECT {group} FROM {t} GROUP BY {group}
        SELECT {group}, {date} FROM {t} GROUP BY ALL
        SELECT floor({num}/10)*10 AS b FROM {t} GROUP BY b
        SELECT {group} FROM {t} GROUP BY {group} HAVING COUNT(DISTINCT {person}) = 1
        """,
    ),
    Family(
        "constant_item",
        "RAW_COLUMN FUNCTION GROUP_KEY LITERAL NO_AGGREGATE",
        """
        SELECT 1 FROM {t}
        SELECT 'x', COUNT(*) FROM {t}
        SELECT COUNT(*), NULL FROM {t}
        SELECT 1 AS one, COUNT(*) FROM {t} GROUP BY one
        SELECT TRUE, COUNT(*) FROM {t} GROUP BY ALL
        SELECT DATE '2024-01-01', COUNT(*) FROM {t}
        SELECT COUNT(*), 1 + 1 FROM {t}
        """,
    ),
    Family(
        "whole_row",
        "UNKNOWN_COLUMN FUNCTION AGGREGATE AGGREGATE_ARGUMENT RAW_COLUMN",
        """
        SELECT {t} FROM {t}
        SELECT x FROM {t} AS x
        SELECT x, COUNT(*) FROM {t} AS x GROUP BY x
        SELECT COUNT(DISTINCT x) FROM {t} x
        SELECT list({t}) FROM {t}
        SELECT to_json({t}) FROM {t}
        SELECT x::VARCHAR, COUNT(*) FROM {t} x GROUP BY ALL
        SELECT hash(x), COUNT(*) FROM {t} x GROUP BY ALL
        """,
    ),
    Family(
        "positional_reference",
        "UNKNOWN_COLUMN",
        """
        SELECT #1 FROM {t}
        SELECT #1, COUNT(*) FROM {t} GROUP BY ALL
        SELECT SUM(#2) FROM {t}
        SELECT COUNT(*) FROM {t} WHERE #1 = {lit}
        SELECT {group}, COUNT(*) FROM {t} GROUP BY #1
        """,
    ),
    Family(
        "pseudo_column",
        "UNKNOWN_COLUMN",
        """
        SELECT rowid, COUNT(*) FROM {t} GROUP BY rowid
        SELECT COUNT(*) FROM {t} WHERE rowid = 0
        SELECT COUNT(*) FROM {t} WHERE rowid < 100
        SELECT SUM(rowid) FROM {t}
        SELECT {t}.rowid, COUNT(*) FROM {t} GROUP BY ALL
        SELECT COUNT(DISTINCT rowid) FROM {t}
        SELECT filename, COUNT(*) FROM {t} GROUP BY filename
        SELECT file_row_number, COUNT(*) FROM {t} GROUP BY ALL
        SELECT COUNT(*) FROM {t} WHERE "rowid" BETWEEN 1 AND 2
        """,
    ),
    Family(
        "packing",
        "FUNCTION AGGREGATE AGGREGATE_ARGUMENT RAW_COLUMN GROUP_KEY",
        """
        SELECT struct_pack(a := {group}, b := {measure}), COUNT(*) FROM {t} GROUP BY ALL
        SELECT row({group}, {measure}), COUNT(*) FROM {t} GROUP BY ALL
        SELECT ({group}, {person}), COUNT(*) FROM {t} GROUP BY ALL
        SELECT {'k': {person}}, COUNT(*) FROM {t} GROUP BY ALL
        SELECT [{group}, {person}], COUNT(*) FROM {t} GROUP BY ALL
        SELECT MAP {'a': {measure}}, COUNT(*) FROM {t} GROUP BY ALL
        SELECT list_value({measure}), COUNT(*) FROM {t} GROUP BY ALL
        SELECT array_value({measure}, 1), COUNT(*) FROM {t} GROUP BY 1
        SELECT concat({group}, {person}), COUNT(*) FROM {t} GROUP BY ALL
        SELECT {group} || {person}, COUNT(*) FROM {t} GROUP BY 1
        """,
    ),
]
