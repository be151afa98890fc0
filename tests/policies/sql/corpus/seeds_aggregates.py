"""Attack seeds on aggregates: those that hand out values, arguments that are no bare column, arithmetic around them."""

from __future__ import annotations

from tests.policies.sql.corpus.seeds import Family

FAMILIES = [
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
]
