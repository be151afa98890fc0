"""What a query's outputs will be off by: every kind of aggregate, and the promise of 95 % tried out with real noise."""

from __future__ import annotations

import json
import math
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from enclaves.noise.gaussian import draw
from policies.privacy.errors import PrivacyInvalid
from policies.privacy.outputs import Priced, Sum, price
from policies.privacy.plan import Noise
from policies.privacy.zcdp import QUERY_RHO, compose
from policies.sql.data_list import DataList
from policies.sql.gate import check
from policies.sql.query import Query


def column(name: str, kind: str, *uses: str, bounds: list[int] | None = None) -> dict[str, object]:
    return {"name": name, "type": kind, "uses": list(uses)} | ({"bounds": bounds} if bounds else {})


LIST = DataList.read(
    json.dumps(
        {
            "tables": [
                {
                    "name": "visit",
                    "domain": "health",
                    "person_key": "pid",
                    "rows": 1000,
                    "columns": [
                        column("pid", "VARCHAR", "person"),
                        column("other", "VARCHAR", "person"),
                        column("sex", "VARCHAR", "group"),
                        column("cost", "DOUBLE", "measure", bounds=[0, 100]),
                        column("change", "DOUBLE", "measure", bounds=[5, 20]),
                    ],
                }
            ]
        }
    ).encode()
)
RNG = np.random.default_rng(5)


def query(select: str) -> Query:
    verdict = check(f"SELECT {select} FROM visit", LIST)
    assert verdict.query is not None, verdict.reasons
    return verdict.query


def priced(select: str, *, rows: int = 1, groups: int = 1, cell_rows: int | None = None) -> Priced:
    return price(query(select), LIST, rho=QUERY_RHO, rows=rows, groups=groups, cell_rows=cell_rows)


@pytest.mark.parametrize(
    ("select", "parts"),
    [
        ("COUNT(*)", ["rows"]),
        ("COUNT(DISTINCT pid)", ["persons of visit.pid"]),
        ("SUM(cost)", ["values of visit.cost"]),
        ("SUM(CASE WHEN sex = 'f' THEN 1 ELSE 0 END)", ["rows"]),
        ("AVG(cost)", ["values of visit.cost", "rows of visit.cost"]),
        (
            "VARIANCE(cost), STDDEV_POP(cost), AVG(cost), SUM(cost)",
            ["values of visit.cost", "rows of visit.cost", "squares of visit.cost"],
        ),
        # Other rows are another part.
        ("SUM(cost), SUM(cost) FILTER (WHERE sex = 'f')", ["values of visit.cost", "values of visit.cost"]),
        ("COUNT(*), COUNT(*) FILTER (WHERE sex = 'f')", ["rows", "rows"]),
        (
            "AVG(cost), AVG(change)",
            [f"{s} of visit.{c}" for c in ("cost", "change") for s in ("values", "rows")],
        ),
    ],
)
def test_each_part_is_released_once_and_all_parts_cost_rho_together(select: str, parts: list[str]) -> None:
    found = priced(select)
    assert [noise.measure.name for noise in found.noises] == parts
    assert compose(noise.rho for noise in found.noises) == QUERY_RHO


@pytest.mark.parametrize(
    ("select", "bound"),
    [
        ("COUNT(*)", 3),
        ("COUNT(DISTINCT pid)", 1),
        # A person may stand beside several other persons.
        ("COUNT(DISTINCT other)", 3),
        ("SUM(cost)", 300),
        ("SUM(change)", 60),
        ("SUM(CASE WHEN sex = 'f' THEN change ELSE 0 END)", 60),
    ],
)
def test_a_part_is_bounded_by_what_a_person_with_three_rows_adds(select: str, bound: int) -> None:
    (noise,) = priced(select, rows=3).noises
    assert noise.measure.bound == bound * noise.measure.scale


def test_squares_are_bounded_by_the_larger_square() -> None:
    squares = next(n for n in priced("VAR_SAMP(change)").noises if n.measure.name.startswith(Sum.SQUARES))
    assert squares.measure.bound == 400 * squares.measure.scale


def test_one_row_a_person_is_believed_where_the_keeper_says_so() -> None:
    (table,) = LIST.tables
    single = DataList((type(table)(**{
        name: getattr(table, name) for name in ("name", "domain", "person_key", "rows", "columns")
    }, one_row_per_person=True),))  # fmt: skip
    found = price(query("COUNT(*)"), single, rho=QUERY_RHO, rows=9, groups=1, cell_rows=None)
    assert found.noises[0].measure.bound == 1


def test_counts_and_sums_need_no_cell_size_and_ratios_do() -> None:
    found = priced("COUNT(*), SUM(cost), AVG(cost), VAR_POP(cost), STDDEV(cost)")
    assert [each.error_95 is None for each in found.estimates] == [False, False, True, True, True]


def noisy(noise: Noise, exact: float, runs: int) -> NDArray[np.float64]:
    """What is released of one part, in its own unit."""
    scale = float(noise.measure.scale)
    return (round(exact * scale) + draw(noise.sigma2, runs)) / scale


@pytest.mark.parametrize(
    "select", ["COUNT(*)", "SUM(cost)", "AVG(cost)", "VAR_POP(cost)", "STDDEV_POP(cost)"]
)
@pytest.mark.parametrize("top", [100.0, 30.0])
def test_the_truth_is_within_the_estimate_95_times_in_100(select: str, top: float) -> None:
    values, runs = RNG.uniform(0, top, 20_000), 4_000
    found = priced(select, cell_rows=len(values))
    exact = {"rows": float(len(values)), "values": float(values.sum()), "squares": float((values**2).sum())}
    seen = {n.measure.name.split()[0]: noisy(n, exact[n.measure.name.split()[0]], runs) for n in found.noises}
    match select.partition("(")[0]:
        case "COUNT":
            off = seen["rows"] - exact["rows"]
        case "SUM":
            off = seen["values"] - exact["values"]
        case "AVG":
            off = seen["values"] / seen["rows"] - values.mean()
        case "VAR_POP":
            off = seen["squares"] / seen["rows"] - (seen["values"] / seen["rows"]) ** 2 - values.var()
        case _:
            variance = seen["squares"] / seen["rows"] - (seen["values"] / seen["rows"]) ** 2
            off = np.sqrt(np.maximum(variance, 0)) - values.std()
    (estimate,) = found.estimates
    assert estimate.error_95 is not None
    # 4,000 runs tell 95 % to within 1.7 % once in a million.
    assert (np.abs(off) <= estimate.error_95).mean() > 0.933
    # And it is not mere caution: sums are exact about it.
    assert select not in {"COUNT(*)", "SUM(cost)"} or (np.abs(off) <= 0.8 * estimate.error_95).mean() < 0.95


def test_larger_cells_have_better_averages() -> None:
    small, large = (priced("AVG(cost)", cell_rows=n).estimates[0].error_95 for n in (100, 10_000))
    assert small is not None
    assert large is not None
    assert math.isclose(small, 100 * large)


def test_an_impossible_bound_of_rows_is_refused() -> None:
    for rows, groups in ((0, 1), (1, 0), (10**7, 1)):
        with pytest.raises(PrivacyInvalid):
            price(query("COUNT(*)"), LIST, rho=Fraction(1, 200), rows=rows, groups=groups, cell_rows=None)
