"""Attack seeds on what a column may be used for: persons, features, filters and keys without the use, unknown names."""

from __future__ import annotations

from tests.policies.sql.corpus.seeds import Family

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
]
