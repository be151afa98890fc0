"""What the log stopped is a pure replay: in any grouping, durable, and never lifted."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.documents.strict_json import Json
from policies.halts import Halts, HaltsInvalid
from policies.log.entry import Entry, EntryType, Target

AT = "2026-04-01T02:00:00Z"
hexes = st.integers(0, 30).map(lambda number: f"{number:064x}")


def entry(kind: EntryType, **fields: object) -> Entry:
    return Entry(type=kind, at=AT, actor="hospital", **fields)  # type: ignore[arg-type]  # fields by name


suspensions = st.builds(
    lambda kind, target: entry(EntryType.SUSPENSION, target=Target(kind, target)),
    st.sampled_from(["scenario", "authorization", "overall-authorization", "party"]),
    hexes,
)
revocations = st.builds(
    lambda kind, target: entry(EntryType.REVOCATION, target=Target(kind, target)),
    st.sampled_from(["model", "key"]),
    hexes,
)
withdrawals = st.lists(hexes, min_size=1, max_size=4).map(
    lambda items: entry(EntryType.WITHDRAWAL, commitments=tuple(items))
)
documents = st.builds(
    lambda complete, digest: entry(
        EntryType.DOCUMENT, digests={"scenario": "f" * 64, "supersedes": digest}, facts={"complete": complete}
    ),
    st.booleans(),
    hexes,
)
others = st.sampled_from([EntryType.INTENT, EntryType.OUTCOME, EntryType.DELIVERY, EntryType.REFUSAL]).map(
    entry
)
entries = st.lists(st.one_of(suspensions, revocations, withdrawals, documents, others), max_size=12)


def test_each_halt_is_known_after_its_entry() -> None:
    halts = Halts().replay(
        [
            entry(EntryType.SUSPENSION, target=Target("scenario", "a" * 64)),
            entry(EntryType.SUSPENSION, target=Target("party", "actuary-partner")),
            entry(EntryType.REVOCATION, target=Target("model", "b" * 64)),
            entry(EntryType.REVOCATION, target=Target("key", "c" * 64)),
            entry(EntryType.WITHDRAWAL, commitments=("d" * 64, "e" * 64)),
            entry(EntryType.DOCUMENT, digests={"supersedes": "f" * 64}, facts={"complete": True}),
        ]
    )
    assert halts.suspended("scenario", "a" * 64)
    assert halts.suspended("party", "actuary-partner")
    assert halts.revoked("model", "b" * 64)
    assert halts.revoked_keys == {"c" * 64}
    assert halts.withdrawn("d" * 64)
    assert halts.withdrawn("e" * 64)
    assert halts.superseded("f" * 64)
    # Kinds are not mixed up.
    assert not halts.suspended("authorization", "a" * 64)
    assert not halts.revoked("key", "b" * 64)


def test_an_incomplete_successor_supersedes_nothing() -> None:
    halts = Halts().apply(
        entry(EntryType.DOCUMENT, digests={"supersedes": "f" * 64}, facts={"complete": False})
    )
    assert not halts.superseded("f" * 64)


@pytest.mark.parametrize(
    "broken",
    [
        entry(EntryType.SUSPENSION),
        entry(EntryType.SUSPENSION, target=Target("model", "a" * 64)),
        entry(EntryType.REVOCATION),
        entry(EntryType.REVOCATION, target=Target("scenario", "a" * 64)),
        entry(EntryType.WITHDRAWAL),
    ],
)
def test_a_halting_entry_that_does_not_say_what_it_halts_is_refused(broken: Entry) -> None:
    with pytest.raises(HaltsInvalid):
        Halts().apply(broken)


@settings(max_examples=150, deadline=None)
@given(before=entries, after=entries)
def test_replay_does_not_depend_on_grouping_and_nothing_lifts_a_halt(
    before: list[Entry], after: list[Entry]
) -> None:
    at_once = Halts().replay([*before, *after])
    stepwise = Halts()
    for item in [*before, *after]:
        stepwise = stepwise.apply(item)
    first = Halts().replay(before)
    assert at_once == stepwise == first.replay(after)
    assert first.suspended_targets <= at_once.suspended_targets
    assert first.revoked_targets <= at_once.revoked_targets
    assert first.withdrawals <= at_once.withdrawals
    assert first.superseded_documents <= at_once.superseded_documents


@settings(max_examples=100, deadline=None)
@given(items=entries)
def test_json_reads_back_to_the_same_halts(items: list[Entry]) -> None:
    halts = Halts().replay(items)
    assert Halts.from_json(halts.to_json()) == halts


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"suspended": [], "revoked": [], "withdrawn": []},
        {"suspended": [], "revoked": [], "withdrawn": [], "superseded": [], "more": []},
        {"suspended": {}, "revoked": [], "withdrawn": [], "superseded": []},
        {"suspended": [["scenario"]], "revoked": [], "withdrawn": [], "superseded": []},
        {"suspended": [["scenario", 1]], "revoked": [], "withdrawn": [], "superseded": []},
        {"suspended": [], "revoked": [], "withdrawn": [1], "superseded": []},
        {"suspended": [], "revoked": [], "withdrawn": "a", "superseded": []},
    ],
)
def test_a_stored_state_that_cannot_be_read_is_refused_and_not_taken_for_empty(value: Json) -> None:
    with pytest.raises(HaltsInvalid):
        Halts.from_json(value)
