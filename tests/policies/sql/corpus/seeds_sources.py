"""Attack seeds on FROM: table functions, files, system tables, qualified names, joins, samples."""

from __future__ import annotations

from tests.policies.sql.corpus.seeds import Family

FAMILIES = [
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
]
