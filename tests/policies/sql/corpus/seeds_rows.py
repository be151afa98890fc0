"""Attack seeds that try to carry a row value out through the select list: raw rows, aggregates, windows, arguments."""

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
        "extreme_aggregate",
        "AGGREGATE",
        """
        SELECT MIN({measure}) FROM {t}
        SELECT MAX({measure}) AS m FROM {t}
        SELECT {group}, MAX({measure}) FROM {t} GROUP BY {group}
        SELECT MIN({person}), COUNT(*) FROM {t}
        SELECT MAX({date}) FROM {t}
        SELECT max({measure}, 3) FROM {t}
        SELECT arg_max({person}, {measure}) FROM {t}
        SELECT arg_min({person}, {measure}) FROM {t}
        SELECT max_by({group}, {measure}) FROM {t}
        SELECT min_by({group}, {measure}) FROM {t}
        SELECT arg_max({person}, {measure}, 5) FROM {t}
        SELECT ROUND(MAX({measure}), 2) FROM {t}
        """,
    ),
    Family(
        "first_value_aggregate",
        "AGGREGATE",
        """
        SELECT any_value({measure}) FROM {t}
        SELECT first({measure}) FROM {t}
        SELECT last({person}) FROM {t}
        SELECT arbitrary({group}) FROM {t}
        SELECT {group}, any_value({person}) FROM {t} GROUP BY {group}
        SELECT first({person} ORDER BY {measure} DESC) FROM {t}
        """,
    ),
    Family(
        "collecting_aggregate",
        "AGGREGATE",
        """
        SELECT list({measure}) FROM {t}
        SELECT array_agg({person}) FROM {t}
        SELECT string_agg({group}, ',') FROM {t}
        SELECT group_concat({group}) FROM {t}
        SELECT listagg({group}, '|') FROM {t}
        SELECT histogram({measure}) FROM {t}
        SELECT histogram_exact({measure}, [1, 2, 3]) FROM {t}
        SELECT map_from_entries(list({group})) FROM {t}
        SELECT json_group_array({measure}) FROM {t}
        SELECT json_group_object({person}, {measure}) FROM {t}
        SELECT {group}, list({person} ORDER BY {date}) FROM {t} GROUP BY {group}
        """,
    ),
    Family(
        "order_statistic",
        "AGGREGATE",
        """
        SELECT median({measure}) FROM {t}
        SELECT mode({measure}) FROM {t}
        SELECT quantile({measure}, 0.999) FROM {t}
        SELECT quantile_cont({measure}, 0.5) FROM {t}
        SELECT quantile_disc({measure}, [0.1, 0.9]) FROM {t}
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY {measure}) FROM {t}
        SELECT percentile_disc(0.0) WITHIN GROUP (ORDER BY {measure}) FROM {t}
        SELECT mode() WITHIN GROUP (ORDER BY {person}) FROM {t}
        SELECT mad({measure}) FROM {t}
        SELECT reservoir_quantile({measure}, 0.5) FROM {t}
        """,
    ),
    Family(
        "approximate_aggregate",
        "AGGREGATE",
        """
        SELECT approx_count_distinct({person}) FROM {t}
        SELECT approx_quantile({measure}, 0.5) FROM {t}
        SELECT approx_top_k({group}, 3) FROM {t}
        """,
    ),
    Family(
        "other_aggregate",
        "AGGREGATE",
        """
        SELECT product({measure}) FROM {t}
        SELECT skewness({measure}) FROM {t}
        SELECT kurtosis({measure}) FROM {t}
        SELECT entropy({group}) FROM {t}
        SELECT bit_xor({num}) FROM {t}
        SELECT bit_and({num}) FROM {t}
        SELECT bool_or({flag}) FROM {t}
        SELECT bool_and({group} = {lit}) FROM {t}
        SELECT count_if({group} = {lit}) FROM {t}
        SELECT fsum({measure}) FROM {t}
        SELECT kahan_sum({measure}) FROM {t}
        SELECT favg({measure}) FROM {t}
        SELECT sem({measure}) FROM {t}
        SELECT mean({measure}) FROM {t}
        SELECT geomean({measure}) FROM {t}
        SELECT weighted_avg({measure}, {measure}) FROM {t}
        SELECT sumkahan({measure}) FROM {t}
        SELECT bitstring_agg({num}) FROM {t}
        """,
    ),
    Family(
        "regression_aggregate",
        "AGGREGATE",
        """
        SELECT corr({measure}, {measure}) FROM {t}
        SELECT covar_pop({measure}, {measure}) FROM {t}
        SELECT covar_samp({measure}, {num}) FROM {t}
        SELECT regr_slope({measure}, {measure}) FROM {t}
        SELECT regr_intercept({measure}, {num}) FROM {t}
        SELECT regr_r2({measure}, {num}) FROM {t}
        """,
    ),
    Family(
        "count_of_column",
        "AGGREGATE_ARGUMENT PERSON_COLUMN COLUMN_USE",
        """
        SELECT COUNT({measure}) FROM {t}
        SELECT COUNT({group}) FROM {t}
        SELECT COUNT({person}) FROM {t}
        SELECT COUNT({raw}) FROM {t}
        SELECT COUNT(2) FROM {t}
        SELECT COUNT(NULL) FROM {t}
        SELECT COUNT('x') FROM {t}
        SELECT COUNT({t}) FROM {t} | AGGREGATE_ARGUMENT UNKNOWN_COLUMN
        """,
    ),
    Family(
        "distinct_aggregate",
        "AGGREGATE_ARGUMENT COLUMN_USE",
        """
        SELECT COUNT(DISTINCT {group}) FROM {t}
        SELECT COUNT(DISTINCT {measure}) FROM {t}
        SELECT COUNT(DISTINCT {raw}) FROM {t}
        SELECT SUM(DISTINCT {measure}) FROM {t} | AGGREGATE_ARGUMENT AGGREGATE
        SELECT AVG(DISTINCT {measure}) FROM {t} | AGGREGATE_ARGUMENT AGGREGATE
        SELECT {group}, STDDEV(DISTINCT {measure}) FROM {t} GROUP BY {group} | AGGREGATE_ARGUMENT AGGREGATE
        SELECT COUNT(DISTINCT 1) FROM {t}
        """,
    ),
    Family(
        "ordered_aggregate",
        "AGGREGATE_ARGUMENT AGGREGATE ORDER_BY",
        """
        SELECT SUM({measure} ORDER BY {person}) FROM {t}
        SELECT AVG({measure} ORDER BY {measure} DESC) FROM {t}
        SELECT COUNT(DISTINCT {person} ORDER BY {person}) FROM {t}
        """,
    ),
    Family(
        "aggregate_argument_expression",
        "AGGREGATE_ARGUMENT FUNCTION",
        """
        SELECT SUM({measure} * {measure}) FROM {t}
        SELECT SUM({measure} * 1000000000) FROM {t}
        SELECT SUM({measure} + 1) FROM {t}
        SELECT AVG({measure} / 0) FROM {t}
        SELECT SUM(-{measure}) FROM {t}
        SELECT SUM(abs({measure})) FROM {t}
        SELECT SUM(pow({measure}, 9)) FROM {t}
        SELECT SUM(exp({measure})) FROM {t}
        SELECT SUM(ln({measure})) FROM {t}
        SELECT SUM(CAST({measure} AS INTEGER)) FROM {t}
        SELECT SUM({measure}::DOUBLE) FROM {t}
        SELECT SUM(TRY_CAST({raw} AS DOUBLE)) FROM {t}
        SELECT SUM(coalesce({measure}, 0)) FROM {t}
        SELECT SUM(nullif({measure}, 0)) FROM {t}
        SELECT SUM(hash({person})) FROM {t}
        SELECT SUM(length({raw})) FROM {t}
        SELECT SUM(floor({measure})) FROM {t}
        SELECT SUM(({measure} > 10)::INT) FROM {t}
        SELECT SUM(1) FROM {t}
        SELECT SUM(NULL) FROM {t}
        SELECT AVG(greatest({measure}, 1000)) FROM {t}
        SELECT SUM(unicode({group})) FROM {t}
        """,
    ),
    Family(
        "aggregate_of_wrong_column",
        "AGGREGATE_ARGUMENT COLUMN_USE PERSON_COLUMN",
        """
        SELECT SUM({person}) FROM {t}
        SELECT AVG({person}) FROM {t}
        SELECT SUM({group}) FROM {t}
        SELECT SUM({raw}) FROM {t}
        SELECT AVG({date}) FROM {t}
        SELECT VARIANCE({flag}) FROM {t}
        SELECT STDDEV({joincol}) FROM {t}
        """,
    ),
    Family(
        "measure_without_bounds",
        "NO_BOUNDS",
        """
        SELECT SUM({unbounded}) FROM {t}
        SELECT {group}, AVG({unbounded}) FROM {t} GROUP BY {group}
        SELECT STDDEV({unbounded}) FROM {t}
        SELECT SUM(CASE WHEN {group} = {lit} THEN {unbounded} ELSE 0 END) FROM {t}
        SELECT AVG({unbounded}) FILTER (WHERE {group} = {lit}) FROM {t}
        SELECT floor({unbounded}/100)*100 AS b, COUNT(*) FROM {t} GROUP BY b
        """,
    ),
    Family(
        "arithmetic_on_aggregates",
        "AGGREGATE_EXPRESSION",
        """
        SELECT SUM({measure}) / COUNT(*) FROM {t}
        SELECT SUM({measure}) - SUM({measure}) FROM {t}
        SELECT 100.0 * COUNT(*) FROM {t}
        SELECT COUNT(*) + 1 AS n FROM {t}
        SELECT -SUM({measure}) FROM {t}
        SELECT {group}, AVG({measure}) * 2 FROM {t} GROUP BY {group}
        SELECT ROUND(SUM({measure}) / COUNT(*), 2) FROM {t}
        SELECT SUM({measure}) > 100 FROM {t}
        SELECT COUNT(*) = 1 FROM {t}
        """,
    ),
    Family(
        "function_on_aggregate",
        "AGGREGATE_EXPRESSION FUNCTION",
        """
        SELECT CAST(SUM({measure}) AS INTEGER) FROM {t}
        SELECT SUM({measure})::VARCHAR FROM {t}
        SELECT coalesce(SUM({measure}), 0) FROM {t}
        SELECT sqrt(VAR_POP({measure})) FROM {t}
        SELECT floor(AVG({measure})) FROM {t}
        SELECT CASE WHEN COUNT(*) > 5 THEN 1 ELSE 0 END FROM {t}
        SELECT IF(COUNT(*) = 1, 'one', 'many') FROM {t}
        SELECT nullif(COUNT(*), 0) FROM {t}
        SELECT ROUND(AVG({measure}), -2) FROM {t}
        SELECT ROUND(AVG({measure}), 7) FROM {t}
        SELECT ROUND(AVG({measure}), 1 + 1) FROM {t}
        SELECT ROUND(ROUND(AVG({measure}), 2), 1) FROM {t}
        SELECT format('{}', COUNT(*)) FROM {t}
        SELECT COUNT(*) || '' FROM {t}
        SELECT AVG({measure}).round(2) FROM {t}
        SELECT SUM({measure}) IS NULL FROM {t}
        SELECT SUM({measure}) BETWEEN 1 AND 2 FROM {t}
        """,
    ),
    Family(
        "nested_aggregate",
        "AGGREGATE_ARGUMENT AGGREGATE_EXPRESSION",
        """
        SELECT SUM(COUNT(*)) FROM {t}
        SELECT AVG(SUM({measure})) FROM {t}
        SELECT COUNT(DISTINCT MAX({person})) FROM {t} | AGGREGATE_ARGUMENT AGGREGATE AGGREGATE_EXPRESSION
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
