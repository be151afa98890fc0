"""Attack seeds on what a column may be used for: uses, persons, features, conditions, keys and the closing clauses."""

from __future__ import annotations

from tests.policies.sql.corpus.seeds import Family

_IN_201 = ", ".join(str(n) for n in range(201))
_AND_101 = " AND ".join(f"{{num}} <> {n}" for n in range(101))
_OR_150 = " OR ".join(f"{{date}} = '2024-01-{n % 28 + 1:02d}'" for n in range(150))
_BRANCHES = " ".join(f"WHEN {{num}} = {n} THEN {n}" for n in range(21))

FAMILIES = [
    Family(
        "person_column_elsewhere",
        "PERSON_COLUMN",
        """
        SELECT {person}, COUNT(*) FROM {t} GROUP BY {person}
        SELECT {person} FROM {t}
        SELECT COUNT(*) FROM {t} WHERE {person} = 'P0001'
        SELECT COUNT(*) FROM {t} WHERE {person} IN ('P0001', 'P0002')
        SELECT COUNT(*) FROM {t} WHERE {person} IS NULL
        SELECT COUNT(*) FROM {t} WHERE {person} IS NOT NULL
        SELECT COUNT(*) FROM {t} WHERE {person} BETWEEN '1' AND '2'
        SELECT COUNT(*) FROM {t} WHERE left({person}, 4) = '4403'
        SELECT left({person}, 6), COUNT(*) FROM {t} GROUP BY ALL
        SELECT COUNT(*) FILTER (WHERE {person} = 'P0001') FROM {t}
        SELECT SUM(CASE WHEN {person} = 'P0001' THEN {measure} ELSE 0 END) FROM {t}
        SELECT COUNT(CASE WHEN {person} = 'P0001' THEN 1 END) FROM {t}
        SELECT CASE WHEN {person} = 'P0001' THEN 'x' ELSE 'y' END AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} ORDER BY {person}
        SELECT coalesce({person}, 'x') AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT COUNT(*) FROM {t} WHERE NOT ({person} <> 'P0001')
        """,
    ),
    Family(
        "person_key_not_listed_as_person",
        "PERSON_COLUMN",
        """
        SELECT person_id, COUNT(*) FROM social_insurance GROUP BY person_id
        SELECT COUNT(*) FROM social_insurance WHERE person_id = 'P1'
        SELECT person_id FROM social_insurance
        SELECT COUNT(*) FROM social_insurance WHERE person_id IS NULL
        SELECT id_card, COUNT(*) FROM social_insurance GROUP BY id_card
        SELECT COUNT(*) FROM social_insurance WHERE id_card = '440300'
        SELECT SUM(id_card) FROM social_insurance
        SELECT left(id_card, 6) AS k, COUNT(*) FROM social_insurance GROUP BY k
        SELECT COUNT(*) FILTER (WHERE id_card = 'x') FROM social_insurance
        """,
        tables=1,
    ),
    Family(
        "person_inside_distinct_count",
        "AGGREGATE_ARGUMENT PERSON_COLUMN FUNCTION CONDITION",
        """
        SELECT COUNT(DISTINCT left({person}, 6)) FROM {t}
        SELECT COUNT(DISTINCT {person} || {group}) FROM {t}
        SELECT COUNT(DISTINCT ({person}, {group})) FROM {t}
        SELECT COUNT(DISTINCT {person}, {group}) FROM {t}
        SELECT COUNT(DISTINCT hash({person})) FROM {t}
        SELECT COUNT(DISTINCT coalesce({person}, 'x')) FROM {t}
        SELECT COUNT(DISTINCT nullif({person}, 'P0001')) FROM {t}
        SELECT COUNT(DISTINCT CASE WHEN {group} = {lit} THEN {person} ELSE 'x' END) FROM {t}
        SELECT COUNT(DISTINCT CASE WHEN {group} = {lit} THEN {person} WHEN {group} IS NULL THEN {person} END) FROM {t}
        SELECT COUNT(DISTINCT CASE WHEN {group} = {lit} THEN {group} END) FROM {t} | AGGREGATE_ARGUMENT CONDITION COLUMN_USE
        """,
    ),
    Family(
        "feature_column",
        "FEATURE_ONLY",
        """
        SELECT {feature} FROM {t}
        SELECT {feature}, COUNT(*) FROM {t} GROUP BY {feature}
        SELECT AVG({feature}) FROM {t}
        SELECT SUM({feature}) FROM {t}
        SELECT COUNT({feature}) FROM {t}
        SELECT COUNT(DISTINCT {feature}) FROM {t}
        SELECT COUNT(*) FROM {t} WHERE {feature} > 0.5
        SELECT COUNT(*) FROM {t} WHERE {feature} IS NULL
        SELECT COUNT(*) FROM {t} WHERE {feature} IS NOT NULL
        SELECT COUNT(*) FILTER (WHERE {feature} > 0.5) FROM {t}
        SELECT SUM(CASE WHEN {feature} > 0.9 THEN 1 ELSE 0 END) FROM {t}
        SELECT floor({feature}/10)*10 AS b, COUNT(*) FROM {t} GROUP BY b
        SELECT CASE WHEN {feature} > 0.5 THEN 'high' ELSE 'low' END AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} ORDER BY AVG({feature})
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group} HAVING AVG({feature}) > 0.5
        SELECT MAX({feature}) FROM {t}
        SELECT corr({feature}, {measure}) FROM {t}
        SELECT coalesce({feature}, 0) AS k, COUNT(*) FROM {t} GROUP BY k
        """,
        tables=6,
    ),
    Family(
        "filter_on_measure",
        "COLUMN_USE",
        """
        SELECT COUNT(*) FROM {t} WHERE {measure} > 1000
        SELECT COUNT(*) FROM {t} WHERE {measure} BETWEEN 10 AND 11
        SELECT COUNT(*) FROM {t} WHERE {measure} = 1234.5
        SELECT COUNT(*) FROM {t} WHERE {measure} IS NULL
        SELECT COUNT(*) FROM {t} WHERE {measure} IN (1, 2, 3)
        SELECT COUNT(*) FROM {t} WHERE floor({measure}/10)*10 = 100
        SELECT SUM({measure}) FROM {t} WHERE {measure} > 999 AND {group} = {lit}
        SELECT {group}, COUNT(*) FROM {t} WHERE NOT {measure} < 5 GROUP BY {group}
        """,
    ),
    Family(
        "unauthorized_filter",
        "COLUMN_USE",
        """
        SELECT COUNT(*) FROM {t} WHERE {raw} = 'x'
        SELECT COUNT(*) FROM {t} WHERE {raw} IS NOT NULL
        SELECT COUNT(*) FROM {t} WHERE {raw} IN ('a', 'b')
        SELECT COUNT(*) FROM social_insurance WHERE community = '莲花'
        SELECT COUNT(*) FROM social_insurance WHERE birth_date > '1990-01-01'
        SELECT COUNT(*) FROM social_insurance WHERE year(birth_date) = 1980
        SELECT COUNT(*) FROM social_insurance WHERE employer_id = 'E1'
        SELECT COUNT(*) FROM admissions WHERE ward = 'ICU'
        SELECT COUNT(*) FROM admissions WHERE left(ward, 1) = 'I'
        SELECT COUNT(*) FROM 社保缴费 WHERE 单位编号 IS NULL
        SELECT COUNT(*) FROM vehicles WHERE line_id = 4
        """,
    ),
    Family(
        "unauthorized_key",
        "COLUMN_USE GROUP_KEY",
        """
        SELECT {filteronly}, COUNT(*) FROM {t} GROUP BY {filteronly}
        SELECT {joincol}, COUNT(*) FROM {t} GROUP BY {joincol}
        SELECT {raw}, SUM({measure}) FROM {t} GROUP BY {raw}
        SELECT left({raw}, 2) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT coalesce({raw}, 'x') AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT coalesce({measure}, 0) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT {measure} // 10 AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT {measure} - {measure} % 10 AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT floor({measure}/1000) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT CASE WHEN {filteronly} = '2024-01-01' THEN 'a' ELSE 'b' END AS k, COUNT(*) FROM {t} GROUP BY k | COLUMN_USE GROUP_KEY CONDITION PREDICATE
        SELECT CASE WHEN {measure} > 10 THEN 'a' ELSE 'b' END AS k, COUNT(*) FROM {t} GROUP BY k | COLUMN_USE GROUP_KEY CONDITION PREDICATE
        """,  # noqa: E501  # one seed a line
        tables=6,
    ),
    Family(
        "join_column_elsewhere",
        "COLUMN_USE GROUP_KEY RAW_COLUMN AGGREGATE_ARGUMENT",
        """
        SELECT employer_id, COUNT(*) FROM social_insurance GROUP BY employer_id
        SELECT COUNT(DISTINCT employer_id) FROM social_insurance
        SELECT COUNT(*) FROM social_insurance WHERE employer_id IS NULL
        SELECT 单位编号, COUNT(*) FROM 社保缴费 GROUP BY ALL
        SELECT org_code FROM tax_filings
        SELECT org_code, SUM(amount) FROM tax_invoices GROUP BY org_code
        SELECT COUNT(*) FROM 企业 WHERE org_code = 'X'
        SELECT COUNT(DISTINCT org_code) FROM 企业
        SELECT line_id, COUNT(*) FROM vehicles GROUP BY line_id
        SELECT SUM(line_id) FROM vehicles
        """,
        tables=1,
    ),
    Family(
        "conditional_aggregate",
        "CONDITION COLUMN_USE PERSON_COLUMN AGGREGATE_ARGUMENT PREDICATE",
        """
        SELECT SUM({measure}) FILTER (WHERE {measure} > 100) FROM {t}
        SELECT COUNT(*) FILTER (WHERE {raw} = 'x') FROM {t}
        SELECT SUM(CASE WHEN {measure} > 100 THEN {measure} ELSE 0 END) FROM {t}
        SELECT SUM(CASE WHEN {raw} = 'x' THEN {measure} ELSE 0 END) FROM {t}
        SELECT SUM(CASE WHEN {group} = {lit} THEN {measure} ELSE 1000000 END) FROM {t}
        SELECT SUM(CASE WHEN {group} = {lit} THEN {measure} ELSE {measure} END) FROM {t}
        SELECT SUM(CASE WHEN {group} = {lit} THEN {measure} WHEN {group} IS NULL THEN 0 END) FROM {t}
        SELECT SUM(CASE WHEN {group} = {lit} THEN {measure} * 2 ELSE 0 END) FROM {t}
        SELECT SUM(CASE WHEN {group} = {lit} THEN 1000 ELSE 0 END) FROM {t}
        SELECT SUM(CASE WHEN {group} = {lit} THEN 1 ELSE 2 END) FROM {t}
        SELECT AVG(CASE WHEN {group} = {lit} THEN 1 ELSE 0 END) FROM {t}
        SELECT COUNT(CASE WHEN {group} = {lit} THEN {measure} END) FROM {t}
        SELECT COUNT(CASE WHEN {group} = {lit} THEN 1 ELSE 0 END) FROM {t}
        SELECT COUNT(CASE WHEN {group} = {lit} THEN {person} END) FROM {t}
        SELECT SUM(IF({measure} > 10, {measure}, 0)) FROM {t}
        SELECT SUM({measure}) FILTER (WHERE {person} IS NOT NULL) FROM {t}
        SELECT COUNT(*) FILTER (WHERE TRUE) FROM {t}
        SELECT COUNT(*) FILTER (WHERE 1 = 1) FROM {t}
        SELECT SUM({group} = {lit}) FROM {t} | AGGREGATE_ARGUMENT CONDITION FUNCTION
        SELECT COUNT({group} = {lit} OR NULL) FROM {t} | AGGREGATE_ARGUMENT CONDITION FUNCTION
        SELECT COUNT(*) FILTER (WHERE SUM({measure}) > 5) FROM {t} | CONDITION PREDICATE FUNCTION AGGREGATE_EXPRESSION
        """,
        tables=4,
    ),
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
        "group_key",
        "GROUP_KEY RAW_COLUMN FUNCTION",
        """
        SELECT COUNT(*) FROM {t} GROUP BY {group}
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group}, {date}
        SELECT {group}, COUNT(*) FROM {t} GROUP BY 2
        SELECT {group}, COUNT(*) FROM {t} GROUP BY 3 | GROUP_KEY SYNTAX
        SELECT {group}, COUNT(*) FROM {t} GROUP BY 0 | GROUP_KEY SYNTAX
        SELECT {group}, COUNT(*) FROM {t} GROUP BY -1
        SELECT {group}, COUNT(*) FROM {t} GROUP BY 'x'
        SELECT {group}, COUNT(*) AS n FROM {t} GROUP BY {group}, n
        SELECT {ts}, COUNT(*) FROM {t} GROUP BY {ts}
        SELECT {group}, COUNT(*) FROM {t} GROUP BY lower({group})
        SELECT {group}, COUNT(*) FROM {t} GROUP BY {group}, ()  | GROUPING_SETS GROUP_KEY
        SELECT {group}, COUNT(*) FROM {t} GROUP BY () | GROUPING_SETS GROUP_KEY RAW_COLUMN
        """,
    ),
    Family(
        "coarsening_that_is_none",
        "GROUP_KEY FUNCTION",
        """
        SELECT floor({num}/10)*5 AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT floor({num}/0.5)*0.5 AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT floor({num}/0)*0 AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT {num} // -10 AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT floor({num}*10)/10 AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT {num} * 1 AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT {num} + 0 AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT {num} % 10 AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT floor({num}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT round({num}, -1) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT ceil({num}/10)*10 AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT trunc({num}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT floor({num}/{num})*{num} AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT CAST({num} AS INTEGER) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT CAST(floor({num}/10)*10 AS VARCHAR) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT TRY_CAST(floor({num}/10)*10 AS INTEGER) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT CAST(floor({num}/10)*10 AS TINYINT) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT date_trunc('hour', {ts}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT date_trunc('second', {ts}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT date_trunc({group}, {date}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT date_trunc('century', {date}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT minute({ts}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT epoch({ts}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT dayofyear({date}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT day({date}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT extract(epoch FROM {ts}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT extract(doy FROM {date}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT date_part('minute', {ts}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT date_part(['year', 'day'], {date}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT strftime({date}, '%Y-%m-%d') AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT strftime({ts}, '%H:%M:%S') AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT strftime('%Y', {date}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT year(date_trunc('year', {date})) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT right({group}, 2) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT left({group}, -1) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT substr({group}, 2, 3) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT substr({group}, 1) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT left({group}, {num}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT year({group}) AS k, COUNT(*) FROM {t} GROUP BY k | GROUP_KEY FUNCTION LITERAL
        SELECT left({num}, 1) AS k, COUNT(*) FROM {t} GROUP BY k | GROUP_KEY FUNCTION LITERAL
        SELECT coalesce({group}, {person}) AS k, COUNT(*) FROM {t} GROUP BY k | GROUP_KEY FUNCTION LITERAL PERSON_COLUMN
        SELECT coalesce({group}, 'a', 'b') AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT coalesce(left({group}, 2), 'a') AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT upper({group}) AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT {group}[1] AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT {group}[1:2] AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT NOT {flag} AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT {num} > 5 AS k, COUNT(*) FROM {t} GROUP BY k
        SELECT {group} IS NULL AS k, COUNT(*) FROM {t} GROUP BY k
        """,
        tables=3,
    ),
    Family(
        "case_label",
        "GROUP_KEY CONDITION PREDICATE COLUMN_USE LITERAL FUNCTION",
        f"""
        SELECT CASE WHEN {{group}} = {{lit}} THEN {{date}} END AS k, COUNT(*) FROM {{t}} GROUP BY k
        SELECT CASE WHEN {{group}} = {{lit}} THEN {{group}} ELSE 'other' END AS k, COUNT(*) FROM {{t}} GROUP BY k
        SELECT CASE WHEN {{group}} = {{lit}} THEN {{person}} END AS k, COUNT(*) FROM {{t}} GROUP BY k | PERSON_COLUMN GROUP_KEY
        SELECT CASE WHEN {{group}} = {{lit}} THEN 'a' ELSE 1 END AS k, COUNT(*) FROM {{t}} GROUP BY k
        SELECT CASE WHEN {{group}} = {{lit}} THEN 'a' WHEN {{group}} IS NULL THEN 2 END AS k, COUNT(*) FROM {{t}} GROUP BY k
        SELECT CASE WHEN {{measure}} > 10 THEN 'a' ELSE 'b' END AS k, COUNT(*) FROM {{t}} GROUP BY k
        SELECT CASE WHEN {{raw}} = 'x' THEN 'a' ELSE 'b' END AS k, COUNT(*) FROM {{t}} GROUP BY k
        SELECT CASE WHEN TRUE THEN 'a' ELSE 'b' END AS k, COUNT(*) FROM {{t}} GROUP BY k
        SELECT CASE {{group}} WHEN {{group}} THEN 'a' END AS k, COUNT(*) FROM {{t}} GROUP BY k
        SELECT CASE {{person}} WHEN 'P0001' THEN 'a' END AS k, COUNT(*) FROM {{t}} GROUP BY k | PERSON_COLUMN
        SELECT CASE WHEN {{group}} = {{lit}} THEN concat('a', {{raw}}) END AS k, COUNT(*) FROM {{t}} GROUP BY k
        SELECT CASE WHEN {{group}} = {{lit}} THEN CASE WHEN {{flag}} THEN 'a' END END AS k, COUNT(*) FROM {{t}} GROUP BY k
        SELECT CASE {_BRANCHES} END AS k, COUNT(*) FROM {{t}} GROUP BY k | GROUP_KEY TOO_MANY TOO_DEEP
        """,
        tables=3,
    ),
    Family(
        "fine_bins",
        "BIN_TOO_FINE",
        """
        SELECT floor(total_cost/1)*1 AS b, COUNT(*) FROM hospital_visits GROUP BY b
        SELECT floor(total_cost/999.99)*999.99 AS b, COUNT(*) FROM hospital_visits GROUP BY b
        SELECT floor(total_cost/0.01)*0.01 AS b, COUNT(*) FROM hospital_visits GROUP BY b
        SELECT CAST(floor(drug_cost/399)*399 AS INTEGER) AS b, COUNT(*) FROM hospital_visits GROUP BY b
        SELECT floor(systolic/3)*3 AS b, COUNT(*) FROM hospital_visits GROUP BY b
        SELECT floor(bed_days/7)*7 AS b, COUNT(*) FROM admissions GROUP BY b
        SELECT floor(cost/10)*10 AS b, COUNT(*) FROM admissions GROUP BY b
        SELECT floor(金额/50)*50 AS b, COUNT(*) FROM 处方 GROUP BY b
        SELECT floor(contribution_base/100)*100 AS b, COUNT(*) FROM social_insurance GROUP BY b
        SELECT (floor(缴费金额/199)*199)::INT AS b, COUNT(*) FROM 社保缴费 GROUP BY b
        SELECT floor(fare/0.5)*0.5 AS b, COUNT(*) FROM transport_trips GROUP BY b
        SELECT floor(distance_km/3.9)*3.9 AS b, COUNT(*) FROM transport_trips GROUP BY b
        SELECT floor(repair_cost/1999)*1999 AS b, COUNT(*) FROM vehicles GROUP BY b
        SELECT floor(taxable_income/1000000)*1000000 AS b, COUNT(*) FROM tax_filings GROUP BY b
        SELECT floor(refund/20)*20 AS b, COUNT(*) FROM tax_filings GROUP BY b
        SELECT floor(amount/7999)*7999 AS b, COUNT(*) FROM tax_invoices GROUP BY b
        SELECT floor(注册资本/1000000)*1000000 AS b, COUNT(*) FROM 企业 GROUP BY b
        SELECT floor(total_cost/1e-9)*1e-9 AS b, COUNT(*) FROM hospital_visits GROUP BY b
        SELECT floor(total_cost/0)*0 AS b, COUNT(*) FROM hospital_visits GROUP BY b | BIN_TOO_FINE GROUP_KEY FUNCTION
        SELECT floor(total_cost/-1000)*-1000 AS b, COUNT(*) FROM hospital_visits GROUP BY b | BIN_TOO_FINE GROUP_KEY FUNCTION
        """,
        tables=1,
    ),
    Family(
        "too_many_keys_or_aggregates",
        "TOO_MANY",
        """
        SELECT sex, district, department, insured, COUNT(*) FROM hospital_visits GROUP BY ALL
        SELECT sex, district, department, age, COUNT(*) FROM hospital_visits GROUP BY 1, 2, 3, 4
        SELECT industry, tax_year, filed_on, month, SUM(tax_paid) FROM tax_filings GROUP BY industry, tax_year, filed_on, month
        SELECT 药品类别, 科室, 医保支付, 开方日期, COUNT(*) FROM 处方 GROUP BY ALL
        SELECT COUNT(*), COUNT(*) AS b, COUNT(*) AS c, COUNT(*) AS d, COUNT(*) AS e, COUNT(*) AS f, COUNT(*) AS g, COUNT(*) AS h, COUNT(*) AS i, COUNT(*) AS j, COUNT(*) AS k FROM {t}
        SELECT SUM({measure}) AS a, AVG({measure}) AS b, VARIANCE({measure}) AS c, VAR_POP({measure}) AS d, VAR_SAMP({measure}) AS e, STDDEV({measure}) AS f, STDDEV_POP({measure}) AS g, STDDEV_SAMP({measure}) AS h, COUNT(*) AS i, COUNT(DISTINCT {person}) AS j, COUNT(1) AS k FROM {t}
        """,  # noqa: E501  # one seed a line
    ),
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
    Family(
        "unknown_column",
        "UNKNOWN_COLUMN",
        """
        SELECT SUM(salary) FROM {t}
        SELECT password, COUNT(*) FROM {t} GROUP BY password
        SELECT COUNT(*) FROM {t} WHERE secret = 1
        SELECT {t}.nothing, COUNT(*) FROM {t} GROUP BY ALL
        SELECT zzz.{group}, COUNT(*) FROM {t} GROUP BY ALL
        SELECT COUNT(DISTINCT ssn) FROM {t}
        SELECT COUNT(*) FROM {t} AS x WHERE {t}.{group} = {lit}
        SELECT COUNT(*) FROM {t} WHERE n = 1 LIMIT 1
        SELECT COUNT(*) AS n FROM {t} WHERE n > 1
        SELECT {group}.x, COUNT(*) FROM {t} GROUP BY ALL
        SELECT COUNT(*) FILTER (WHERE nope = 1) FROM {t}
        SELECT COUNT(*) FROM {t} WHERE {other}.{otherkey} = 'x' | UNKNOWN_COLUMN PERSON_COLUMN
        """,
        tables=4,
    ),
    Family(
        "ambiguous_column",
        "UNKNOWN_COLUMN",
        """
        SELECT hospital_code, COUNT(*) FROM hospital_visits JOIN admissions USING (person_id) GROUP BY hospital_code
        SELECT COUNT(DISTINCT person_id) FROM hospital_visits v JOIN admissions a ON v.person_id = a.person_id
        SELECT COUNT(*) FROM hospital_visits v JOIN admissions a USING (person_id) WHERE hospital_code = 'H1'
        SELECT COUNT(DISTINCT taxpayer_id) FROM tax_filings f JOIN tax_invoices i USING (org_code)
        SELECT 街道, COUNT(*) FROM 企业 e JOIN 社保缴费 p ON e.法人编号 = p.person_id GROUP BY ALL
        """,
        tables=1,
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
