"""Attack seeds on the shape of the statement: subqueries, set operations, FROM, joins, other kinds of statement."""

from __future__ import annotations

from tests.policies.sql.corpus.seeds import Family

FAMILIES = [
    Family(
        "subquery_in_from",
        "SUBQUERY",
        """
        SELECT COUNT(*) FROM (SELECT * FROM {t})
        SELECT COUNT(*) FROM (SELECT {group} FROM {t} LIMIT 1) AS q
        SELECT SUM(m) FROM (SELECT MAX({measure}) AS m FROM {t} GROUP BY {person}) q
        SELECT COUNT(*) FROM (FROM {t}) q
        SELECT COUNT(*) FROM (SELECT 1)
        SELECT q.{group}, COUNT(*) FROM (SELECT {group} FROM {t} WHERE {measure} > 10) q GROUP BY ALL
        SELECT COUNT(*) FROM ((SELECT {group} FROM {t}))
        """,
    ),
    Family(
        "subquery_in_select",
        "SUBQUERY",
        """
        SELECT (SELECT MAX({measure}) FROM {t}), COUNT(*) FROM {t}
        SELECT COUNT(*), (SELECT {person} FROM {t} LIMIT 1) FROM {t}
        SELECT ARRAY(SELECT {measure} FROM {t}), COUNT(*) FROM {t}
        SELECT EXISTS (SELECT 1 FROM {t} WHERE {group} = {lit}), COUNT(*) FROM {t}
        SELECT SUM((SELECT 1)) FROM {t}
        SELECT (FROM {t} SELECT COUNT(*)), COUNT(*) FROM {t}
        """,
    ),
    Family(
        "subquery_in_where",
        "SUBQUERY",
        """
        SELECT COUNT(*) FROM {t} WHERE {group} = (SELECT {group} FROM {t} LIMIT 1)
        SELECT COUNT(*) FROM {t} WHERE {person} IN (SELECT {otherkey} FROM {other})
        SELECT COUNT(*) FROM {t} WHERE EXISTS (SELECT 1 FROM {other})
        SELECT COUNT(*) FROM {t} WHERE NOT EXISTS (FROM {other})
        SELECT COUNT(*) FROM {t} WHERE {date} > ALL (SELECT {date} FROM {t})
        SELECT COUNT(*) FROM {t} WHERE {date} = ANY (SELECT {date} FROM {t})
        SELECT COUNT(*) FROM {t} WHERE {group} IN (VALUES ('a'), ('b')) | SUBQUERY SET_OPERATION
        SELECT COUNT(*) FROM {t} WHERE (SELECT TRUE)
        SELECT COUNT(*) FROM {t} WHERE {group} NOT IN (FROM {t} SELECT {group})
        """,
    ),
    Family(
        "subquery_elsewhere",
        "SUBQUERY",
        """
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} HAVING COUNT(DISTINCT {person}) >= (SELECT 1)
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} ORDER BY (SELECT 1)
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} LIMIT (SELECT 10)
        SELECT COUNT(*) FROM {t} LIMIT 1 OFFSET (SELECT 0)
        SELECT COUNT(*) FILTER (WHERE EXISTS (SELECT 1)) FROM {t}
        SELECT SUM(CASE WHEN {group} = (SELECT {lit}) THEN {measure} ELSE 0 END) FROM {t}
        SELECT COUNT(*) FROM {t} GROUP BY (SELECT {group})
        SELECT COUNT(*) FROM {t} JOIN (SELECT * FROM {other}) o ON {t}.{person} = o.{otherkey}
        SELECT COUNT(*) FROM {t} JOIN {other} ON {t}.{person} = (SELECT {other}.{otherkey})
        """,
    ),
    Family(
        "common_table_expression",
        "SUBQUERY NOT_A_SELECT",
        """
        WITH q AS (SELECT * FROM {t}) SELECT COUNT(*) FROM q
        WITH q AS MATERIALIZED (SELECT {person} FROM {t}) SELECT COUNT(*) FROM q
        WITH q AS NOT MATERIALIZED (SELECT 1) SELECT COUNT(*) FROM {t}
        WITH {t} AS (SELECT 1 AS {group}) SELECT {group}, COUNT(*) FROM {t} GROUP BY ALL
        WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT COUNT(*) FROM r
        WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 1000000000) SELECT COUNT(*) FROM {t}
        WITH q(a) USING KEY (a) AS (SELECT 1) SELECT COUNT(*) FROM {t} | SUBQUERY NOT_A_SELECT SYNTAX
        SELECT COUNT(*) FROM (WITH q AS (FROM {t}) SELECT * FROM q) z
        """,
    ),
    Family(
        "set_operation",
        "SET_OPERATION",
        """
        SELECT COUNT(*) FROM {t} UNION SELECT {measure} FROM {t}
        SELECT COUNT(*) FROM {t} UNION ALL SELECT COUNT(*) FROM {other}
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} EXCEPT SELECT {group}, COUNT(*) FROM {t} GROUP BY ALL
        SELECT COUNT(*) FROM {t} INTERSECT SELECT 5
        SELECT COUNT(*) AS n FROM {t} UNION BY NAME SELECT {person} FROM {t}
        SELECT COUNT(*) AS n FROM {t} UNION ALL BY NAME FROM {t}
        SELECT COUNT(*) FROM {t} EXCEPT ALL SELECT COUNT(*) FROM {other}
        SELECT COUNT(*) FROM {t} UNION (SELECT COUNT(*) FROM {other} LIMIT 1)
        """,
    ),
    Family(
        "values_and_table_statement",
        "SET_OPERATION NOT_A_SELECT SUBQUERY TABLE_FUNCTION STAR",
        """
        VALUES (1)
        VALUES ({lit}), ('b')
        TABLE {t}
        SELECT COUNT(*) FROM (VALUES (1), (2)) v(x)
        SELECT COUNT(*) FROM {t} JOIN (VALUES (1)) v(x) ON TRUE
        SELECT COUNT(*) FROM (TABLE {t}) q
        """,
    ),
    Family(
        "from_first",
        "NOT_A_SELECT",
        """
        FROM {t}
        FROM {t} SELECT {group}
        FROM {t} SELECT COUNT(*)
        FROM {t} SELECT {group}, COUNT(*) GROUP BY ALL
        FROM {t} WHERE {group} = {lit} SELECT COUNT(*)
        (SELECT COUNT(*) FROM {t})
        ((SELECT COUNT(*) FROM {t}))
        (FROM {t})
        """,
    ),
    Family(
        "table_function",
        "TABLE_FUNCTION",
        """
        SELECT COUNT(*) FROM read_csv('/etc/passwd')
        SELECT COUNT(*) FROM read_csv_auto('*.csv')
        SELECT COUNT(*) FROM read_parquet('s3://bucket/x.parquet')
        SELECT COUNT(*) FROM read_json('x.json')
        SELECT COUNT(*) FROM read_text('/proc/self/environ')
        SELECT COUNT(*) FROM read_blob('/etc/shadow')
        SELECT COUNT(*) FROM glob('/*')
        SELECT COUNT(*) FROM sniff_csv('/etc/passwd')
        SELECT COUNT(*) FROM parquet_metadata('x.parquet')
        SELECT COUNT(*) FROM range(1000000000000)
        SELECT COUNT(*) FROM generate_series(1, 10)
        SELECT COUNT(*) FROM unnest([1, 2, 3])
        SELECT COUNT(*) FROM repeat('x', 1000000000)
        SELECT COUNT(*) FROM repeat_row(1, 2, num_rows => 1000000000)
        SELECT COUNT(*) FROM seq_scan('{t}')
        SELECT COUNT(*) FROM query('SELECT 1')
        SELECT COUNT(*) FROM query_table('{t}')
        SELECT COUNT(*) FROM query_table(['{t}', '{other}'])
        SELECT COUNT(*) FROM json_execute_serialized_sql('{}')
        SELECT COUNT(*) FROM summary((FROM {t})) | TABLE_FUNCTION SUBQUERY
        SELECT COUNT(*) FROM {t}, range(3) | TABLE_FUNCTION JOIN_KIND
        SELECT COUNT(*) FROM {t} JOIN range(3) r ON TRUE
        SELECT COUNT(*) FROM {t} CROSS JOIN unnest([1, 2])
        SELECT COUNT(*) FROM postgres_scan('host=x', 'public', 't')
        SELECT COUNT(*) FROM sqlite_scan('x.db', 't')
        SELECT COUNT(*) FROM arrow_scan(1, 2, 3)
        SELECT COUNT(*) FROM pandas_scan(1)
        SELECT COUNT(*) FROM which_secret('s3://x', 's3')
        """,
        tables=2,
    ),
    Family(
        "metadata_function",
        "TABLE_FUNCTION",
        """
        SELECT COUNT(*) FROM duckdb_settings()
        SELECT COUNT(*) FROM duckdb_tables()
        SELECT COUNT(*) FROM duckdb_columns()
        SELECT COUNT(*) FROM duckdb_functions()
        SELECT COUNT(*) FROM duckdb_secrets()
        SELECT COUNT(*) FROM duckdb_logs()
        SELECT COUNT(*) FROM duckdb_databases()
        SELECT COUNT(*) FROM duckdb_temporary_files()
        SELECT COUNT(*) FROM duckdb_variables()
        SELECT COUNT(*) FROM pragma_storage_info('{t}')
        SELECT COUNT(*) FROM pragma_table_info('{t}')
        SELECT COUNT(*) FROM pragma_database_size()
        SELECT COUNT(*) FROM pragma_version()
        SELECT COUNT(*) FROM pragma_show('{t}')
        SELECT COUNT(*) FROM pragma_last_profiling_output()
        SELECT COUNT(*) FROM checkpoint()
        """,
        tables=2,
    ),
    Family(
        "system_table",
        "QUALIFIED_NAME UNKNOWN_TABLE",
        """
        SELECT COUNT(*) FROM information_schema.tables
        SELECT COUNT(*) FROM information_schema.columns
        SELECT COUNT(*) FROM pg_catalog.pg_class
        SELECT COUNT(*) FROM pg_class
        SELECT COUNT(*) FROM sqlite_master
        SELECT COUNT(*) FROM duckdb_tables
        SELECT COUNT(*) FROM pragma_database_list
        SELECT table_name, COUNT(*) FROM information_schema.tables GROUP BY table_name
        SELECT COUNT(*) FROM system.information_schema.schemata
        """,
    ),
    Family(
        "file_path",
        "UNKNOWN_TABLE SYNTAX",
        """
        SELECT COUNT(*) FROM '/etc/passwd'
        SELECT COUNT(*) FROM 'people.csv'
        SELECT COUNT(*) FROM 's3://bucket/*.parquet'
        SELECT COUNT(*) FROM "/etc/passwd"
        SELECT COUNT(*) FROM "data.parquet"
        SELECT COUNT(*) FROM 'https://example.org/x.csv'
        SELECT COUNT(*) FROM {t} JOIN 'x.csv' ON TRUE
        SELECT COUNT(*) FROM '../{t}.parquet' AS {t}
        """,
    ),
    Family(
        "replacement_scan",
        "UNKNOWN_TABLE",
        """
        SELECT COUNT(*) FROM df
        SELECT COUNT(*) FROM con
        SELECT COUNT(*) FROM os
        SELECT COUNT(*) FROM {t}_backup
        SELECT {group}, COUNT(*) FROM staging_{t} GROUP BY {group}
        SELECT COUNT(*) FROM "{t} "
        SELECT COUNT(*) FROM "" | UNKNOWN_TABLE SYNTAX
        """,
    ),
    Family(
        "qualified_name",
        "QUALIFIED_NAME",
        """
        SELECT COUNT(*) FROM main.{t}
        SELECT COUNT(*) FROM memory.main.{t}
        SELECT COUNT(*) FROM "main"."{t}"
        SELECT COUNT(*) FROM {t} JOIN main.{other} ON {t}.{person} = {other}.{otherkey}
        SELECT COUNT(*) FROM {domain}.{t}
        SELECT main.{t}.{group}, COUNT(*) FROM {t} GROUP BY ALL | QUALIFIED_NAME UNKNOWN_COLUMN
        SELECT SUM(memory.main.{t}.{measure}) FROM {t} | QUALIFIED_NAME UNKNOWN_COLUMN
        SELECT main.sum({measure}) FROM {t} | QUALIFIED_NAME AGGREGATE FUNCTION
        SELECT system.main.count(DISTINCT {person}) FROM {t} | QUALIFIED_NAME AGGREGATE FUNCTION
        """,
    ),
    Family(
        "unlisted_table",
        "UNKNOWN_TABLE",
        """
        SELECT COUNT(*) FROM patients
        SELECT COUNT(*) FROM {t}2
        SELECT COUNT(*) FROM {t} JOIN employees ON {t}.{person} = employees.id
        SELECT x.name, COUNT(*) FROM residents x GROUP BY x.name
        SELECT COUNT(*) FROM 居民
        """,
    ),
    Family(
        "pivot",
        "TABLE_FUNCTION NOT_A_SELECT",
        """
        PIVOT {t} ON {group} USING COUNT(*)
        PIVOT {t} ON {group} USING SUM({measure}) GROUP BY {date}
        PIVOT_WIDER {t} ON {group} USING first({person})
        UNPIVOT {t} ON {group} INTO NAME k VALUE v
        UNPIVOT {t} ON COLUMNS(*) INTO NAME k VALUE v
        SELECT COUNT(*) FROM {t} PIVOT (SUM({measure}) FOR {group} IN ({lit}))
        SELECT COUNT(*) FROM {t} UNPIVOT (v FOR k IN ({group}))
        SELECT COUNT(*) FROM (PIVOT {t} ON {group} USING COUNT(*)) | TABLE_FUNCTION SUBQUERY
        """,
    ),
    Family(
        "describe_and_explain",
        "NOT_A_SELECT",
        """
        DESCRIBE {t}
        DESCRIBE SELECT COUNT(*) FROM {t}
        SUMMARIZE {t}
        SUMMARIZE SELECT {measure} FROM {t}
        SHOW TABLES
        SHOW ALL TABLES
        SHOW {t}
        EXPLAIN SELECT COUNT(*) FROM {t}
        EXPLAIN ANALYZE SELECT COUNT(*) FROM {t} WHERE {group} = {lit}
        EXPLAIN (FORMAT json) SELECT COUNT(*) FROM {t}
        SELECT COUNT(*) FROM (SUMMARIZE {t}) | SUBQUERY TABLE_FUNCTION
        SELECT COUNT(*) FROM (DESCRIBE {t}) | SUBQUERY TABLE_FUNCTION
        SELECT COUNT(*) FROM (SHOW TABLES) | SUBQUERY TABLE_FUNCTION SYNTAX
        """,
        tables=3,
    ),
    Family(
        "other_statement",
        "NOT_A_SELECT SYNTAX",
        """
        PRAGMA database_list
        PRAGMA table_info('{t}')
        PRAGMA enable_profiling
        SET memory_limit = '100GB'
        SET VARIABLE x = (SELECT MAX({measure}) FROM {t})
        RESET threads
        ATTACH ':memory:' AS m
        ATTACH '/tmp/x.db'
        DETACH memory
        USE memory
        COPY {t} TO '/tmp/x.csv'
        COPY (SELECT * FROM {t}) TO '/dev/stdout'
        COPY {t} FROM '/etc/passwd'
        EXPORT DATABASE '/tmp/x'
        IMPORT DATABASE '/tmp/x'
        INSTALL httpfs
        LOAD httpfs
        FORCE INSTALL httpfs
        CALL pragma_version()
        PREPARE q AS SELECT * FROM {t}
        EXECUTE q
        DEALLOCATE q
        CHECKPOINT
        VACUUM ANALYZE {t}
        ANALYZE
        BEGIN TRANSACTION
        COMMIT
        ROLLBACK
        LISTEN x
        KILL 1
        """,
        tables=2,
    ),
    Family(
        "data_definition",
        "NOT_A_SELECT SYNTAX",
        """
        CREATE TABLE x AS SELECT * FROM {t}
        CREATE TEMP VIEW v AS SELECT * FROM {t}
        CREATE MACRO sum(x) AS max(x)
        CREATE OR REPLACE TEMP MACRO count(x) AS 1
        CREATE FUNCTION f(x) AS TABLE SELECT * FROM {t}
        CREATE SECRET s (TYPE s3)
        CREATE SCHEMA s
        CREATE SEQUENCE q
        CREATE TYPE e AS ENUM (SELECT DISTINCT {group} FROM {t})
        CREATE INDEX i ON {t} ({group})
        DROP TABLE {t}
        ALTER TABLE {t} ADD COLUMN x INTEGER
        TRUNCATE {t}
        INSERT INTO {t} SELECT * FROM {t}
        UPDATE {t} SET {group} = {lit}
        DELETE FROM {t}
        DELETE FROM {t} RETURNING *
        MERGE INTO {t} USING {other} ON TRUE WHEN MATCHED THEN DELETE
        COMMENT ON TABLE {t} IS 'x'
        SELECT COUNT(*) INTO x FROM {t}
        """,
        tables=3,
    ),
    Family(
        "several_statements",
        "MULTIPLE_STATEMENTS",
        """
        SELECT COUNT(*) FROM {t}; SELECT * FROM {t}
        SELECT COUNT(*) FROM {t};SELECT COUNT(*) FROM {t};
        SELECT COUNT(*) FROM {t}; DROP TABLE {t}
        SELECT COUNT(*) FROM {t}; COPY {t} TO '/tmp/x'
        SELECT COUNT(*) FROM {t};;
        SELECT COUNT(*) FROM {t} ; ;
        ;SELECT COUNT(*) FROM {t} | MULTIPLE_STATEMENTS NOT_A_SELECT SYNTAX
        ; | MULTIPLE_STATEMENTS NOT_A_SELECT SYNTAX
        SET x = 1; SELECT COUNT(*) FROM {t} | MULTIPLE_STATEMENTS NOT_A_SELECT
        """,
    ),
    Family(
        "empty_or_broken",
        "SYNTAX NOT_A_SELECT MULTIPLE_STATEMENTS",
        """
        SELECT
        SELECT COUNT(*) FROM
        SELECT COUNT(* FROM {t}
        SELECT COUNT(*)) FROM {t}
        SELECT COUNT(*) FORM {t}
        SELECT COUNT(*) FROM {t} WHERE
        SELECT COUNT(*) FROM {t} GROUP
        SELECT COUNT(*) FROM {t} WHERE {group} = 'unterminated
        SELECT COUNT(*) FROM "{t}
        SELCT COUNT(*) FROM {t}
        SELECT COUNT(*) FROM {t} WHERE {group} = {lit} AND
        DROP
        SELECT COUNT(*) FROM {t} LIMIT
        hello
        """,
    ),
    Family(
        "no_from",
        "NO_AGGREGATE UNKNOWN_TABLE SYNTAX NOT_A_SELECT JOIN_KIND FUNCTION RAW_COLUMN AGGREGATE_ARGUMENT SUBQUERY GROUP_KEY",
        """
        SELECT 1
        SELECT COUNT(*)
        SELECT version()
        SELECT current_user
        """,
        tables=1,
    ),
    Family(
        "join_kind",
        "JOIN_KIND",
        """
        SELECT COUNT(*) FROM {t}, {other}
        SELECT COUNT(*) FROM {t}, {other} WHERE {t}.{person} = {other}.{otherkey}
        SELECT COUNT(*) FROM {t} CROSS JOIN {other}
        SELECT COUNT(*) FROM {t} NATURAL JOIN {other}
        SELECT COUNT(*) FROM {t} NATURAL LEFT JOIN {other}
        SELECT COUNT(*) FROM {t} RIGHT JOIN {other} ON {t}.{person} = {other}.{otherkey}
        SELECT COUNT(*) FROM {t} FULL OUTER JOIN {other} ON {t}.{person} = {other}.{otherkey}
        SELECT COUNT(*) FROM {t} FULL JOIN {other} ON {t}.{person} = {other}.{otherkey}
        SELECT COUNT(*) FROM {t} SEMI JOIN {other} ON {t}.{person} = {other}.{otherkey}
        SELECT COUNT(*) FROM {t} ANTI JOIN {other} ON {t}.{person} = {other}.{otherkey}
        SELECT COUNT(*) FROM {t} ASOF JOIN {other} ON {t}.{person} = {other}.{otherkey} AND {t}.{date} >= {other}.{date}
        SELECT COUNT(*) FROM {t} POSITIONAL JOIN {other}
        SELECT COUNT(*) FROM {t}, LATERAL (SELECT 1) | JOIN_KIND SUBQUERY
        SELECT COUNT(*) FROM {t} JOIN LATERAL (SELECT {t}.{group}) l ON TRUE | JOIN_KIND SUBQUERY
        SELECT COUNT(*) FROM {t} RIGHT JOIN {other} USING ({person})
        """,
    ),
    Family(
        "join_condition",
        "JOIN_CONDITION",
        """
        SELECT COUNT(*) FROM {t} JOIN {other} ON TRUE
        SELECT COUNT(*) FROM {t} JOIN {other} ON 1 = 1
        SELECT COUNT(*) FROM {t} JOIN {other} ON {t}.{person} <> {other}.{otherkey}
        SELECT COUNT(*) FROM {t} JOIN {other} ON {t}.{person} < {other}.{otherkey}
        SELECT COUNT(*) FROM {t} JOIN {other} ON {t}.{person} >= {other}.{otherkey}
        SELECT COUNT(*) FROM {t} JOIN {other} ON {t}.{person} = {other}.{otherkey} OR TRUE
        SELECT COUNT(*) FROM {t} JOIN {other} ON NOT ({t}.{person} = {other}.{otherkey})
        SELECT COUNT(*) FROM {t} JOIN {other} ON {t}.{person} = {other}.{otherkey} AND {t}.{group} = {lit}
        SELECT COUNT(*) FROM {t} JOIN {other} ON {t}.{person} = 'P0001'
        SELECT COUNT(*) FROM {t} JOIN {other} ON {t}.{person} = {t}.{person}
        SELECT COUNT(*) FROM {t} JOIN {other} ON {t}.{person} IS NOT DISTINCT FROM {other}.{otherkey}
        SELECT COUNT(*) FROM {t} JOIN {other} ON hash({t}.{person}) = hash({other}.{otherkey})
        SELECT COUNT(*) FROM {t} JOIN {other} ON lower({t}.{person}) = {other}.{otherkey}
        SELECT COUNT(*) FROM {t} JOIN {other} ON {t}.{person} = {other}.{otherkey} || ''
        SELECT COUNT(*) FROM {t} JOIN {other} ON {t}.{person} LIKE {other}.{otherkey}
        SELECT COUNT(*) FROM {t} JOIN {other} ON {t}.{person}::VARCHAR = {other}.{otherkey}::VARCHAR
        SELECT COUNT(*) FROM {t} JOIN {other} ON {t}.{person} IN ({other}.{otherkey})
        SELECT COUNT(*) FROM {t} JOIN {other} ON {t}.{person} BETWEEN {other}.{otherkey} AND {other}.{otherkey}
        """,
    ),
    Family(
        "join_of_other_columns",
        "JOIN_CONDITION COLUMN_USE FEATURE_ONLY UNKNOWN_COLUMN",
        """
        SELECT COUNT(*) FROM {t} JOIN {other} ON {t}.{group} = {other}.{otherkey}
        SELECT COUNT(*) FROM {t} JOIN {other} ON {t}.{raw} = {other}.{otherkey}
        SELECT COUNT(*) FROM {t} JOIN {other} ON {t}.{feature} = {other}.{otherkey}
        SELECT COUNT(*) FROM {t} JOIN {other} ON {t}.{measure} = {other}.{otherkey}
        SELECT COUNT(*) FROM {t} JOIN {other} USING ({group})
        SELECT COUNT(*) FROM {t} JOIN {other} USING ({measure})
        SELECT COUNT(*) FROM {t} JOIN {other} USING (rowid)
        SELECT COUNT(*) FROM {t} JOIN {other} USING (nothing)
        """,
    ),
    Family(
        "join_of_two_types",
        "JOIN_CONDITION",
        """
        SELECT COUNT(*) FROM hospital_visits v JOIN tax_filings f ON v.person_id = f.taxpayer_id
        SELECT COUNT(*) FROM tax_filings f JOIN social_insurance s ON f.taxpayer_id = s.person_id
        SELECT COUNT(*) FROM transport_trips t JOIN hospital_visits v ON t.line_id = v.hospital_code
        SELECT COUNT(*) FROM tax_invoices i JOIN 企业 e ON i.taxpayer_id = e.法人编号
        SELECT COUNT(*) FROM vehicles v JOIN tax_filings f ON v.line_id = f.taxpayer_id
        """,
        tables=1,
    ),
    Family(
        "self_join",
        "SELF_JOIN",
        """
        SELECT COUNT(*) FROM {t} a JOIN {t} b ON a.{person} = b.{person}
        SELECT COUNT(*) FROM {t} a JOIN {t} b USING ({person})
        SELECT COUNT(*) FROM {t} JOIN {t} ON TRUE
        SELECT a.{group}, COUNT(*) FROM {t} a LEFT JOIN {t} b ON a.{person} = b.{person} GROUP BY ALL
        SELECT COUNT(*) FROM {t} a JOIN {other} o ON a.{person} = o.{otherkey} JOIN {t} b ON b.{person} = o.{otherkey}
        """,
    ),
    Family(
        "too_many_tables",
        "TOO_MANY",
        """
        SELECT COUNT(*) FROM hospital_visits JOIN admissions USING (person_id) JOIN social_insurance USING (person_id) JOIN 社保缴费 USING (person_id)
        SELECT COUNT(*) FROM hospital_visits a JOIN 处方 b ON a.person_id = b.患者编号 JOIN transport_trips c ON a.person_id = c.card_id JOIN vehicles d ON a.person_id = d.owner_id
        SELECT COUNT(*) FROM 企业 e JOIN tax_filings f USING (org_code) JOIN tax_invoices i USING (org_code) LEFT JOIN hospital_visits v ON v.person_id = e.法人编号
        """,  # noqa: E501  # one seed a line
        tables=1,
    ),
    Family(
        "sampling",
        "SAMPLE",
        """
        SELECT COUNT(*) FROM {t} USING SAMPLE 10%
        SELECT COUNT(*) FROM {t} USING SAMPLE 1 ROWS
        SELECT COUNT(*) FROM {t} TABLESAMPLE RESERVOIR(1)
        SELECT COUNT(*) FROM {t} TABLESAMPLE 50%
        SELECT SUM({measure}) FROM {t} TABLESAMPLE BERNOULLI(10) REPEATABLE (42)
        SELECT COUNT(*) FROM {t} USING SAMPLE reservoir(2 ROWS) REPEATABLE (7)
        SELECT COUNT(*) FROM {t} USING SAMPLE system(1 PERCENT)
        """,
    ),
    Family(
        "time_travel_and_table_options",
        "UNKNOWN_TABLE TABLE_FUNCTION QUALIFIED_NAME SYNTAX SAMPLE",
        """
        SELECT COUNT(*) FROM {t} AT (VERSION => 1)
        SELECT COUNT(*) FROM {t} AT (TIMESTAMP => TIMESTAMP '2024-01-01')
        SELECT COUNT(*) FROM {t} FOR UPDATE
        SELECT COUNT(*) FROM {t} WITH ORDINALITY
        """,
    ),
    Family(
        "grouping_sets",
        "GROUPING_SETS",
        """
        SELECT {group}, COUNT(*) FROM {t} GROUP BY ROLLUP ({group})
        SELECT {group}, COUNT(*) FROM {t} GROUP BY CUBE ({group})
        SELECT {group}, {flag}, COUNT(*) FROM {t} GROUP BY CUBE ({group}, {flag})
        SELECT {group}, COUNT(*) FROM {t} GROUP BY GROUPING SETS (({group}), ())
        SELECT {group}, {date}, COUNT(*) FROM {t} GROUP BY GROUPING SETS ({group}, {date})
        SELECT {group}, GROUPING({group}), COUNT(*) FROM {t} GROUP BY ROLLUP ({group})
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group}, ROLLUP ({date}) | GROUPING_SETS GROUP_KEY
        SELECT grouping_id({group}), COUNT(*) FROM {t} GROUP BY {group} | GROUPING_SETS FUNCTION GROUP_KEY RAW_COLUMN
        """,
    ),
]
