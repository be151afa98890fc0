"""Each word of a document has one spelling; digits and letters of other scripts are not it."""

from __future__ import annotations

import base64
import inspect
import json
import re
import string
import unicodedata
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import district_parties as parties
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from policies.documents import fields
from policies.documents.kinds import KINDS, json_schema

SOURCE = Path(inspect.getfile(fields)).parent
GOOD = {
    "Id": ["a", "0", "a.b_c-d", "a" * 80],
    "Party": ["ab", "0-", "a" * 63],
    "Sha256": ["0" * 64, "f" * 64],
    "ColumnName": ["a", "a_1", "a" * 63],
    "ShortText": ["中文 text", "x" * 400, "〔2026〕1号", "a b", "😀", "é"],
    "Instant": [
        "2026-01-31T08:00:00Z",
        "2024-02-29T23:59:59Z",
        "1970-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
    ],
    "DecimalText": ["0", "-12.50", "0.00", "1", "0.1", "9" * 40, "-0.01"],
    "Base64Key": [base64.b64encode(bytes(32)).decode()],
    "Base64Text": ["", "AAAA", "AA=="],
    "PublicKey": [parties.public_base64("gate")],
    "SealingKey": [parties.sealing_base64("gate")],
}
WIDE, ARABIC = "１", "١"
BAD = {
    "Id": ["", "-a", ".a", "A", "a" * 81, "a\n", "\na", "a b", WIDE, ARABIC, "é", "а", "ſ", "a\u0301", "a\x00"],
    "Party": ["", "a", "-a", "AB", "a" * 64, "ab\n", "a.b", "a_b", "ab" + WIDE, "a" + ARABIC, "аb"],
    "Sha256": ["", "0" * 63, "0" * 65, "F" * 64, "0" * 64 + "\n", WIDE * 64, ARABIC * 64, "0" * 63 + "g"],
    "ColumnName": ["", "_a", "1a", "A", "a" * 64, "a\n", "a-b", "a" + WIDE, "a" + ARABIC, "é", 'a"', "a;b", "a b"],
    "ShortText": [
        "", "x" * 401, "a\nb", "a\n", "a\tb", "a\r", "\x00", "\x7f", "\x85", "\u202ea", "\u2066a", "a\u200b", "\ufeffa",
        "a\u2028b", "a\u00adb", "\u061ca", "a\u200db", "\ue000", "a\u2060",
    ],
    "Instant": [
        "", "2026-01-31", "2026-01-31T08:00:00", "2026-01-31T08:00:00+00:00", "2026-01-31t08:00:00z",
        "2026-01-31 08:00:00Z", "2026-01-31T08:00:00.0Z", "2026-01-31T08:00Z", "2026-1-31T08:00:00Z",
        "2026-02-30T00:00:00Z", "2025-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z", "2026-01-32T00:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T08:60:00Z",
        "2026-01-31T08:00:60Z", "2026-01-31T08:00:61Z", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z",
        "2026-01-31T08:00:00Z\n", "２０２６-01-31T08:00:00Z", "٢٠٢٦-01-31T08:00:00Z", "2026-01-31T0８:00:00Z",
        "2026\u201301-31T08:00:00Z", "-026-01-31T08:00:00Z", "2026-01-31T+8:00:00Z", "2026-01-31T 8:00:00Z",
    ],
    "DecimalText": [
        "", "-", ".", ".5", "5.", "+1", "1e3", "1E3", "1_000", "1,000", " 1", "1 ", "1\n", "01", "-01", "00", "00.1",
        "-0", "-0.0", "-0.000", "NaN", "nan", "sNaN", "Infinity", "-inf", "１２", "1.２", "١٢", "१", "𝟏", "0x1", "--1",
        "1.2.3", "−1", "1" * 41, "½", "²", "一",
    ],
    "Base64Key": [
        "", base64.b64encode(bytes(31)).decode(), base64.b64encode(bytes(33)).decode(),
        "A" * 42 + "B=", "_" * 43 + "=", "Ａ" * 43 + "=", "A" * 43 + "\n",
    ],
    "Base64Text": ["A", "AA", "AAA", "AB==", "AAAA\n", " AAAA", "AA=A", "A-_A", "ＡＡＡＡ", "====", "\ud800AAA"],
    "PublicKey": [
        "", "A" * 43, "A" * 43 + "=", base64.b64encode(bytes([1]) + bytes(31)).decode(),
        parties.public_base64("gate") + "\n", parties.public_base64("gate")[:-1], "é" * 44,
    ],
    "SealingKey": [
        "", "A" * 1624, base64.b64encode(bytes(1217)).decode(), base64.b64encode(bytes(1218)).decode(),
        parties.sealing_base64("gate")[:-1], "é" * 1624,
    ],
}  # fmt: skip


def is_valid(field: str, text: Any) -> bool:
    try:
        TypeAdapter(getattr(fields, field)).validate_python(text, strict=True)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("field", "text"), [(field, text) for field, texts in GOOD.items() for text in texts]
)
def test_a_word_in_its_one_spelling_is_taken(field: str, text: str) -> None:
    assert is_valid(field, text)


@pytest.mark.parametrize(
    ("field", "text"),
    [pytest.param(f, t, id=f"{f}-{n}") for f, texts in BAD.items() for n, t in enumerate(texts)],
)
def test_any_other_spelling_is_refused(field: str, text: str) -> None:
    assert not is_valid(field, text)


@pytest.mark.parametrize("field", GOOD)
@pytest.mark.parametrize("value", [None, 1, True, b"a", ["a"], {"a": "b"}])
def test_only_text_is_text(field: str, value: object) -> None:
    assert not is_valid(field, value)


@pytest.mark.parametrize(
    "field", ["Id", "Party", "Sha256", "ColumnName", "Instant", "DecimalText", "Base64Text"]
)
@given(data=st.data())
def test_a_character_beyond_ascii_never_passes(field: str, data: st.DataObject) -> None:
    good = data.draw(st.sampled_from(GOOD[field]))
    position = data.draw(st.integers(0, max(len(good) - 1, 0)))
    character = data.draw(st.characters(min_codepoint=128))

    assert not is_valid(field, good[:position] + character + good[position + 1 :])


@pytest.mark.parametrize("field", ["Id", "Party", "Sha256", "ColumnName", "Instant", "DecimalText"])
def test_no_digit_of_any_script_passes_for_an_ascii_one(field: str) -> None:
    good = next(text for text in GOOD[field] if any(character.isdigit() for character in text))
    position = next(i for i, character in enumerate(good) if character.isdigit())
    digits = [c for c in map(chr, range(128, 0x20000)) if unicodedata.category(c) in {"Nd", "No", "Nl"}]

    assert len(digits) > 1000
    for digit in digits:
        assert not is_valid(field, good[:position] + digit + good[position + 1 :]), hex(ord(digit))


@given(st.text(string.digits + "+-.eE_ １١", max_size=12))
@example("-0.0")
def test_a_decimal_is_what_the_grammar_says(text: str) -> None:
    grammar = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
    expected = grammar.fullmatch(text) is not None and not (text.startswith("-") and Decimal(text) == 0)

    assert is_valid("DecimalText", text) == expected


@given(st.datetimes(min_value=datetime(1000, 1, 1), max_value=datetime(9999, 12, 31)))  # noqa: DTZ001 - strategy asks for naive
def test_an_instant_reads_back(moment: datetime) -> None:
    whole = moment.replace(microsecond=0, tzinfo=UTC)

    text = fields.instant_text(whole)

    assert is_valid("Instant", text)
    assert fields.instant(text) == whole
    assert fields.instant(text).utcoffset() == timedelta(0)


def patterns(schema: Any) -> set[str]:
    """All patterns in a JSON Schema."""
    if isinstance(schema, dict):
        own = {schema["pattern"]} if isinstance(schema.get("pattern"), str) else set()
        return own.union(*(patterns(value) for value in schema.values()))
    if isinstance(schema, list):
        return set().union(*(patterns(value) for value in schema))
    return set()


@pytest.mark.parametrize("kind", KINDS)
def test_published_patterns_are_anchored_and_name_ascii_ranges_only(kind: str) -> None:
    for pattern in patterns(json_schema(kind)):
        assert pattern.startswith("^"), pattern
        assert pattern.endswith("$"), pattern
        assert not re.search(r"\\[dDwWsSbBpP]", pattern), pattern


def test_no_source_of_the_room_uses_a_class_of_all_scripts_or_a_python_dollar() -> None:
    for path in SOURCE.glob("*.py"):
        code = re.sub(r'^"""[\s\S]*?"""', "", path.read_text("utf-8"))
        assert not re.search(r"\\[dwsDWS]", code), path.name
        assert not re.search(r"re\.(match|search)\(|\.(match|search)\(", code), path.name


def test_a_problem_names_the_field_and_never_its_value() -> None:
    from policies.documents.document import DocumentInvalid
    from policies.documents.halts import Suspension

    body = json.loads((SOURCE.parents[1] / "docs/documents/suspension.json").read_text("utf-8"))
    secret = "SECRET-440304"
    for member in body:
        with pytest.raises(DocumentInvalid) as caught:
            Suspension.from_body({**body, member: {"x": secret}})
        assert secret not in str(caught.value)
        assert str(caught.value).startswith(f"suspension: `{member}")


def test_an_unknown_member_of_any_name_is_shown_short_and_on_one_line() -> None:
    from policies.documents.document import DocumentInvalid
    from policies.documents.halts import Suspension

    body = json.loads((SOURCE.parents[1] / "docs/documents/suspension.json").read_text("utf-8"))
    with pytest.raises(DocumentInvalid) as caught:
        Suspension.from_body({**body, "\n`\u202e" + "x" * 5000: 1})

    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300
