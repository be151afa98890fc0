from __future__ import annotations

import re
from dataclasses import fields
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.disclosure import limits as limits_module
from policies.disclosure.errors import LimitLoosened
from policies.disclosure.limits import DIRECTIONS, Limits, Stricter
from policies.documents.strict_json import canonical

FLOOR = Limits()
NAMES = sorted(DIRECTIONS)
INTEGERS = [name for name in NAMES if isinstance(getattr(FLOOR, name), int)]
SHARES = [name for name in NAMES if isinstance(getattr(FLOOR, name), Fraction)]


def step(name: str, *, stricter: bool) -> int | Fraction:
    """A value a little stricter or looser than the floor."""
    value: int | Fraction = getattr(FLOOR, name)
    size = 1 if isinstance(value, int) else Fraction(1, 1000)
    up = (DIRECTIONS[name] is Stricter.HIGHER) == stricter
    return value + size if up else value - size


def test_the_defaults_are_those_of_the_specification() -> None:
    assert FLOOR.as_json() == {
        "local_persons": 5,
        "local_top_share": "0.600",
        "persons": 10,
        "domains": 3,
        "p_percent": 10,
        "top1_share": "0.500",
        "top2_share": "0.850",
        "complement": 10,
        "variance_persons": 30,
        "max_cells": 500,
        "max_keys": 3,
        "max_measures": 10,
        "count_base": 5,
        "sum_digits": 3,
        "atom_size": 10,
        "predicates_per_snapshot": 200,
        "refusals_per_scenario": 20,
        "review_cells": 200,
    }


def test_every_limit_has_a_direction_and_a_constant() -> None:
    assert {field.name for field in fields(Limits)} == set(DIRECTIONS)
    for field in fields(Limits):
        assert getattr(limits_module, field.name.upper()) == field.default


@pytest.mark.parametrize("name", NAMES)
def test_an_owner_may_tighten_and_never_loosen(name: str) -> None:
    tighter = step(name, stricter=True)
    assert getattr(FLOOR.tightened({name: tighter}), name) == tighter
    with pytest.raises(LimitLoosened):
        FLOOR.tightened({name: step(name, stricter=False)})
    with pytest.raises(LimitLoosened):
        Limits(**{name: step(name, stricter=False)})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES)
def test_of_several_owners_the_strictest_wins_in_any_order(name: str) -> None:
    strict, floor = step(name, stricter=True), getattr(FLOOR, name)
    one = FLOOR.tightened({name: strict}).tightened({name: floor})
    other = FLOOR.tightened({name: floor}).tightened({name: strict})
    assert getattr(one, name) == getattr(other, name) == strict


@given(
    st.dictionaries(st.sampled_from(INTEGERS), st.integers(-5, 1000)),
    st.sampled_from(SHARES),
    st.fractions(-1, 2),
)
def test_tightened_limits_are_never_looser_than_the_floor(
    wishes: dict[str, int], share: str, value: Fraction
) -> None:
    try:
        got = FLOOR.tightened({**wishes, share: value})
    except LimitLoosened:
        return
    for name in NAMES:
        floor, found = getattr(FLOOR, name), getattr(got, name)
        assert found >= floor if DIRECTIONS[name] is Stricter.HIGHER else 0 <= found <= floor


def test_decimal_text_is_read_exactly() -> None:
    assert FLOOR.tightened({"top1_share": "0.45", "persons": "12"}) == Limits(
        top1_share=Fraction(9, 20), persons=12
    )


NUMBER = "expected an integer or decimal text for `persons`, got "


@pytest.mark.parametrize(
    ("name", "wish", "message"),
    [
        ("person", 20, "expected the name of a limit, got `person`"),
        ("persons", 10.5, NUMBER + "float"),
        ("persons", True, NUMBER + "bool"),
        ("persons", None, NUMBER + "NoneType"),
        ("persons", "ten", NUMBER + "`ten`"),
        ("persons", "10.5", "expected an integer for `persons`, got 21/2"),
        ("persons", "1e9", NUMBER + "`1e9`"),
        ("persons", "1E9", NUMBER + "`1E9`"),
        ("persons", 10**10, "expected `persons` within [1, 1000000000], got 10000000000"),
        ("persons", "1/0", NUMBER + "`1/0`"),
        ("persons", "0" * 11 + "20", NUMBER + "`0000000000020`"),
        ("persons", "", NUMBER + "``"),
        ("persons", 9, "expected `persons` no looser than 10, got 9"),
        ("sum_digits", 0, "expected `sum_digits` within [1, 1000000000], got 0"),
        ("max_cells", 0, "expected `max_cells` within [1, 1000000000], got 0"),
        ("top1_share", "-0.1", "expected `top1_share` within [0, 1000000000], got -1/10"),
        ("top1_share", 0.4, "expected an integer or decimal text for `top1_share`, got float"),
    ],
)
def test_what_is_no_limit_is_refused(name: str, wish: object, message: str) -> None:
    with pytest.raises(LimitLoosened, match=f"^{re.escape(message)}$"):
        FLOOR.tightened({name: wish})  # type: ignore[dict-item]


def test_a_text_of_twelve_digits_is_still_read() -> None:
    assert FLOOR.tightened({"persons": "000000000020"}).persons == 20


@pytest.mark.parametrize("value", [True, 12.0, Fraction(12), "12"])
def test_a_field_holds_its_own_type_only(value: object) -> None:
    with pytest.raises(LimitLoosened):
        Limits(persons=value)  # type: ignore[arg-type]


def test_limits_have_canonical_bytes_without_floats() -> None:
    assert b'"top1_share":"1/3"' in canonical(Limits(top1_share=Fraction(1, 3)).as_json())


@pytest.mark.parametrize(
    ("n_domains", "bilateral", "required"),
    [(1, False, 1), (1, True, 1), (2, False, 3), (2, True, 2), (3, False, 3), (3, True, 3), (9, True, 3)],
)
def test_domains_required(n_domains: int, bilateral: bool, required: int) -> None:
    assert FLOOR.required_domains(n_domains, bilateral=bilateral) == required
