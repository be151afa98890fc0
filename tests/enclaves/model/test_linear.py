"""Linear parts: the vectorized sum against plain Python, and what becomes of odd values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enclaves.model import linear
from enclaves.model.column import Column
from enclaves.model.errors import ModelError
from enclaves.model.partial import grid_units
from tests.enclaves.worker.domain import head, part

PART = part("hospital")
VALUES = st.one_of(st.none(), st.floats(-1e6, 1e6))


def columns(rows: list[tuple[float | None, float | None, str | None]]) -> dict[str, Column]:
    def numbers(values: list[float | None]) -> Column:
        missing = np.array([value is None for value in values], dtype=np.bool_)
        return Column(np.array([math.nan if v is None else v for v in values], dtype=np.float64), missing)

    texts = [row[2] for row in rows]
    return {
        "amount": numbers([row[0] for row in rows]),
        "visits": numbers([row[1] for row in rows]),
        "sex": Column(
            np.array([*texts, None], dtype=object)[:-1], np.array([t is None for t in texts], dtype=np.bool_)
        ),
    }


def plain(amount: float | None, visits: float | None, sex: str | None) -> float:
    a = math.log1p(min(max(700.0 if amount is None else amount, 0.0), 4000.0))
    v = min(max(3.0 if visits is None else visits, 1.0), 20.0)
    s = 0.5 if sex is None else float(sex == "F")
    return ((0.0 + 0.4 * a) + -0.12 * v) + 0.9 * s


@given(st.lists(st.tuples(VALUES, VALUES, st.sampled_from([None, "F", "M", ""])), min_size=1, max_size=20))
def test_partials_are_those_of_plain_python(
    rows: list[tuple[float | None, float | None, str | None]],
) -> None:
    found = linear.evaluate(PART, columns(rows), slots=len(rows))
    # log1p may differ in the last bit between libraries; everything else is the same IEEE operation.
    assert found == pytest.approx([plain(*row) for row in rows], rel=1e-15, abs=1e-15)


def test_halves_round_to_even_and_results_are_clipped() -> None:
    public = head(PART, default=1, low=-3, high=4)
    values = np.array([0.25, 0.75, 1.25, -0.25, 99.0, -99.0, math.inf, -math.inf, math.nan, 2.0])
    known = np.array([True] * 9 + [False])
    units = grid_units(values, known, head=public, grid=0.5)
    assert units.tolist() == [0, 2, 2, 0, 4, -3, 4, -3, 1, 1]


def test_equals_on_numbers_compares_numbers() -> None:
    feature = PART.features[2].model_copy(update={"column": "visits", "equals": "3"})
    found = linear.transformed(feature, columns([(1, 3, "F"), (1, 4, "F"), (1, None, "F")]), slots=3)
    assert found.tolist() == [1.0, 0.0, 0.5]


def test_a_missing_or_misshapen_column_is_refused() -> None:
    given_columns = columns([(1, 2, "F")])
    with pytest.raises(ModelError):
        linear.evaluate(PART, given_columns, slots=2)
    with pytest.raises(ModelError):
        linear.evaluate(PART, {k: v for k, v in given_columns.items() if k != "visits"}, slots=1)
    with pytest.raises(ModelError):
        linear.evaluate(PART, {**given_columns, "amount": given_columns["sex"]}, slots=1)
