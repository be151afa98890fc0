"""Attack seeds on keys: coarsenings that are none, labels, bins, too many of them."""

from __future__ import annotations

from tests.policies.sql.corpus.seeds import Family

_BRANCHES = " ".join(f"WHEN {{num}} = {n} THEN {n}" for n in range(21))

FAMILIES = [
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
        SELECT floor({num}/10)*5 AS k, COUNT(*) FROM {t} GROUP BY k | GROUP_KEY FUNCTION BIN_TOO_FINE
        SELECT floor({num}/0.5)*0.5 AS k, COUNT(*) FROM {t} GROUP BY k | GROUP_KEY FUNCTION BIN_TOO_FINE
        SELECT floor({num}/0)*0 AS k, COUNT(*) FROM {t} GROUP BY k | GROUP_KEY FUNCTION BIN_TOO_FINE
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
]
