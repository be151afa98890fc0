"""A template's values become literals and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.aggregate.template import ParametersInvalid, fill
from policies.documents.query import Parameter, ParameterType, ParameterValue

YEAR = Parameter(name="year", type=ParameterType.INTEGER)
PLAN = Parameter(name="plan", type=ParameterType.TEXT, choices=("free", "it's ours"))
SHARE = Parameter(name="share", type=ParameterType.DECIMAL)
SINCE = Parameter(name="since", type=ParameterType.DATE)


def filled(parameter: Parameter, value: str, sql: str | None = None) -> str:
    values = [ParameterValue(name=parameter.name, value=value)]
    return fill(sql or f"x = {{{parameter.name}}}", [parameter], values)


@pytest.mark.parametrize(
    ("parameter", "value", "text"),
    [
        (YEAR, "2024", "x = 2024"),
        (YEAR, "-5", "x = -5"),
        (SHARE, "0.25", "x = 0.25"),
        (SINCE, "2024-02-29", "x = DATE '2024-02-29'"),
        (PLAN, "free", "x = 'free'"),
        (PLAN, "it's ours", "x = 'it''s ours'"),
    ],
)
def test_a_value_becomes_a_literal_of_its_type(parameter: Parameter, value: str, text: str) -> None:
    assert filled(parameter, value) == text


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        (YEAR, "2024 OR TRUE"),
        (YEAR, "2024;"),
        (YEAR, ""),
        (YEAR, "1e3"),
        (YEAR, "٢٠٢٤"),
        (SHARE, "0.5.1"),
        (SHARE, "NaN"),
        (SINCE, "2023-02-29"),
        (SINCE, "2024-1-1"),
        (SINCE, "2024-01-01' OR '1'='1"),
        (PLAN, "FREE"),
        (PLAN, "free' OR '1'='1"),
    ],
)
def test_a_value_of_another_kind_is_refused(parameter: Parameter, value: str) -> None:
    with pytest.raises(ParametersInvalid) as caught:
        filled(parameter, value)
    assert value not in str(caught.value) or not value


@pytest.mark.parametrize(
    "values",
    [[], [ParameterValue(name="month", value="1")], [ParameterValue(name="year", value="1")] * 2],
)
def test_exactly_the_declared_parameters_are_given(values: list[ParameterValue]) -> None:
    with pytest.raises(ParametersInvalid):
        fill("x = {year}", [YEAR], values)


def test_braces_that_name_no_parameter_stay_for_the_gate_to_refuse() -> None:
    assert filled(YEAR, "1", "x = {year} AND {'a': 1} AND {other}") == "x = 1 AND {'a': 1} AND {other}"


def test_a_value_is_never_filled_in_again() -> None:
    free = Parameter(name="text", type=ParameterType.TEXT)
    values = [ParameterValue(name="text", value="{year}"), ParameterValue(name="year", value="7")]
    assert fill("{text} {year}", [free, YEAR], values) == "'{year}' 7"


@given(st.text(max_size=64))
def test_whatever_the_text_it_is_one_quoted_literal(value: str) -> None:
    free = Parameter(name="text", type=ParameterType.TEXT)
    try:
        values = [ParameterValue(name="text", value=value)]
    except ValueError:
        return
    shown = fill("{text}", [free], values)
    assert shown[0] == shown[-1] == "'"
    assert "'" not in shown[1:-1].replace("''", "")
    assert shown[1:-1].replace("''", "'") == value
