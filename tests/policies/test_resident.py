"""Resident numbers have one canonical spelling, and what is not one is refused without being quoted."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.resident import ResidentId, ResidentIdInvalid, check_character, check_resident_id

# The worked examples of GB 11643-1999, appendix: public, and printed in the standard itself.
STANDARD = ("11010519491231002X", "440524188001010014")
FIRST_17 = st.builds(
    lambda region, days, order: f"{region:06}{date(1900, 1, 1) + timedelta(days=days):%Y%m%d}{order:03}",
    st.integers(110000, 659999),
    st.integers(0, 45000),
    st.integers(0, 999),
)


def reference_check(first_17: str) -> str:
    """ISO 7064 MOD 11-2 by its definition: the whole number, X standing for 10, is 1 modulo 11."""
    return next(
        character
        for value, character in enumerate("0123456789X")
        if (sum(int(digit) * 2 ** (17 - i) for i, digit in enumerate(first_17)) + value) % 11 == 1
    )


@pytest.mark.parametrize("text", STANDARD)
def test_the_examples_of_the_standard_are_valid(text: str) -> None:
    assert ResidentId.parse(text).text == text


@given(FIRST_17)
def test_the_check_character_follows_iso_7064(first_17: str) -> None:
    assert check_character(first_17) == reference_check(first_17)


@given(FIRST_17, st.integers(0, 17), st.integers(1, 9))
def test_one_wrong_digit_is_always_caught(first_17: str, position: int, step: int) -> None:
    text = first_17 + check_character(first_17)
    symbols = "0123456789X" if position == 17 else "0123456789"
    wrong = symbols[(symbols.index(text[position]) + step) % len(symbols)]

    with pytest.raises(ResidentIdInvalid):
        ResidentId.parse(text[:position] + wrong + text[position + 1 :])


@given(FIRST_17, st.integers(0, 15))
def test_two_swapped_neighbors_are_always_caught(first_17: str, position: int) -> None:
    text = first_17 + check_character(first_17)
    swapped = text[:position] + text[position + 1] + text[position] + text[position + 2 :]

    if swapped != text:
        with pytest.raises(ResidentIdInvalid):
            ResidentId.parse(swapped)


def test_a_small_x_and_white_space_are_canonicalized() -> None:
    assert ResidentId.parse("  11010519491231002x\n").text == "11010519491231002X"


def test_the_old_form_becomes_the_new_one() -> None:
    assert ResidentId.parse("110105491231002").text == "11010519491231002X"
    assert ResidentId.parse("110105491231002") == ResidentId.parse("11010519491231002X")


@pytest.mark.parametrize("order", ["996", "997", "998", "999"])
def test_a_centenarian_of_the_old_form_is_not_given_to_somebody_else(order: str) -> None:
    with pytest.raises(ResidentIdInvalid):
        ResidentId.parse("110105491231" + order)


@pytest.mark.parametrize(
    "birth", ["19490229", "19491301", "19491200", "19490001", "00000101", "20230431", "19000229"]
)
def test_an_impossible_birth_is_refused(birth: str) -> None:
    first_17 = f"110105{birth}002"

    with pytest.raises(ResidentIdInvalid, match="date"):
        ResidentId(first_17 + check_character(first_17))


@pytest.mark.parametrize("birth", ["20000229", "18800101", "99991231"])
def test_a_possible_birth_is_not(birth: str) -> None:
    first_17 = f"110105{birth}002"

    assert ResidentId(first_17 + check_character(first_17))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "X",
        "1101051949123100",
        "11010519491231002",
        "11010519491231002XX",
        "11010519491231002Y",
        "1101051949123100X2",
        "１１０１０５１９４９１２３１００２Ｘ",
        "１1010519491231002X",
        "11010519491231002Ｘ",
        "11010519491231002ⅹ",
        "11010519491231002х",
        "١١٠١٠٥١٩٤٩١٢٣١٠٠٢X",
        "১1010519491231002X",
        "¹1010519491231002X",
        "①1010519491231002X",
        "一1010519491231002X",
        "𝟏1010519491231002X",
        "１１０１０５４９１２３１００２",
        "11010549123100²",
        "11010519491231 02X",
        "11010519491231\u200b002X",
        "+1010519491231002X",
        "1_010519491231002X",
        "-1010519491231002X",
        "1101051949123100\n2X",
        "11010519491231002\x00",
        "\ud8001010519491231002X",
    ],
)
def test_what_is_not_ascii_digits_in_form_is_refused(text: str) -> None:
    with pytest.raises(ResidentIdInvalid):
        ResidentId.parse(text)


@pytest.mark.parametrize(
    "text", ["11010519491231002x", " 11010519491231002X", "11010519491231002X\n", "110105491231002"]
)
def test_only_the_canonical_form_can_be_built_directly(text: str) -> None:
    with pytest.raises(ResidentIdInvalid):
        ResidentId(text)


@pytest.mark.parametrize("text", ["", "1" * 16, "1" * 18, "１" * 17, "1101051949123100X", "²" * 17])
def test_a_check_character_needs_17_ascii_digits(text: str) -> None:
    with pytest.raises(ResidentIdInvalid):
        check_character(text)


@given(st.text(max_size=20))
def test_parsing_any_text_ends_in_a_canonical_number_or_the_one_error(text: str) -> None:
    try:
        person = ResidentId.parse(text)
    except ResidentIdInvalid:
        return
    check_resident_id(person.text)


@given(FIRST_17)
def test_neither_repr_nor_error_shows_the_number(first_17: str) -> None:
    text = first_17 + check_character(first_17)
    wrong = text[:17] + ("0" if text[17] != "0" else "1")

    assert text[6:] not in repr(ResidentId(text))
    with pytest.raises(ResidentIdInvalid) as caught:
        ResidentId.parse(wrong)
    assert wrong[6:] not in str(caught.value)
    assert caught.value.code == "resident_id_invalid"
