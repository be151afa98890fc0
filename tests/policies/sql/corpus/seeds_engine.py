"""Attack seeds on the engine: error oracles, resource bombs, session state, functions and casts of every kind."""

from __future__ import annotations

from tests.policies.sql.corpus.seeds import Family

FAMILIES = [
    Family(
        "error_oracle",
        "FUNCTION PREDICATE AGGREGATE_ARGUMENT CONDITION GROUP_KEY",
        """
        SELECT COUNT(*) FROM {t} WHERE error({group}) = 1
        SELECT COUNT(*) FROM {t} WHERE error({person}::VARCHAR) IS NULL
        SELECT error({measure}::VARCHAR), COUNT(*) FROM {t} GROUP BY ALL
        SELECT COUNT(*) FROM {t} WHERE CASE WHEN {group} = {lit} THEN error('hit') ELSE TRUE END
        SELECT COUNT(*) FROM {t} WHERE TRY({group}::INT) = 5
        SELECT COUNT(*) FROM {t} WHERE {group}::INTEGER = 5
        SELECT COUNT(*) FROM {t} WHERE CAST({group} AS DATE) = DATE '2024-01-01'
        SELECT COUNT(*) FROM {t} WHERE TRY_CAST({group} AS INTEGER) IS NOT NULL
        SELECT SUM(CASE WHEN {group} = {lit} THEN CAST({raw} AS INTEGER) ELSE 0 END) FROM {t}
        SELECT COUNT(*) FROM {t} WHERE {date}::VARCHAR::INT = 1
        SELECT COUNT(*) FROM {t} WHERE ({group} || {person})::INTEGER = 1
        SELECT COUNT(*) FROM {t} WHERE strptime({group}, '%Y') IS NULL
        SELECT COUNT(*) FROM {t} WHERE json_extract({group}, '$.a') = 1
        SELECT COUNT(*) FROM {t} WHERE {group}::UUID IS NULL
        """,
        tables=4,
    ),
    Family(
        "division_oracle",
        "FUNCTION PREDICATE GROUP_KEY AGGREGATE_ARGUMENT",
        """
        SELECT COUNT(*) FROM {t} WHERE 1 / {num} > 0
        SELECT COUNT(*) FROM {t} WHERE {num} / 0 = 1
        SELECT COUNT(*) FROM {t} WHERE {num} % 0 = 1
        SELECT COUNT(*) FROM {t} WHERE {num} // 0 = 1
        SELECT COUNT(*) FROM {t} WHERE 1 // {num} = 1
        SELECT 1 / {num} AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT AVG(1 / {measure}) FROM {t}
        SELECT COUNT(*) FROM {t} WHERE sqrt({num}) > 5
        SELECT COUNT(*) FROM {t} WHERE ln({num} - 5) > 0
        SELECT COUNT(*) FROM {t} WHERE {num} * 9223372036854775807 > 0
        """,
        tables=4,
    ),
    Family(
        "decimal_width_oracle",
        "LITERAL PREDICATE FUNCTION GROUP_KEY",
        """
        SELECT COUNT(*) FROM hospital_visits WHERE age > 0.0000000000000000000000000000000000001
        SELECT COUNT(*) FROM hospital_visits WHERE age BETWEEN 0.0000000000000000000000000000000000001 AND 5
        SELECT COUNT(*) FROM hospital_visits WHERE triage_level IN (0.0000000000000000000000000000000000001)
        SELECT COUNT(*) FROM tax_filings WHERE tax_year < 1.0000000000000000000000000000000000001
        SELECT COUNT(*) FROM vehicles WHERE mileage_km > 0.00000000000000000000000000000000001
        SELECT COUNT(*) FILTER (WHERE age > 0.0000000000000000000000000000000000001) FROM hospital_visits
        SELECT CASE WHEN 员工人数 > 0.0000000000000000000000000000000000001 THEN 1 END AS k, COUNT(*) FROM 企业 GROUP BY k
        """,
        tables=1,
    ),
    Family(
        "label_width_oracle",  # the engine fails only when a row reaches the label: one bit on any person
        "LITERAL GROUP_KEY PREDICATE",
        """
        SELECT CASE WHEN {group} = {lit} THEN 25 WHEN {group} IS NULL THEN 0.0000000000000000000000000000000000001 END AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT CASE {group} WHEN {lit} THEN 99999999999999999999999999999999999999 ELSE 0.5 END AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT IF({group} = {lit}, -25, 0.0000000000000000000000000000000000001) AS k, COUNT(*) FROM {t} GROUP BY k
        """,  # noqa: E501  # one seed a line
        tables=7,
    ),
    Family(
        "timing_and_resource_bomb",
        "FUNCTION TABLE_FUNCTION AGGREGATE PREDICATE AGGREGATE_ARGUMENT JOIN_KIND",
        """
        SELECT COUNT(*) FROM {t} WHERE sleep_ms(1000) IS NULL
        SELECT COUNT(*) FROM {t} WHERE length(repeat('x', 1000000000)) > 0
        SELECT repeat('x', 2000000000), COUNT(*) FROM {t}
        SELECT COUNT(*) FROM {t} WHERE {group} = repeat('a', 1000)
        SELECT COUNT(*) FROM {t} WHERE range(1000000000) IS NOT NULL
        SELECT SUM(len(range(100000000))) FROM {t}
        SELECT COUNT(*) FROM {t}, {other}, range(1000000)
        SELECT lpad('x', 1000000000, 'y'), COUNT(*) FROM {t}
        SELECT list_aggregate(range(100000000), 'sum'), COUNT(*) FROM {t}
        SELECT COUNT(*) FROM {t} WHERE regexp_matches(repeat('a', 100000), '(a*)*b')
        SELECT COUNT(*) FROM {t} WHERE factorial(200000) > 0
        SELECT md5(repeat('x', 100000000)), COUNT(*) FROM {t}
        SELECT COUNT(*) FROM {t} WHERE levenshtein(repeat('x', 100000), {group}) > 1
        """,
        tables=3,
    ),
    Family(
        "session_state",
        "FUNCTION PREDICATE UNKNOWN_COLUMN RAW_COLUMN NO_AGGREGATE GROUP_KEY",
        """
        SELECT getenv('HOME'), COUNT(*) FROM {t}
        SELECT COUNT(*) FROM {t} WHERE {group} = getenv('HOME')
        SELECT getvariable('x'), COUNT(*) FROM {t}
        SELECT current_setting('memory_limit'), COUNT(*) FROM {t}
        SELECT COUNT(*) FROM {t} WHERE {group} = current_setting('home_directory')
        SELECT version(), COUNT(*) FROM {t}
        SELECT current_database(), COUNT(*) FROM {t}
        SELECT current_schema(), COUNT(*) FROM {t}
        SELECT current_user, COUNT(*) FROM {t}
        SELECT COUNT(*) FROM {t} WHERE {group} = current_query()
        SELECT current_schemas(true), COUNT(*) FROM {t}
        SELECT txid_current(), COUNT(*) FROM {t}
        SELECT nextval('q'), COUNT(*) FROM {t}
        SELECT in_search_path('main', 'main'), COUNT(*) FROM {t}
        SELECT write_log('x'), COUNT(*) FROM {t}
        SELECT stats({measure}), COUNT(*) FROM {t} GROUP BY ALL
        SELECT typeof({measure}), COUNT(*) FROM {t} GROUP BY ALL
        SELECT pg_typeof({group}), COUNT(*) FROM {t} GROUP BY ALL
        SELECT has_table_privilege('{t}', 'select'), COUNT(*) FROM {t}
        """,
        tables=3,
    ),
    Family(
        "clock_and_chance",
        "FUNCTION LITERAL PREDICATE UNKNOWN_COLUMN RAW_COLUMN",
        """
        SELECT COUNT(*) FROM {t} WHERE {date} = current_date
        SELECT COUNT(*) FROM {t} WHERE {date} > today()
        SELECT COUNT(*) FROM {t} WHERE {ts} > now()
        SELECT COUNT(*) FROM {t} WHERE {ts} > current_timestamp
        SELECT COUNT(*) FROM {t} WHERE random() < 0.5
        SELECT random(), COUNT(*) FROM {t}
        SELECT uuid(), COUNT(*) FROM {t}
        SELECT setseed(0.5), COUNT(*) FROM {t}
        SELECT COUNT(*) FROM {t} WHERE {date} > localtimestamp
        SELECT gen_random_uuid() AS k, COUNT(*) FROM {t} GROUP BY k
        """,
        tables=3,
    ),
    Family(
        "date_arithmetic",
        "FUNCTION PREDICATE LITERAL GROUP_KEY AGGREGATE_ARGUMENT",
        """
        SELECT COUNT(*) FROM {t} WHERE {date} + 1 > '2024-01-01'
        SELECT COUNT(*) FROM {t} WHERE {date} - INTERVAL 1 DAY > DATE '2024-01-01'
        SELECT COUNT(*) FROM {t} WHERE {date} > DATE '2024-01-01' + 1
        SELECT COUNT(*) FROM {t} WHERE {date} > DATE '2024-01-01' + INTERVAL 1 MONTH
        SELECT COUNT(*) FROM {t} WHERE date_diff('day', {date}, DATE '2024-01-01') < 5
        SELECT COUNT(*) FROM {t} WHERE age({date}) > INTERVAL 1 YEAR
        SELECT date_add({date}, INTERVAL 1 DAY) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT last_day({date}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT {date}::TIMESTAMP AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT CAST({ts} AS DATE) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT {date}::VARCHAR AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT time_bucket(INTERVAL 1 DAY, {date}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT make_date(2024, 1, 1) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT monthname({date}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT yearweek({date}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT julian({date}) AS k, COUNT(*) FROM {t} GROUP BY k
        """,
        tables=3,
    ),
    Family(
        "text_function",
        "FUNCTION PREDICATE GROUP_KEY",
        """
        SELECT COUNT(*) FROM {t} WHERE lower({group}) = 'a'
        SELECT COUNT(*) FROM {t} WHERE length({group}) = 5
        SELECT COUNT(*) FROM {t} WHERE trim({group}) = 'a'
        SELECT COUNT(*) FROM {t} WHERE {group} || 'x' = 'ax'
        SELECT COUNT(*) FROM {t} WHERE reverse({group}) = 'a'
        SELECT COUNT(*) FROM {t} WHERE ascii({group}) = 65
        SELECT COUNT(*) FROM {t} WHERE {group} = chr(65)
        SELECT COUNT(*) FROM {t} WHERE {group} = 'a' || 'b'
        SELECT md5({group}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT sha256({group}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT hash({group}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT regexp_extract({group}, '.') AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT split_part({group}, ' ', 1) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT replace({group}, 'a', 'b') AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT printf('%s', {group}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT encode({group}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT base64(encode({group})) AS k, COUNT(*) FROM {t} GROUP BY k
        """,
        tables=3,
    ),
    Family(
        "number_function",
        "FUNCTION PREDICATE GROUP_KEY",
        """
        SELECT COUNT(*) FROM {t} WHERE abs({num}) = 5
        SELECT COUNT(*) FROM {t} WHERE {num} + 1 = 5
        SELECT COUNT(*) FROM {t} WHERE {num} * 2 = 10
        SELECT COUNT(*) FROM {t} WHERE -{num} = 5
        SELECT COUNT(*) FROM {t} WHERE {num} = +5
        SELECT COUNT(*) FROM {t} WHERE {num} = 2 + 3
        SELECT COUNT(*) FROM {t} WHERE {num} & 1 = 1
        SELECT COUNT(*) FROM {t} WHERE {num} ** 2 > 4
        SELECT COUNT(*) FROM {t} WHERE {num} ^ 2 > 4
        SELECT COUNT(*) FROM {t} WHERE round({num}) = 5
        SELECT COUNT(*) FROM {t} WHERE mod({num}, 2) = 1
        SELECT COUNT(*) FROM {t} WHERE {num} % 2 = 1
        SELECT COUNT(*) FROM {t} WHERE greatest({num}, 1) = 1
        SELECT log({num}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT width_bucket({num}, 0, 100, 10) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT sign({num}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT "//"({num}, 10) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT {num} << 1 AS k, COUNT(*) FROM {t} GROUP BY k
        """,
        tables=3,
    ),
    Family(
        "json_function",
        "FUNCTION AGGREGATE GROUP_KEY PREDICATE AGGREGATE_ARGUMENT",
        """
        SELECT to_json({group}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT json_object('a', {person}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT json_array({measure}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT {group} -> 'a' AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT {group} ->> '$.a' AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT json_serialize_sql('SELECT 1') AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT row_to_json({t}) AS k, COUNT(*) FROM {t} GROUP BY k | FUNCTION UNKNOWN_COLUMN GROUP_KEY
        SELECT json_extract_string({group}, '$') AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT {group}::JSON AS k, COUNT(*) FROM {t} GROUP BY k
        """,
        tables=3,
    ),
    Family(
        "lambda_and_list",
        "FUNCTION AGGREGATE PREDICATE GROUP_KEY AGGREGATE_ARGUMENT SYNTAX",
        """
        SELECT list_transform([1, 2], x -> x + 1) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT list_transform([1], lambda x: x + {num}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT [x + 1 FOR x IN [1, 2]] AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT [x FOR x IN list({person}) IF x IS NOT NULL], COUNT(*) FROM {t}
        SELECT list_filter([{num}], x -> x > 1) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT list_reduce([1, 2], (x, y) -> x + y) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT unnest([{num}]) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT list({measure})[1] FROM {t}
        SELECT list_sort(list({measure})) FROM {t}
        SELECT array_agg({person})[1:5] FROM {t}
        SELECT generate_subscripts([1], 1), COUNT(*) FROM {t}
        """,
        tables=3,
    ),
    Family(
        "dot_call",
        "FUNCTION AGGREGATE UNKNOWN_COLUMN QUALIFIED_NAME",
        """
        SELECT {measure}.sum() FROM {t}
        SELECT {measure}.max() FROM {t}
        SELECT {group}.upper() AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT {t}.{measure}.sum() FROM {t}
        SELECT {person}.count() FROM {t}
        SELECT COUNT(*) FROM {t} WHERE {group}.lower() = 'a'
        SELECT ({measure}).avg() FROM {t}
        SELECT {date}.year() AS k, COUNT(*) FROM {t} GROUP BY k
        """,
    ),
    Family(
        "macro_and_operator_call",
        "FUNCTION AGGREGATE SYNTAX AGGREGATE_ARGUMENT PREDICATE",
        """
        SELECT my_macro({measure}) FROM {t}
        SELECT COUNT(*) FROM {t} WHERE my_macro({group}) = 1
        SELECT "="({group}, {lit}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT COUNT(*) FROM {t} WHERE {group} OPERATOR(pg_catalog.=) {lit}
        SELECT apply({measure}) FROM {t}
        SELECT sum_no_overflow({num}) FROM {t}
        SELECT alias({measure}), COUNT(*) FROM {t} GROUP BY ALL
        SELECT constant_or_null(1, {measure}), COUNT(*) FROM {t} GROUP BY ALL
        SELECT finalize(sum({measure}) EXPORT_STATE) FROM {t}
        SELECT sum({measure}) EXPORT_STATE FROM {t}
        SELECT COUNT(DISTINCT {person}) IGNORE NULLS FROM {t}
        SELECT SUM({measure} IGNORE NULLS) FROM {t}
        """,
        tables=3,
    ),
    Family(
        "cast",
        "FUNCTION PREDICATE GROUP_KEY AGGREGATE_ARGUMENT AGGREGATE_EXPRESSION LITERAL",
        """
        SELECT {group}::VARCHAR AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT {num}::VARCHAR AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT {flag}::INTEGER AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT COUNT(*) FROM {t} WHERE {num}::VARCHAR = '5'
        SELECT COUNT(*) FROM {t} WHERE {group} = 5::VARCHAR
        SELECT COUNT(*) FROM {t} WHERE {num} = '5'::INTEGER
        SELECT COUNT(*) FROM {t} WHERE {num} = CAST('5' AS INTEGER)
        SELECT COUNT(*) FROM {t} WHERE {date} = '2024-01-01'::VARCHAR
        SELECT COUNT(*) FROM {t} WHERE {date}::DATE = '2024-01-01'
        SELECT COUNT(*) FROM {t} WHERE {date} = TRY_CAST('2024-01-01' AS DATE)
        SELECT CAST({group} AS ENUM('a', 'b')) AS k, COUNT(*) FROM {t} GROUP BY k | FUNCTION GROUP_KEY SYNTAX
        SELECT CAST(SUM({measure}) AS DECIMAL(38, 2)) FROM {t}
        SELECT {num}::BIT AS k, COUNT(*) FROM {t} GROUP BY k
        """,
        tables=3,
    ),
]
