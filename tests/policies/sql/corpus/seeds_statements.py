"""Attack seeds on the shape of the statement: subqueries, set operations, other kinds of statement, several of them."""

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
