"""Entries: one spelling each, nothing personal, nothing forgiven."""

import contextlib
import json
from dataclasses import FrozenInstanceError, replace

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from policies.log.entry import MAX_ENTRY_BYTES, Entry, EntryType, Target, instant
from policies.log.errors import LogInvalid
from policies.resident import check_character

FULL = Entry(
    EntryType.OUTCOME,
    "2026-11-24T05:21:00Z",
    "operator",
    scenario="scenario-1",
    job="job-7",
    digests={"release": "ab" * 32, "authorization": "cd" * 32},
    commitments=("ef" * 32,),
    facts={"cells": 12, "suppressed": True, "reason": "小格抑制 / small cells"},
    target=Target("release", "release-7"),
)
NAMES = st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,10}", fullmatch=True)
IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,20}", fullmatch=True)
HEX = st.binary(min_size=32, max_size=32).map(bytes.hex)
TEXTS = st.text(max_size=20).filter(str.isprintable)
FACTS = st.one_of(TEXTS, st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1))
ENTRIES = st.builds(
    Entry,
    type=st.sampled_from(EntryType),
    at=st.integers(0, 4_000_000_000).map(instant),
    actor=NAMES,
    scenario=st.none() | IDS,
    job=st.none() | IDS,
    digests=st.dictionaries(NAMES, HEX, max_size=3),
    commitments=st.lists(HEX, max_size=3).map(tuple),
    facts=st.dictionaries(NAMES, FACTS, max_size=4),
    target=st.none() | st.builds(Target, NAMES, IDS),
)


@given(ENTRIES)
def test_parse_inverts_to_bytes_and_the_bytes_are_rfc_8785(entry: Entry) -> None:
    data = entry.to_bytes()
    assert Entry.parse(data) == entry
    assert rfc8785.dumps(json.loads(data)) == data


@given(ENTRIES, st.data())
def test_one_flipped_bit_is_refused_or_reads_as_another_entry(entry: Entry, data: st.DataObject) -> None:
    raw = bytearray(entry.to_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with contextlib.suppress(LogInvalid):
        assert Entry.parse(bytes(raw)) != entry


@given(st.binary(max_size=60))
def test_no_bytes_make_the_parser_raise_anything_else(data: bytes) -> None:
    with pytest.raises(LogInvalid):
        Entry.parse(data)


TEXT = FULL.to_bytes().decode()
SPELLINGS = {
    "space": TEXT.replace('":', '": ', 1),
    "trailing newline": TEXT + "\n",
    "other order": json.dumps(
        dict(reversed(json.loads(TEXT).items())), ensure_ascii=False, separators=(",", ":")
    ),
    "escaped text": json.dumps(json.loads(TEXT), sort_keys=True, separators=(",", ":")),
    "escaped solidus": TEXT.replace("/ small", "\\/ small"),
    "duplicate key": TEXT.replace('"actor":"operator"', '"actor":"agency","actor":"operator"'),
    "duplicate fact": TEXT.replace('"cells":12', '"cells":11,"cells":12'),
    "float": TEXT.replace("12,", "12.0,"),
    "exponent": TEXT.replace("12,", "1e1,"),
    "not a number": TEXT.replace("12,", "NaN,"),
    "minus zero": TEXT.replace("12,", "-0,"),
    "beyond 2^53": TEXT.replace("12,", "9007199254740992,"),
    "null fact": TEXT.replace("12,", "null,"),
    "null field": TEXT.replace('"scenario-1"', "null"),
    "unknown field": TEXT.replace('"actor"', '"aaa":1,"actor"'),
    "missing actor": TEXT.replace('"actor":"operator",', ""),
    "empty facts": '{"actor":"operator","at":"2026-11-24T05:21:00Z","facts":{},"type":"intent"}',
    "digests as a list": TEXT.replace('"digests":{', '"digests":[{').replace('},"facts"', '}],"facts"'),
    "target without id": TEXT.replace('"id":"release-7",', ""),
    "target as text": TEXT.replace('{"id":"release-7","kind":"release"}', '"release-7"'),
    "upper-case digest": TEXT.replace("ab" * 32, "AB" * 32),
    "short digest": TEXT.replace("ab" * 32, "ab" * 31),
    "commitment as a number": TEXT.replace('"' + "ef" * 32 + '"', "1"),
    "unknown type": TEXT.replace('"outcome"', '"guess"'),
    "type as a number": TEXT.replace('"outcome"', "1"),
    "type as a list": TEXT.replace('"outcome"', '["outcome"]'),
    "time with offset": TEXT.replace("05:21:00Z", "05:21:00+00:00"),
    "time with fraction": TEXT.replace("05:21:00Z", "05:21:00.5Z"),
    "a day that is none": TEXT.replace("11-24", "02-30"),
    "actor with spaces": TEXT.replace("operator", "the operator"),
    "byte order mark": "\ufeff" + TEXT,
    "a list": "[" + TEXT + "]",
    "deep nesting": "[" * 2000,
    "control character": TEXT.replace("small", "sm\\u0007all"),
    "lone surrogate": TEXT.replace("small", "sm\\ud800all"),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_another_spelling_is_refused(name: str) -> None:
    assert Entry.parse(TEXT.encode()) == FULL
    assert SPELLINGS[name] != TEXT
    with pytest.raises(LogInvalid):
        Entry.parse(SPELLINGS[name].encode())


def test_an_entry_beyond_2048_bytes_is_refused_both_ways() -> None:
    long = replace(FULL, commitments=("ab" * 32,) * 40)
    with pytest.raises(LogInvalid, match="2048"):
        long.to_bytes()
    with pytest.raises(LogInvalid, match="2048"):
        Entry.parse(b" " * (MAX_ENTRY_BYTES + 1))


def test_a_fact_with_a_resident_identity_number_is_refused() -> None:
    first = "11010519491231002"
    number = first + check_character(first)
    for text in (number, f"subject {number.lower()} scored", f"({number})"):
        with pytest.raises(LogInvalid, match="resident identity number"):
            replace(FULL, facts={"note": text})
    assert replace(FULL, facts={"note": "order 202611240521000001"}).facts["note"].endswith("1")  # type: ignore[union-attr]  # a text


@pytest.mark.parametrize("fact", [1.5, None, [], 2**53, "x" * 513, "line\nbreak"])
def test_a_fact_is_text_an_integer_or_a_truth_value(fact: object) -> None:
    with pytest.raises(LogInvalid):
        replace(FULL, facts={"note": fact})  # type: ignore[dict-item]  # the point of the test


def test_an_entry_does_not_change_after_it_was_checked() -> None:
    digests = {"release": "ab" * 32}
    entry = replace(FULL, digests=digests)
    digests["release"] = "not hex"
    assert entry.digests["release"] == "ab" * 32
    with pytest.raises(FrozenInstanceError):
        entry.actor = "agency"  # type: ignore[misc]  # the point of the test


def test_a_type_is_not_given_as_text() -> None:
    with pytest.raises(LogInvalid, match="EntryType"):
        Entry("intent", "2026-11-24T05:21:00Z", "operator")  # type: ignore[arg-type]  # the point of the test
