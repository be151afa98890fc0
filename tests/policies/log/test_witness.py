"""The witness moves forward only, along what it recomputed itself."""

from dataclasses import dataclass, field

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from policies.log.entry import Entry, EntryType, instant
from policies.log.errors import LogForked, LogInvalid
from policies.log.merkle import Frontier, leaf_hash, root
from policies.log.note import TreeHead, sign
from policies.log.witness import WitnessState, advance

ORIGIN = "district.example/log"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
PIN = "ab" * 32


@dataclass
class Log:
    """A log as its operator holds it: entries, and a key to sign any head with."""

    entries: list[bytes] = field(default_factory=list)

    def note(self, size: int | None = None) -> str:
        part = self.entries[:size]
        return sign(TreeHead(ORIGIN, len(part), root(leaf_hash(data) for data in part)), KEY)


def entry(index: int, *, actor: str = "operator") -> bytes:
    if index == 0:
        return Entry(EntryType.TRUST_ROOT, instant(0), actor, digests={"trust-root": PIN}).to_bytes()
    return Entry(EntryType.DELIVERY, instant(index), actor, job=f"job-{index}").to_bytes()


def step(state: WitnessState, note: str, entries: list[bytes], *, origin: str = ORIGIN) -> WitnessState:
    key = KEY.public_key().public_bytes_raw()
    return advance(state, note=note, entries=entries, origin=origin, log_key=key, pin=PIN)


LOG = Log([entry(index) for index in range(12)])
AT_FIVE = step(WitnessState(), LOG.note(5), LOG.entries[:5])


@given(st.lists(st.integers(0, 12), max_size=6))
def test_any_sequence_of_growing_sizes_leads_to_the_same_state(sizes: list[int]) -> None:
    state = WitnessState()
    for size in sorted(sizes):
        state = step(state, LOG.note(size), LOG.entries[state.size : size])
    assert state == WitnessState(state.size, Frontier().extend(map(leaf_hash, LOG.entries[: state.size])))
    assert sign(state.head(ORIGIN), KEY) == LOG.note(state.size)


def test_the_same_head_again_is_allowed() -> None:
    assert step(AT_FIVE, LOG.note(5), []) == AT_FIVE


def test_a_smaller_head_is_a_fork() -> None:
    with pytest.raises(LogForked, match="expected at least 5, got 4"):
        step(AT_FIVE, LOG.note(4), [])


def test_another_root_at_the_same_size_is_a_fork() -> None:
    other = Log([*LOG.entries[:4], entry(4, actor="agency")])
    with pytest.raises(LogForked):
        step(AT_FIVE, other.note(), [])


def test_a_rewritten_past_is_a_fork() -> None:
    other = Log([*LOG.entries[:2], entry(2, actor="agency"), *LOG.entries[3:]])
    with pytest.raises(LogForked):
        step(AT_FIVE, other.note(8), other.entries[5:8])


@pytest.mark.parametrize("entries", [LOG.entries[5:7], LOG.entries[5:9], []])
def test_missing_or_surplus_entries_are_refused(entries: list[bytes]) -> None:
    with pytest.raises(LogInvalid, match="expected 3"):
        step(AT_FIVE, LOG.note(8), entries)


def test_entries_in_another_order_are_refused() -> None:
    with pytest.raises(LogForked):
        step(AT_FIVE, LOG.note(7), [LOG.entries[6], LOG.entries[5]])


def test_a_leaf_that_is_no_entry_is_refused() -> None:
    junk = Log([*LOG.entries[:5], b'{"type":"anything"}'])
    with pytest.raises(LogInvalid):
        step(AT_FIVE, junk.note(), junk.entries[5:])


def test_another_log_or_key_is_refused() -> None:
    with pytest.raises(LogInvalid, match="origin"):
        step(AT_FIVE, LOG.note(6), LOG.entries[5:6], origin="district.example/other")
    head = TreeHead(ORIGIN, 6, root(leaf_hash(data) for data in LOG.entries[:6]))
    forged = sign(head, Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32))
    with pytest.raises(LogInvalid, match="got none"):
        step(AT_FIVE, forged, LOG.entries[5:6])


def test_a_log_that_does_not_begin_with_the_pinned_trust_root_is_refused() -> None:
    for first in (
        Entry(EntryType.TRUST_ROOT, instant(0), "operator", digests={"trust-root": "cd" * 32}).to_bytes(),
        Entry(EntryType.DOCUMENT, instant(0), "operator", digests={"trust-root": PIN}).to_bytes(),
    ):
        with pytest.raises(LogInvalid, match="entry 0"):
            step(WitnessState(), Log([first]).note(), [first])


def test_a_state_whose_size_is_not_its_frontier_does_not_come_to_be() -> None:
    with pytest.raises(LogInvalid):
        WitnessState(4, AT_FIVE.frontier)
