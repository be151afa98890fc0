"""The truth table of refusals: for each reason code the queries that meet it, with the column and the place."""

from __future__ import annotations

import re

import pytest

from policies.sql.gate import check
from policies.sql.reasons import Code, Place, Reason
from tests.policies.sql.listed import DATA_LIST, LIST

G, S, F, J, W = Place.GROUP_BY, Place.SELECT, Place.FROM, Place.JOIN, Place.WHERE
H, Y, T, X, L = Place.HAVING, Place.ORDER_BY, Place.STATEMENT, Place.TEXT, Place.LIMIT
COUNT = "SELECT COUNT(*) FROM residents"

# code, column, place, query
REFUSED: list[tuple[Code, str | None, Place, str]] = [
    (Code.TOO_LONG, None, X, COUNT + " " * 8192),
    (Code.TOO_LONG, None, X, f"{COUNT} WHERE sex = '{'女' * 2800}'"),
    (Code.TOO_DEEP, None, X, f"{COUNT} WHERE {'(' * 51}age = 1{')' * 51}"),
    (Code.TOO_DEEP, None, X, f"{COUNT} WHERE {'NOT ' * 51}insured"),
    (Code.TOO_DEEP, None, X, f"{COUNT} WHERE age = {'- ' * 51}1"),
    (Code.TOO_DEEP, None, X, f"{COUNT} WHERE {'[' * 4000}"),
    (Code.TOO_DEEP, None, T, f"{COUNT} WHERE age = {'+'.join(['1'] * 60)}"),
    (Code.TOO_DEEP, None, T, f"{COUNT} WHERE age = {'+'.join(['1'] * 2000)}"),
    (Code.TOO_DEEP, None, T, f"{COUNT} WHERE {' OR '.join(['age = 1'] * 101)}"),
    (Code.TOO_DEEP, None, T, f"{COUNT} WHERE age IN ({', '.join(map(str, range(201)))})"),
    (Code.BAD_CHARACTER, None, X, "SELECT\u00a0COUNT(*) FROM residents"),
    (Code.BAD_CHARACTER, None, X, "SELECT\u3000COUNT(*) FROM residents"),
    (Code.BAD_CHARACTER, None, X, "\ufeff" + COUNT),
    (Code.BAD_CHARACTER, None, X, COUNT + "\0"),
    (Code.BAD_CHARACTER, None, X, COUNT + "\x0c"),
    (Code.BAD_CHARACTER, None, X, COUNT + " WHERE sex = '\u200b'"),
    (Code.BAD_CHARACTER, None, X, COUNT + " WHERE sex = 'é'"),
    (Code.BAD_CHARACTER, None, X, "ＳELECT COUNT(*) FROM residents"),
    (Code.BAD_CHARACTER, None, X, COUNT + " WHERE sex = '\ud800'"),
    (Code.BAD_CHARACTER, None, X, COUNT + " WHERE sex = '😀'"),
    (Code.COMMENT, None, X, COUNT + " -- all"),
    (Code.COMMENT, None, X, "SELECT /* all */ COUNT(*) FROM residents"),
    (Code.COMMENT, None, X, COUNT + " WHERE sex = '--'"),
    (Code.COMMENT, None, X, COUNT + " WHERE sex = '*/' OR \"a--b\" = 1"),
    (Code.SYNTAX, None, T, "SELECT COUNT( FROM residents"),
    (Code.SYNTAX, None, T, "SELECT"),
    (Code.SYNTAX, None, T, COUNT + " FOR UPDATE"),
    (Code.SYNTAX, None, T, COUNT + " WHERE age BETWEEN SYMMETRIC 1 AND 2"),
    (Code.MULTIPLE_STATEMENTS, None, T, COUNT + "; SELECT 1"),
    (Code.MULTIPLE_STATEMENTS, None, T, COUNT + ";;"),
    (Code.MULTIPLE_STATEMENTS, None, T, COUNT + "; DROP TABLE residents"),
    (Code.MULTIPLE_STATEMENTS, None, T, ""),
    (Code.NOT_A_SELECT, None, T, ""),
    (Code.NOT_A_SELECT, None, T, ";" + COUNT),
    (Code.NOT_A_SELECT, None, T, f"({COUNT})"),
    (Code.NOT_A_SELECT, None, T, "FROM residents SELECT COUNT(*)"),
    (Code.NOT_A_SELECT, None, T, "TABLE residents"),
    (Code.NOT_A_SELECT, None, T, "DESCRIBE residents"),
    (Code.NOT_A_SELECT, None, T, "SUMMARIZE residents"),
    (Code.NOT_A_SELECT, None, T, "SHOW TABLES"),
    (Code.NOT_A_SELECT, None, T, "PRAGMA database_list"),
    (Code.NOT_A_SELECT, None, T, "EXPLAIN " + COUNT),
    (Code.NOT_A_SELECT, None, T, "COPY residents TO 'x'"),
    (Code.NOT_A_SELECT, None, T, "SET threads = 1"),
    (Code.UNKNOWN_TABLE, None, F, "SELECT COUNT(*) FROM nobody"),
    (Code.UNKNOWN_TABLE, None, F, "SELECT COUNT(*) FROM 'people.csv'"),
    (Code.UNKNOWN_TABLE, None, F, "SELECT COUNT(*) FROM sqlite_master"),
    (Code.UNKNOWN_TABLE, None, F, "SELECT COUNT(*)"),
    (Code.UNKNOWN_TABLE, None, J, "SELECT COUNT(*) FROM residents r JOIN nobody n ON r.pid = n.pid"),
    (Code.QUALIFIED_NAME, None, F, "SELECT COUNT(*) FROM main.residents"),
    (Code.QUALIFIED_NAME, None, F, "SELECT COUNT(*) FROM memory.main.residents"),
    (Code.QUALIFIED_NAME, None, F, "SELECT COUNT(*) FROM information_schema.tables"),
    (Code.QUALIFIED_NAME, "main.residents.age", W, COUNT + " WHERE main.residents.age = 1"),
    (Code.QUALIFIED_NAME, None, S, "SELECT main.sum(income) FROM residents"),
    (Code.QUALIFIED_NAME, None, S, "SELECT income.sum() FROM residents"),
    (Code.UNKNOWN_COLUMN, "salary", S, "SELECT SUM(salary) FROM residents"),
    (Code.UNKNOWN_COLUMN, "rowid", W, COUNT + " WHERE rowid = 1"),
    (Code.UNKNOWN_COLUMN, "residents", S, "SELECT COUNT(residents) FROM residents"),
    (Code.UNKNOWN_COLUMN, "r", S, "SELECT COUNT(DISTINCT r) FROM residents r"),
    (Code.UNKNOWN_COLUMN, None, S, "SELECT #1, COUNT(*) FROM residents"),
    (Code.UNKNOWN_COLUMN, "cost", S, "SELECT SUM(cost) FROM residents"),
    (Code.UNKNOWN_COLUMN, "residents.sex", W, "SELECT COUNT(*) FROM residents r WHERE residents.sex = 'F'"),
    (
        Code.UNKNOWN_COLUMN,
        "district",
        G,
        "SELECT district, COUNT(*) FROM residents JOIN visits USING (pid) GROUP BY ALL",
    ),
    (Code.UNKNOWN_COLUMN, "n", W, "SELECT COUNT(*) AS n FROM residents WHERE n > 3"),
    (
        Code.UNKNOWN_COLUMN,
        "k",
        W,
        "SELECT left(sex, 1) AS k, COUNT(*) FROM residents WHERE k = 'F' GROUP BY k",
    ),
    (Code.COLUMN_USE, "residents.income", W, COUNT + " WHERE income > 3"),
    (Code.COLUMN_USE, "residents.income", W, COUNT + " WHERE income IS NULL"),
    (Code.COLUMN_USE, "residents.note", W, COUNT + " WHERE note = 'x'"),
    (Code.COLUMN_USE, "residents.sex", S, "SELECT SUM(sex) FROM residents"),
    (Code.COLUMN_USE, "residents.income", G, "SELECT income, COUNT(*) FROM residents GROUP BY income"),
    (Code.COLUMN_USE, "residents.height", G, "SELECT height, COUNT(*) FROM residents GROUP BY height"),
    (Code.COLUMN_USE, "visits.dept", J, "SELECT COUNT(*) FROM residents r JOIN visits v ON r.sex = v.dept"),
    (
        Code.COLUMN_USE,
        "residents.height",
        G,
        "SELECT CASE WHEN height > 1 THEN 'a' END k, COUNT(*) FROM residents GROUP BY k",
    ),
    (Code.FEATURE_ONLY, "residents.score", S, "SELECT AVG(score) FROM residents"),
    (Code.FEATURE_ONLY, "residents.score", S, "SELECT COUNT(score) FROM residents"),
    (Code.FEATURE_ONLY, "residents.score", S, "SELECT COUNT(DISTINCT score) FROM residents"),
    (Code.FEATURE_ONLY, "residents.score", W, COUNT + " WHERE score IS NOT NULL"),
    (Code.FEATURE_ONLY, "residents.score", G, "SELECT score, COUNT(*) FROM residents GROUP BY score"),
    (Code.FEATURE_ONLY, "residents.score", S, "SELECT MAX(score) FROM residents"),
    (Code.PERSON_COLUMN, "residents.pid", W, COUNT + " WHERE pid = 'P1'"),
    (Code.PERSON_COLUMN, "residents.pid", W, COUNT + " WHERE pid IS NULL"),
    (Code.PERSON_COLUMN, "residents.pid", G, "SELECT pid, COUNT(*) FROM residents GROUP BY pid"),
    (Code.PERSON_COLUMN, "visits.pid", G, "SELECT left(pid, 1), COUNT(*) FROM visits GROUP BY 1"),
    (Code.PERSON_COLUMN, "residents.pid", S, "SELECT MIN(pid) FROM residents"),
    (Code.PERSON_COLUMN, "residents.pid", S, "SELECT COUNT(pid) FROM residents"),
    (Code.PERSON_COLUMN, "residents.pid", S, "SELECT SUM(pid) FROM residents"),
    (Code.PERSON_COLUMN, "residents.pid", S, "SELECT COUNT(*) FILTER (WHERE pid = 'P1') FROM residents"),
    (Code.PERSON_COLUMN, "residents.pid", Y, COUNT + " ORDER BY pid"),
    (Code.NO_BOUNDS, "residents.weight", S, "SELECT AVG(weight) FROM residents"),
    (
        Code.NO_BOUNDS,
        "residents.weight",
        G,
        "SELECT floor(weight/10)*10 AS b, COUNT(*) FROM residents GROUP BY b",
    ),
    (Code.STAR, None, S, "SELECT * FROM residents"),
    (Code.STAR, None, S, "SELECT residents.* FROM residents"),
    (Code.STAR, None, S, "SELECT COLUMNS('i.*') FROM residents"),
    (Code.STAR, None, S, "SELECT * EXCLUDE (pid) FROM residents"),
    (Code.STAR, None, S, "SELECT SUM(COLUMNS(*)) FROM residents"),
    (Code.STAR, None, T, "SELECT COUNT(residents.*) FROM residents"),
    (Code.RAW_COLUMN, "residents.sex", S, "SELECT sex, COUNT(*) FROM residents"),
    (Code.RAW_COLUMN, "residents.income", S, "SELECT income FROM residents"),
    (Code.RAW_COLUMN, "residents.age", S, "SELECT sex, age, COUNT(*) FROM residents GROUP BY sex"),
    (Code.RAW_COLUMN, "residents.age", S, "SELECT upper(age), COUNT(*) FROM residents"),
    (Code.NO_AGGREGATE, None, S, "SELECT sex FROM residents GROUP BY sex"),
    (Code.NO_AGGREGATE, None, S, "SELECT DISTINCT sex, COUNT(*) FROM residents GROUP BY sex"),
    (Code.NO_AGGREGATE, None, S, "SELECT DISTINCT ON (sex) sex, COUNT(*) FROM residents GROUP BY sex"),
    (Code.AGGREGATE, "residents.income", S, "SELECT MAX(income) FROM residents"),
    (Code.AGGREGATE, "residents.income", S, "SELECT median(income) FROM residents"),
    (Code.AGGREGATE, "residents.sex", S, "SELECT string_agg(sex, ',') FROM residents"),
    (Code.AGGREGATE, "residents.sex", S, "SELECT any_value(sex) FROM residents"),
    (Code.AGGREGATE, "residents.income", S, "SELECT arg_max(income, age) FROM residents"),
    (Code.AGGREGATE, None, S, "SELECT SUM(income) EXPORT_STATE FROM residents"),
    (Code.AGGREGATE, "residents.income", S, "SELECT corr(income, age) FROM residents"),
    (Code.AGGREGATE_ARGUMENT, None, S, "SELECT SUM(income + 1) FROM residents"),
    (Code.AGGREGATE_ARGUMENT, None, S, "SELECT SUM(1) FROM residents"),
    (Code.AGGREGATE_ARGUMENT, None, S, "SELECT SUM(income * age) FROM residents"),
    (Code.AGGREGATE_ARGUMENT, "residents.sex", S, "SELECT COUNT(sex) FROM residents"),
    (Code.AGGREGATE_ARGUMENT, "residents.sex", S, "SELECT COUNT(DISTINCT sex) FROM residents"),
    (Code.AGGREGATE_ARGUMENT, None, S, "SELECT COUNT(2) FROM residents"),
    (Code.AGGREGATE_ARGUMENT, None, S, "SELECT SUM(DISTINCT income) FROM residents"),
    (Code.AGGREGATE_ARGUMENT, None, S, "SELECT SUM(income ORDER BY age) FROM residents"),
    (Code.AGGREGATE_ARGUMENT, None, S, "SELECT AVG(income, age) FROM residents"),
    (Code.AGGREGATE_ARGUMENT, "residents.sex", S, "SELECT AVG(sex) FROM residents"),
    (Code.AGGREGATE_ARGUMENT, None, S, "SELECT COUNT(DISTINCT (pid, sex)) FROM residents"),
    (Code.AGGREGATE_EXPRESSION, None, S, "SELECT SUM(income) / COUNT(*) FROM residents"),
    (Code.AGGREGATE_EXPRESSION, None, S, "SELECT abs(SUM(income)) FROM residents"),
    (Code.AGGREGATE_EXPRESSION, None, S, "SELECT coalesce(SUM(income), 0) FROM residents"),
    (Code.AGGREGATE_EXPRESSION, None, S, "SELECT SUM(income)::INTEGER FROM residents"),
    (Code.AGGREGATE_EXPRESSION, None, S, "SELECT ROUND(AVG(income), 7) FROM residents"),
    (Code.AGGREGATE_EXPRESSION, None, S, "SELECT ROUND(AVG(income), -1) FROM residents"),
    (Code.AGGREGATE_EXPRESSION, None, S, "SELECT CASE WHEN COUNT(*) > 3 THEN 1 END FROM residents"),
    (Code.AGGREGATE_EXPRESSION, None, S, "SELECT SUM(AVG(income)) FROM residents"),
    (Code.CONDITION, None, S, "SELECT SUM(CASE WHEN sex = 'F' THEN income ELSE age END) FROM residents"),
    (Code.CONDITION, None, S, "SELECT SUM(CASE WHEN sex = 'F' THEN income ELSE 1 END) FROM residents"),
    (Code.CONDITION, None, S, "SELECT SUM(CASE WHEN sex = 'F' THEN income * 2 END) FROM residents"),
    (Code.CONDITION, None, S, "SELECT COUNT(CASE WHEN sex = 'F' THEN 1 ELSE 0 END) FROM residents"),
    (Code.CONDITION, None, S, "SELECT SUM(CASE WHEN sex = 'F' THEN 2 ELSE 0 END) FROM residents"),
    (Code.CONDITION, None, S, "SELECT AVG(CASE WHEN sex = 'F' THEN 1 ELSE 0 END) FROM residents"),
    (Code.CONDITION, None, S, "SELECT SUM(income) FILTER (WHERE income > 3) FROM residents"),
    (Code.CONDITION, None, S, "SELECT SUM(income) FILTER (WHERE TRUE) FROM residents"),
    (
        Code.CONDITION,
        None,
        S,
        "SELECT SUM(CASE WHEN sex = 'F' THEN income WHEN sex = 'M' THEN income END) FROM residents",
    ),
    (
        Code.CONDITION,
        None,
        S,
        "SELECT SUM(CASE WHEN sex = 'F' THEN income END) FILTER (WHERE age > 3) FROM residents",
    ),
    (Code.FUNCTION, None, W, COUNT + " WHERE lower(sex) = 'f'"),
    (Code.FUNCTION, None, W, COUNT + " WHERE sex LIKE 'F%'"),
    (Code.FUNCTION, None, W, COUNT + " WHERE age + 1 = 3"),
    (Code.FUNCTION, None, W, COUNT + " WHERE age::VARCHAR = '3'"),
    (Code.FUNCTION, None, W, COUNT + " WHERE TRY_CAST(age AS VARCHAR) = '3'"),
    (Code.FUNCTION, None, W, COUNT + " WHERE sex COLLATE NOCASE = 'f'"),
    (Code.FUNCTION, None, W, COUNT + " WHERE birth > DATE '2020-01-01' + INTERVAL 1 DAY"),
    (Code.FUNCTION, None, G, "SELECT random() AS k, COUNT(*) FROM residents GROUP BY k"),
    (Code.FUNCTION, None, G, "SELECT [sex] AS k, COUNT(*) FROM residents GROUP BY k"),
    (Code.FUNCTION, None, T, "SELECT (income).sum() FROM residents"),
    (Code.FUNCTION, None, G, "SELECT list_transform([1], x -> x) AS k, COUNT(*) FROM residents GROUP BY k"),
    (Code.FUNCTION, "residents.sex", G, "SELECT year(sex) AS k, COUNT(*) FROM residents GROUP BY k"),
    (Code.FUNCTION, "residents.sex", W, COUNT + " WHERE floor(sex/10) = 1"),
    (Code.FUNCTION, None, G, "SELECT extract(epoch FROM seen) AS k, COUNT(*) FROM residents GROUP BY k"),
    (Code.FUNCTION, None, G, "SELECT date_trunc('hour', seen) AS k, COUNT(*) FROM residents GROUP BY k"),
    (Code.FUNCTION, None, G, "SELECT strftime(seen, '%H') AS k, COUNT(*) FROM residents GROUP BY k"),
    (Code.FUNCTION, None, G, "SELECT substr(sex, 2, 1) AS k, COUNT(*) FROM residents GROUP BY k"),
    (Code.FUNCTION, None, G, "SELECT left(sex, -1) AS k, COUNT(*) FROM residents GROUP BY k"),
    (Code.GROUP_KEY, None, G, "SELECT upper(sex) AS k, COUNT(*) FROM residents GROUP BY k"),
    (Code.GROUP_KEY, "residents.income", G, "SELECT income, COUNT(*) FROM residents GROUP BY income"),
    (Code.GROUP_KEY, "residents.seen", G, "SELECT seen, COUNT(*) FROM residents GROUP BY seen"),
    (Code.GROUP_KEY, "residents.tags", G, "SELECT tags, COUNT(*) FROM residents GROUP BY tags"),
    (Code.GROUP_KEY, None, G, "SELECT COUNT(*) FROM residents GROUP BY sex"),
    (Code.GROUP_KEY, None, G, "SELECT sex, COUNT(*) FROM residents GROUP BY sex, age"),
    (Code.GROUP_KEY, None, G, "SELECT sex, COUNT(*) FROM residents GROUP BY 3"),
    (Code.GROUP_KEY, None, G, "SELECT sex, COUNT(*) FROM residents GROUP BY 2"),
    (Code.GROUP_KEY, None, G, "SELECT 'x' AS k, COUNT(*) FROM residents GROUP BY k"),
    (Code.GROUP_KEY, None, S, "SELECT 1, COUNT(*) FROM residents"),
    (Code.GROUP_KEY, "residents.income", G, "SELECT floor(income/1000), COUNT(*) FROM residents GROUP BY 1"),
    (
        Code.GROUP_KEY,
        "residents.seen",
        G,
        "SELECT coalesce(seen, TIMESTAMP '2020-01-01 00:00:00') k, COUNT(*) FROM residents GROUP BY k",
    ),
    (
        Code.GROUP_KEY,
        None,
        G,
        "SELECT CASE WHEN sex = 'F' THEN age END k, COUNT(*) FROM residents GROUP BY k",
    ),
    (
        Code.GROUP_KEY,
        None,
        G,
        "SELECT CASE "
        + " ".join(f"WHEN age = {i} THEN {i}" for i in range(21))
        + " END k, COUNT(*) FROM residents GROUP BY k",
    ),
    (
        Code.GROUP_KEY,
        None,
        G,
        "SELECT CASE WHEN sex = 'F' THEN 1 ELSE 'x' END k, COUNT(*) FROM residents GROUP BY k",
    ),
    (
        Code.BIN_TOO_FINE,
        "residents.income",
        G,
        "SELECT floor(income/999)*999 AS b, COUNT(*) FROM residents GROUP BY b",
    ),
    (
        Code.BIN_TOO_FINE,
        "residents.height",
        G,
        "SELECT floor(height/0.01)*0.01 AS b, COUNT(*) FROM residents GROUP BY b",
    ),
    (
        Code.TOO_MANY,
        None,
        G,
        "SELECT sex, age, district, insured, COUNT(*) FROM residents GROUP BY ALL",
    ),
    (Code.TOO_MANY, None, S, f"SELECT {', '.join(['COUNT(*)'] * 11)} FROM residents"),
    (
        Code.TOO_MANY,
        None,
        F,
        "SELECT COUNT(*) FROM residents JOIN visits USING (pid) JOIN taxes ON pid = payer"
        " JOIN wards ON wards.pid = payer",
    ),
    (Code.GROUPING_SETS, None, G, "SELECT sex, COUNT(*) FROM residents GROUP BY ROLLUP (sex)"),
    (Code.GROUPING_SETS, None, G, "SELECT sex, COUNT(*) FROM residents GROUP BY CUBE (sex)"),
    (Code.GROUPING_SETS, None, G, "SELECT sex, COUNT(*) FROM residents GROUP BY GROUPING SETS ((sex))"),
    (Code.GROUPING_SETS, None, G, "SELECT sex, COUNT(*) FROM residents GROUP BY sex, ()"),
    (Code.GROUPING_SETS, None, G, COUNT + " GROUP BY ()"),
    (Code.WINDOW, None, S, "SELECT COUNT(*) OVER () FROM residents"),
    (Code.WINDOW, None, T, COUNT + " WINDOW w AS (PARTITION BY sex)"),
    (Code.WINDOW, None, T, COUNT + " QUALIFY row_number() OVER () = 1"),
    (Code.SAMPLE, None, F, COUNT + " USING SAMPLE 10%"),
    (Code.SAMPLE, None, F, COUNT + " TABLESAMPLE 5 ROWS"),
    (Code.JOIN_KIND, None, J, "SELECT COUNT(*) FROM residents, visits"),
    (Code.JOIN_KIND, None, J, "SELECT COUNT(*) FROM residents CROSS JOIN visits"),
    (Code.JOIN_KIND, None, J, "SELECT COUNT(*) FROM residents NATURAL JOIN visits"),
    *(
        (Code.JOIN_KIND, None, J, f"SELECT COUNT(*) FROM residents {kind} JOIN visits USING (pid)")
        for kind in ("RIGHT", "FULL", "SEMI", "ANTI", "ASOF", "RIGHT OUTER", "FULL OUTER")
    ),
    (Code.JOIN_KIND, None, J, "SELECT COUNT(*) FROM residents POSITIONAL JOIN visits"),
    (Code.JOIN_KIND, None, J, "SELECT COUNT(*) FROM residents, LATERAL (SELECT 1) x"),
    (
        Code.JOIN_KIND,
        None,
        J,
        "SELECT COUNT(*) FROM residents r JOIN (visits v JOIN taxes x ON v.pid = x.payer) ON r.pid = v.pid",
    ),
    (Code.JOIN_CONDITION, None, J, "SELECT COUNT(*) FROM residents r JOIN visits v ON r.pid > v.pid"),
    (Code.JOIN_CONDITION, None, J, "SELECT COUNT(*) FROM residents r JOIN visits v ON TRUE"),
    (
        Code.JOIN_CONDITION,
        None,
        J,
        "SELECT COUNT(*) FROM residents r JOIN visits v ON r.pid = v.pid AND r.sex = 'F'",
    ),
    (
        Code.JOIN_CONDITION,
        None,
        J,
        "SELECT COUNT(*) FROM residents r JOIN visits v ON r.pid = v.pid OR r.district = v.district",
    ),
    (
        Code.JOIN_CONDITION,
        "visits.level",
        J,
        "SELECT COUNT(*) FROM residents r JOIN visits v ON r.pid = v.level",
    ),
    (
        Code.JOIN_CONDITION,
        None,
        J,
        "SELECT COUNT(*) FROM residents r JOIN visits v ON r.pid = v.pid JOIN taxes x ON r.pid = v.pid",
    ),
    (Code.SELF_JOIN, None, J, "SELECT COUNT(*) FROM residents a JOIN residents b ON a.pid = b.pid"),
    (Code.SUBQUERY, None, W, COUNT + " WHERE sex IN (SELECT dept FROM visits)"),
    (Code.SUBQUERY, None, W, COUNT + " WHERE EXISTS (SELECT 1)"),
    (Code.SUBQUERY, None, W, COUNT + " WHERE age = (SELECT 1)"),
    (Code.SUBQUERY, None, W, COUNT + " WHERE sex = ANY (['F'])"),
    (Code.SUBQUERY, None, F, "SELECT COUNT(*) FROM (SELECT * FROM residents)"),
    (Code.SUBQUERY, None, T, "WITH x AS (SELECT 1) SELECT COUNT(*) FROM x"),
    (Code.SUBQUERY, None, S, "SELECT (SELECT MAX(income) FROM residents), COUNT(*) FROM residents"),
    (Code.SET_OPERATION, None, T, f"{COUNT} UNION ALL {COUNT}"),
    (Code.SET_OPERATION, None, T, f"{COUNT} EXCEPT {COUNT}"),
    (Code.SET_OPERATION, None, T, f"{COUNT} INTERSECT {COUNT}"),
    (Code.SET_OPERATION, None, F, "SELECT COUNT(*) FROM (VALUES (1)) v"),
    (Code.TABLE_FUNCTION, None, F, "SELECT COUNT(*) FROM read_csv('x')"),
    (Code.TABLE_FUNCTION, None, F, "SELECT COUNT(*) FROM duckdb_tables()"),
    (Code.TABLE_FUNCTION, None, F, "SELECT COUNT(*) FROM query('SELECT 1')"),
    (Code.TABLE_FUNCTION, None, F, "SELECT COUNT(*) FROM (PIVOT residents ON sex USING SUM(income))"),
    (Code.TABLE_FUNCTION, None, F, "SELECT COUNT(*) FROM residents AT (VERSION => 1)"),
    (Code.PREDICATE, None, W, COUNT + " WHERE sex = district"),
    (Code.PREDICATE, None, W, COUNT + " WHERE 1 = 1"),
    (Code.PREDICATE, None, W, COUNT + " WHERE TRUE"),
    (Code.PREDICATE, None, W, COUNT + " WHERE age BETWEEN 1 AND age"),
    (Code.PREDICATE, None, W, COUNT + " WHERE 5 BETWEEN age AND 9"),
    (Code.PREDICATE, None, W, COUNT + " WHERE sex IN ('F', district)"),
    (Code.PREDICATE, None, W, COUNT + " WHERE age IS DISTINCT FROM 1"),
    (Code.PREDICATE, None, W, COUNT + " WHERE insured IS TRUE"),
    (Code.PREDICATE, "residents.age", W, COUNT + " WHERE age"),
    (Code.PREDICATE, "residents.sex", W, COUNT + " WHERE NOT sex"),
    (Code.PREDICATE, None, W, COUNT + " WHERE coalesce(age, 1) = 1"),
    (Code.PREDICATE, None, W, COUNT + " WHERE CASE WHEN sex = 'F' THEN insured END"),
    (Code.PREDICATE, None, W, COUNT + " WHERE COUNT(*) > 1"),
    (Code.LITERAL, "residents.age", W, COUNT + " WHERE age = '30'"),
    (Code.LITERAL, "residents.sex", W, COUNT + " WHERE sex = 1"),
    (Code.LITERAL, "residents.insured", W, COUNT + " WHERE insured = 1"),
    (Code.LITERAL, "residents.insured", W, COUNT + " WHERE insured = 't'"),
    (Code.LITERAL, "residents.birth", W, COUNT + " WHERE birth = 20200101"),
    (Code.LITERAL, "residents.birth", W, COUNT + " WHERE birth > 'yesterday'"),
    (Code.LITERAL, "residents.birth", W, COUNT + " WHERE birth > DATE '2020-02-30'"),
    (Code.LITERAL, "residents.birth", W, COUNT + " WHERE birth > '2020-02-01 10:00:00'"),
    (Code.LITERAL, "residents.sex", W, COUNT + " WHERE sex = NULL"),
    (Code.LITERAL, "residents.age", W, COUNT + " WHERE age = ?"),
    (Code.LITERAL, "residents.age", W, COUNT + " WHERE age = $1"),
    (Code.LITERAL, "residents.age", W, COUNT + " WHERE age IN (1, NULL)"),
    (Code.LITERAL, "residents.age", W, COUNT + " WHERE age = '5'::INTEGER"),
    (Code.LITERAL, "residents.age", W, COUNT + f" WHERE age > 0.{'0' * 35}1"),
    (Code.LITERAL, "residents.age", W, COUNT + " WHERE age = 1e400"),
    (Code.LITERAL, "residents.tags", W, COUNT + " WHERE tags = 'x'"),
    (Code.LITERAL, None, T, COUNT + " WHERE sex = $$F$$"),
    (Code.LITERAL, None, T, COUNT + " WHERE sex = E'F'"),
    (Code.LITERAL, "residents.seen", W, COUNT + " WHERE year(seen) = 1 AND seen = 5"),
    (Code.LITERAL, "residents.birth", W, COUNT + " WHERE year(birth) = '2020'"),
    (Code.HAVING, None, H, "SELECT sex, COUNT(*) FROM residents GROUP BY sex HAVING COUNT(*) > 3"),
    (Code.HAVING, None, H, "SELECT sex, COUNT(*) AS n FROM residents GROUP BY sex HAVING n > 3"),
    (Code.HAVING, None, H, "SELECT sex, COUNT(*) FROM residents GROUP BY sex HAVING COUNT(DISTINCT pid) < 3"),
    (Code.HAVING, None, H, "SELECT sex, COUNT(*) FROM residents GROUP BY sex HAVING COUNT(DISTINCT pid) = 3"),
    (
        Code.HAVING,
        None,
        H,
        "SELECT sex, COUNT(*) FROM residents GROUP BY sex HAVING COUNT(DISTINCT pid) > 3.0",
    ),
    (Code.HAVING, None, H, "SELECT sex, COUNT(*) FROM residents GROUP BY sex HAVING 3 < COUNT(DISTINCT pid)"),
    (Code.HAVING, None, H, "SELECT sex, COUNT(*) FROM residents GROUP BY sex HAVING COUNT(DISTINCT age) > 3"),
    (Code.HAVING, None, H, "SELECT sex, COUNT(*) FROM residents GROUP BY sex HAVING sex = 'F'"),
    (Code.HAVING, None, H, "SELECT sex, SUM(income) s FROM residents GROUP BY sex HAVING s > 10"),
    (
        Code.HAVING,
        None,
        H,
        "SELECT sex, COUNT(DISTINCT CASE WHEN age > 3 THEN pid END) n FROM residents GROUP BY sex HAVING n > 3",
    ),
    (Code.ORDER_BY, None, Y, COUNT + " ORDER BY age"),
    (Code.ORDER_BY, None, Y, COUNT + " ORDER BY 2"),
    (Code.ORDER_BY, None, Y, COUNT + " ORDER BY SUM(income)"),
    (Code.ORDER_BY, None, Y, COUNT + " ORDER BY ALL"),
    (Code.ORDER_BY, None, Y, COUNT + " ORDER BY random()"),
    (Code.ORDER_BY, None, Y, "SELECT sex, COUNT(*) FROM residents GROUP BY 1 ORDER BY sex COLLATE NOCASE"),
    (Code.LIMIT, None, L, COUNT + " LIMIT 0"),
    (Code.LIMIT, None, L, COUNT + " LIMIT 501"),
    (Code.LIMIT, None, L, COUNT + " LIMIT 5 OFFSET 1"),
    (Code.LIMIT, None, L, COUNT + " LIMIT 5 OFFSET 0"),
    (Code.LIMIT, None, L, COUNT + " OFFSET 3"),
    (Code.LIMIT, None, L, COUNT + " LIMIT 10%"),
    (Code.LIMIT, None, L, COUNT + " LIMIT 2 + 3"),
    (Code.LIMIT, None, L, COUNT + " LIMIT ALL"),
    (Code.LIMIT, None, L, COUNT + " LIMIT (SELECT 1)"),
    *(
        (Code.ALIAS, None, S, f"SELECT COUNT(*) AS {alias} FROM residents")
        for alias in ('"__n"', '"=n"', '"+n"', '"-n"', '"@n"', '" n"', '"a,b"', '"n;"', f'"{"x" * 65}"')
    ),
    (Code.ALIAS, None, S, "SELECT COUNT(*) AS n, SUM(income) AS N FROM residents"),
    (Code.ALIAS, None, S, "SELECT COUNT(*) AS pid FROM residents"),
    (Code.ALIAS, None, S, "SELECT age AS sex, COUNT(*) FROM residents GROUP BY age"),
    (
        Code.ALIAS,
        None,
        S,
        "SELECT date_trunc('month', birth) AS birth, COUNT(*) FROM residents GROUP BY birth",
    ),
    (Code.ALIAS, None, F, "SELECT COUNT(*) FROM residents AS visits"),
    (Code.ALIAS, None, F, "SELECT COUNT(*) FROM residents AS r(a, b)"),
    (Code.ALIAS, None, J, "SELECT COUNT(*) FROM residents r JOIN visits r ON r.pid = r.pid"),
    (Code.ALIAS, None, T, "SELECT COUNT(*) AS 'n' FROM residents"),
    (Code.ALIAS, None, T, "SELECT COUNT(*) FROM residents AS 'r'"),
    (Code.ALIAS, None, T, "SELECT COUNT(*) FROM 'r': residents"),
    (Code.UNKNOWN_TABLE, None, F, "SELECT COUNT(*) FROM 'residents'"),
    (Code.UNKNOWN_TABLE, None, F, "SELECT COUNT(*) FROM residents JOIN 'visits' USING (pid)"),
    (Code.UNKNOWN_COLUMN, None, J, "SELECT COUNT(*) FROM residents JOIN visits USING (pid, 'district')"),
    (Code.STAR, None, T, "SELECT COUNT((*)) FROM residents"),
    (Code.QUALIFIED_NAME, None, T, COUNT + " WHERE birth > main.DATE '2020-01-01'"),
    (Code.QUALIFIED_NAME, None, T, COUNT + " WHERE birth > '2020-01-01'::main.DATE"),
    (
        Code.QUALIFIED_NAME,
        None,
        T,
        "SELECT CAST(floor(age/5) AS main.INTEGER) k, COUNT(*) FROM residents GROUP BY k",
    ),
    (
        Code.FUNCTION,
        None,
        T,
        "SELECT IF(age > 3, 1, 0) FILTER (WHERE TRUE) k, COUNT(*) FROM residents GROUP BY 1",
    ),
    (Code.FUNCTION, None, T, "SELECT IF(DISTINCT age > 3, 1, 0) k, COUNT(*) FROM residents GROUP BY k"),
    (Code.FUNCTION, None, T, "SELECT ifnull(age, 1 ORDER BY score) k, COUNT(*) FROM residents GROUP BY k"),
    (Code.FUNCTION, None, T, "SELECT SUM(VARIADIC income) FROM residents"),
    (Code.QUALIFIED_NAME, None, T, "SELECT main.if(age > 3, 1, 0) k, COUNT(*) FROM residents GROUP BY k"),
    (
        Code.QUALIFIED_NAME,
        None,
        T,
        "SELECT main.date_part('month', birth) k, COUNT(*) FROM residents GROUP BY k",
    ),
    (Code.QUALIFIED_NAME, None, T, COUNT + " WHERE main. substring (sex, 1, 1) = 'F'"),
    (Code.LITERAL, "residents.age", W, COUNT + f" WHERE age IN (1e2, 0.{'0' * 35}1)"),
    (
        Code.LITERAL,
        None,
        G,
        f"SELECT CASE sex WHEN 'F' THEN 1{'0' * 37} ELSE 0.5 END k, COUNT(*) FROM residents GROUP BY k",
    ),
    (Code.FUNCTION, "residents.age", G, "SELECT left(age, 1) AS k, COUNT(*) FROM residents GROUP BY k"),
    (Code.ALIAS, None, W, COUNT + " WHERE left(s := sex, 1) = 'F'"),
]


@pytest.mark.parametrize(("code", "column", "where", "sql"), REFUSED)
def test_a_query_is_refused_for_its_reason(code: Code, column: str | None, where: Place, sql: str) -> None:
    verdict = check(sql, DATA_LIST)
    assert not verdict.allowed
    assert verdict.statement is None
    assert verdict.query is None
    found = [(reason.code, reason.column, reason.where) for reason in verdict.reasons]
    assert (code, column, where) in found


def test_every_code_has_its_queries() -> None:
    # BAD_LINE belongs to the line and not to a query; see test_batch.
    assert {code for code, *_ in REFUSED} | {Code.BAD_LINE} == set(Code)


def reasons_of(sql: str) -> list[Reason]:
    return list(check(sql, DATA_LIST).reasons)


@pytest.mark.parametrize(
    ("sql", "where"),
    [
        ("SELECT pg_catalog.sum(income) FROM residents", S),
        (COUNT + " WHERE pg_catalog.f(1) = 1", W),
        ("SELECT main.if(age > 3, 1, 0) k, COUNT(*) FROM residents GROUP BY k", T),
    ],
)
def test_a_prefix_of_a_call_is_told_once_where_it_stands(sql: str, where: Place) -> None:
    assert [r.where for r in reasons_of(sql) if r.code is Code.QUALIFIED_NAME] == [where]


def test_a_refusal_names_every_reason() -> None:
    found = {
        (reason.code, reason.column)
        for reason in reasons_of(
            "SELECT MAX(income), AVG(score), note, upper(sex) FROM residents"
            " WHERE income > 3 AND age = 'x' AND pid = 'P1' GROUP BY 4 HAVING COUNT(*) > 2 ORDER BY age LIMIT 900"
        )
    }
    assert found >= {
        (Code.AGGREGATE, "residents.income"),
        (Code.FEATURE_ONLY, "residents.score"),
        (Code.RAW_COLUMN, "residents.note"),
        (Code.GROUP_KEY, None),
        (Code.COLUMN_USE, "residents.income"),
        (Code.LITERAL, "residents.age"),
        (Code.PERSON_COLUMN, "residents.pid"),
        (Code.HAVING, None),
        (Code.ORDER_BY, None),
        (Code.LIMIT, None),
    }


HINTS = [
    ("SELECT MAX(income) FROM residents", "write AVG(income) instead of MAX(income)"),
    (COUNT + " WHERE income > 3", 'apply for use "filter" on residents.income'),
    (COUNT + " WHERE agee > 3", "write a listed column, such as age"),
    ("SELECT AVG(weight) FROM residents", "apply for bounds [lo, hi] on residents.weight"),
    ("SELECT sex, COUNT(*) FROM residents", "add residents.sex to GROUP BY"),
    (
        "SELECT seen, COUNT(*) FROM residents GROUP BY seen",
        "write date_trunc('month', residents.seen) instead of residents.seen",
    ),
    (
        "SELECT floor(income/1)*1 AS b, COUNT(*) FROM residents GROUP BY b",
        "write bins of at least 1000",
    ),
]


@pytest.mark.parametrize(("sql", "hint"), HINTS)
def test_the_hint_is_the_smallest_change(sql: str, hint: str) -> None:
    assert hint in [reason.hint for reason in reasons_of(sql)]


def test_every_hint_is_one_sentence_in_both_languages_and_repeats_no_literal() -> None:
    canary = "CANARY7731"
    for _, _, _, sql in REFUSED:
        marked = sql.replace("'F'", f"'{canary}'").replace("'x'", f"'{canary}'")
        for reason in check(marked, DATA_LIST).reasons:
            assert reason.hint
            assert reason.hint_zh
            assert "\n" not in reason.hint + reason.hint_zh
            assert canary not in reason.hint + reason.hint_zh
            assert re.search("[\u4e00-\u9fff]", reason.hint_zh)
            assert reason.hint.isascii() or "社区" in reason.hint


def test_a_column_is_named_as_listed_whatever_was_written() -> None:
    (reason,) = reasons_of(COUNT + " WHERE INCOME > 3")
    assert reason.column == "residents.income"


def test_the_strictest_use_wins() -> None:
    # `score` is listed as feature, group and filter; `visits.pid` is a person by its table's key alone.
    assert LIST["tables"][0]["columns"][10]["uses"] == ["feature", "group", "filter"]
    assert [reason.code for reason in reasons_of(COUNT + " WHERE score = 1")] == [Code.FEATURE_ONLY]
    assert check("SELECT COUNT(DISTINCT pid) FROM visits", DATA_LIST).allowed
