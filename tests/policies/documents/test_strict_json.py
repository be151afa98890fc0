"""Strict JSON has one meaning per text, one canonical text per value, and one error."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from policies.documents import strict_json
from policies.documents.strict_json import (
    MAX_BYTES,
    MAX_DEPTH,
    JsonRefused,
    canonical,
    parse,
    parse_object,
    quoted,
)

LARGEST = 2**53 - 1
SCALARS = st.characters(exclude_categories=["Cs"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | st.text(SCALARS, max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(SCALARS, max_size=6), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_parsing_what_was_written_canonically_gives_it_back(value: strict_json.Json) -> None:
    assert parse(canonical(value)) == value


@given(VALUES, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_every_spelling_has_the_same_canonical_bytes(
    value: strict_json.Json, indent: int | str | None, ascii_only: bool
) -> None:
    spelled = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()

    assert canonical(parse(spelled)) == canonical(value)


@given(st.binary(max_size=300))
@example(b"\xef\xbb\xbf{}")
@example(b'{"\\ud800":1}')
@example(b"-")
@example(b"\xff\xfe{\x00}\x00")
@example(b"[" * 60_000)
@example(b'"' + b"\\" * 60_000)
@example(b'{"a":' * 30_000)
@example(b"1" * 60_000)
@example(b"-0")
def test_any_bytes_parse_or_are_refused(data: bytes) -> None:
    try:
        value = parse(data)
    except JsonRefused:
        return
    assert parse(canonical(value)) == value


@given(st.text(alphabet='{}[]",:\\u0d8e1-.NaInfty \n', max_size=60))
def test_any_json_like_text_parses_or_is_refused(text: str) -> None:
    try:
        value = parse(text.encode())
    except JsonRefused:
        return
    assert value == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":1}', '{"a":1,"\\u0061":2}', '{"x":{"a":1,"b":2,"a":3}}', '[{"a":1,"a":2}]',
        "1.0", "1e2", "-1E+2", "0.0", "NaN", "Infinity", "-Infinity", "01", "+1", "-", "1.", ".5", "0x10", "1_000",
        "9007199254740992", "-9007199254740992", "1" * 400, "１", "١",
        '"\\ud800"', '"\\udc00\\ud800"', '{"\\udfff":1}', '"\\u12"', '"\\x41"', '"\t"', '"\x00"', "'a'", '"a',
        "", " ", "nul", "True", "undefined", "{}{}", "[1,]", "[,1]", '{"a"}', "{a:1}", "// c\n{}", "\ufeff{}", "\u00a0{}",
    ],
)  # fmt: skip
def test_what_json_or_this_profile_does_not_know_is_refused(text: str) -> None:
    with pytest.raises(JsonRefused):
        parse(text.encode("utf-8"))


@pytest.mark.parametrize(
    "data", [b'"\xff"', b'"\xc0\xaf"', b'"\xed\xa0\x80"', "{}".encode("utf-16"), b"\x80"]
)
def test_what_is_not_utf_8_is_refused(data: bytes) -> None:
    with pytest.raises(JsonRefused):
        parse(data)


def test_the_plain_parser_keeps_the_last_of_two_members_and_ours_refuses() -> None:
    text = '{"partner":"honest","partner":"mallory"}'

    assert json.loads(text) == {"partner": "mallory"}
    with pytest.raises(JsonRefused, match="`partner` twice"):
        parse(text.encode())


@pytest.mark.parametrize("number", [0, LARGEST, -LARGEST])
def test_integers_up_to_the_bound_pass(number: int) -> None:
    assert parse(str(number).encode()) == number


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_depth_is_bounded_for_reading_and_writing(opening: str, closing: str) -> None:
    deepest = (opening * MAX_DEPTH + "1" + closing * MAX_DEPTH).encode()
    deeper = (opening * (MAX_DEPTH + 1) + "1" + closing * (MAX_DEPTH + 1)).encode()

    assert canonical(parse(deepest)) == deepest
    with pytest.raises(JsonRefused, match="depth"):
        parse(deeper)
    with pytest.raises(JsonRefused, match="depth"):
        canonical(json.loads(deeper))


def test_brackets_inside_strings_are_no_depth() -> None:
    value = ["[" * 100, '\\"[[[[[[[[[[[[[[[[[[[[', {'"{{{{{{{{{{{{{{{{{{{{': "]"}]

    assert parse(json.dumps(value).encode()) == value


@given(VALUES)
def test_the_depth_scan_counts_what_a_plain_walk_counts(value: strict_json.Json) -> None:
    def depth(item: strict_json.Json) -> int:
        inner = item.values() if isinstance(item, dict) else item if isinstance(item, list) else None
        return 0 if inner is None else 1 + max(map(depth, inner), default=0)

    wrapped = value
    for _ in range(MAX_DEPTH - depth(value)):
        wrapped = [wrapped]
    if depth(value) <= MAX_DEPTH:
        assert parse(json.dumps(wrapped).encode()) == wrapped
    with pytest.raises(JsonRefused):
        parse(json.dumps([wrapped]).encode())


def test_size_is_bounded() -> None:
    assert parse(b'"' + b"a" * (MAX_BYTES - 2) + b'"') == "a" * (MAX_BYTES - 2)
    with pytest.raises(JsonRefused, match="at most 65536 bytes, got 65537"):
        parse(b'"' + b"a" * (MAX_BYTES - 1) + b'"')


@pytest.mark.parametrize("value", [1.0, [1.5], {"a": float("nan")}, {"a": (0.0,)}])
def test_floats_are_not_written(value: object) -> None:
    with pytest.raises(JsonRefused, match="floating-point"):
        canonical(value)  # type: ignore[arg-type]  # the point of the test


@pytest.mark.parametrize("value", [2**53, "\ud800", {"\ud800": 1}, {1: 2}, {"a": b"bytes"}, {"a": {1, 2}}])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(JsonRefused):
        canonical(value)  # type: ignore[arg-type]  # the point of the test


def test_members_are_ordered_by_utf_16_units_as_rfc_8785_says() -> None:
    value = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\x80": 6, "\xf6": 7}

    assert list(json.loads(canonical(value))) == ["\r", "1", "\x80", "\xf6", "\u20ac", "\U0001f600", "\ufb33"]


@pytest.mark.parametrize("text", ["[]", '"a"', "1", "null", "true"])
def test_an_object_is_asked_for(text: str) -> None:
    with pytest.raises(JsonRefused, match="expected an object"):
        parse_object(text.encode())


@given(st.text(max_size=100))
@example("`\n\ud800\u202e")
def test_quoted_text_is_one_printable_line(text: str) -> None:
    shown = quoted(text)

    assert shown.isprintable()
    assert shown.count("`") == 2
    assert len(shown) <= 40 * 10 + 3


def test_a_repeated_key_of_any_text_is_shown_on_one_line() -> None:
    key = json.dumps("\ud800\n`" + "x" * 100)

    with pytest.raises(JsonRefused) as caught:
        parse(f"{{{key}:1,{key}:2}}".encode())
    assert str(caught.value).isprintable()
