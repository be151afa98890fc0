"""Group keys keep their class on the wire and have one spelling as text."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.aggregate.keys import KeyUnreadable, from_wire, key_of, spelled, to_wire
from policies.disclosure.cells import Key

KEYS: st.SearchStrategy[Key] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.text(max_size=30),
    st.dates(),
    st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-1000, max_value=1000),
)


@given(KEYS)
def test_the_wire_gives_the_key_back(key: Key) -> None:
    found = from_wire(to_wire(key))
    assert found == key
    assert type(found) is type(key)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (0.1, "0.1"),
        (Decimal("2.50"), "2.5"),
        (True, "true"),
        (dt.datetime(2024, 3, 1), "2024-03-01"),  # noqa: DTZ001 - the engine's times carry no zone
        (dt.date(2024, 3, 1), "2024-03-01"),
        ("1", "1"),
        (None, None),
    ],
)
def test_an_engines_value_has_one_spelling(value: object, text: str | None) -> None:
    assert spelled(key_of(value)) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"bytes", [1], {"a": 1}])
def test_what_is_no_key_is_refused(value: object) -> None:
    with pytest.raises(KeyUnreadable):
        key_of(value)


@pytest.mark.parametrize(
    "value",
    [
        "text",
        1,
        [],
        ["int"],
        ["int", "x"],
        ["bool", "yes"],
        ["date", "2024-13-01"],
        ["other", "x"],
        ["int", 1],
    ],
)
def test_what_no_domain_writes_is_refused(value: object) -> None:
    with pytest.raises(KeyUnreadable):
        from_wire(value)  # type: ignore[arg-type]  # what a foreign party might send
