"""The witness: what it replays, what it remembers, and what it will not cosign."""

from __future__ import annotations

from pathlib import Path

import pytest

from enclaves.witness.errors import CheckpointStale, LogRolledBack, WitnessError
from enclaves.witness.memory import WitnessMemory
from enclaves.witness.witness import Witness
from policies.log import note as notes
from policies.log.entry import EntryType, Target
from policies.log.errors import LogInvalid
from policies.log.merkle import Frontier, leaf_hash
from policies.log.note import TreeHead
from policies.log.witness import WitnessState
from tests.enclaves.agent.district import NAMES, Clock, _trust
from tests.enclaves.agent.relay import Line, Relay, entry

PARTIES, TRUST = _trust(NAMES)
PIN = "ab" * 32


def a_log(entries: int = 0) -> Relay:
    relay = Relay(TRUST, PARTIES["log"].identity)
    relay.append(entry(EntryType.TRUST_ROOT, digests={"trust-root": PIN}))
    for number in range(entries):
        relay.append(entry(EntryType.DELIVERY, facts={"n": number}))
    return relay


def a_witness(
    relay: Relay, path: Path, *, party: str = "enclave-hospital", clock: Clock | None = None
) -> Witness:
    return Witness(
        WitnessMemory(path / f"{party}.sqlite"),
        Line(relay, party),
        trust=TRUST,
        pin=PIN,
        party=party,
        key=PARTIES[party].identity,
        clock=clock or Clock(),
    )


def all_cosign(relay: Relay, path: Path, clock: Clock | None = None) -> None:
    for party in TRUST.witnesses:
        a_witness(relay, path, party=party, clock=clock).cosign()


def test_a_witness_applies_halts_before_it_cosigns(tmp_path: Path) -> None:
    relay = a_log(4)
    relay.append(entry(EntryType.SUSPENSION, target=Target("party", "partner")))
    witness = a_witness(relay, tmp_path)
    assert witness.cosign() == 6
    assert witness.halts.suspended("party", "partner")
    assert "enclave-hospital" in relay.cosignatures[6]


def test_what_was_seen_is_durable_before_the_cosignature_leaves(tmp_path: Path) -> None:
    relay = a_log(4)

    class Failing(Line):
        def post_cosignature(self, size: int, line: str) -> int:
            raise ConnectionError

    memory = WitnessMemory(tmp_path / "w.sqlite")
    key = PARTIES["gate"].identity
    witness = Witness(
        memory, Failing(relay, "gate"), trust=TRUST, pin=PIN, party="gate", key=key, clock=Clock()
    )
    with pytest.raises(ConnectionError):
        witness.cosign()
    assert WitnessMemory(tmp_path / "w.sqlite").state.size == 5


def test_cosigning_an_unchanged_log_again_renews_the_time(tmp_path: Path) -> None:
    relay, clock = a_log(2), Clock()
    all_cosign(relay, tmp_path, clock)
    clock.now += 700
    witness = a_witness(relay, tmp_path, clock=clock)
    with pytest.raises(CheckpointStale):
        witness.see(1)
    all_cosign(relay, tmp_path, clock)
    assert witness.see(1).age_s == 0


def test_a_shorter_log_is_refused_and_kept_as_evidence(tmp_path: Path) -> None:
    relay = a_log(5)
    witness = a_witness(relay, tmp_path)
    witness.cosign()
    older = a_log(2)
    again = a_witness(older, tmp_path)
    with pytest.raises(LogRolledBack):
        again.check_start()
    assert WitnessMemory(tmp_path / "enclave-hospital.sqlite").forks() == [older.notes[3]]
    assert older.cosignatures == {}


def test_another_history_of_the_same_size_is_refused(tmp_path: Path) -> None:
    a_witness(a_log(5), tmp_path).cosign()
    other = a_log(4)
    other.append(entry(EntryType.DELIVERY, facts={"n": 99}))
    other.append(entry(EntryType.DELIVERY, facts={"n": 5}))
    with pytest.raises(LogRolledBack):
        a_witness(other, tmp_path).cosign()
    assert other.cosignatures == {}


def test_a_log_under_another_trust_root_is_refused(tmp_path: Path) -> None:
    relay = Relay(TRUST, PARTIES["log"].identity)
    relay.append(entry(EntryType.TRUST_ROOT, digests={"trust-root": "cd" * 32}))
    with pytest.raises(LogInvalid):
        a_witness(relay, tmp_path).cosign()


def test_a_quorum_is_needed_to_see_an_entry(tmp_path: Path) -> None:
    relay = a_log(3)
    witness = a_witness(relay, tmp_path)
    witness.cosign()
    a_witness(relay, tmp_path, party="gate").cosign()
    with pytest.raises(CheckpointStale):
        witness.see(2)
    a_witness(relay, tmp_path, party="enclave-social").cosign()
    assert witness.see(2).entry.facts["n"] == 1


def test_cosignatures_from_the_future_do_not_count(tmp_path: Path) -> None:
    relay, clock = a_log(1), Clock()
    clock.now += 120
    all_cosign(relay, tmp_path, clock)
    clock.now -= 120
    with pytest.raises(CheckpointStale):
        a_witness(relay, tmp_path, clock=clock).see(1)


def test_a_head_between_two_stands_of_the_replay_is_confirmed_or_refused(tmp_path: Path) -> None:
    relay = a_log(3)
    for party in ("enclave-social", "enclave-transport", "gate"):
        a_witness(relay, tmp_path, party=party).cosign()
    late = a_witness(relay, tmp_path)
    for number in range(3, 9):
        relay.append(entry(EntryType.DELIVERY, facts={"n": number}))
    # This one jumps over size 4, at which the others had cosigned.
    late.cosign()
    assert late.see(2).size == 4
    # A quorum cosigns another entry at a size that this one jumped over.
    forged = list(relay.leaves)
    forged[2] = entry(EntryType.DELIVERY, facts={"n": 77}).to_bytes()
    root = Frontier().extend(leaf_hash(leaf) for leaf in forged[:4]).root()
    head = TreeHead(TRUST.log.origin, 4, root)
    relay.notes = {4: notes.sign(head, PARTIES["log"].identity)}
    relay.cosignatures[4] = {
        party: notes.cosign(head, PARTIES[party].identity, name=party, at=Clock().now)
        for party in ("enclave-social", "enclave-transport", "gate")
    }
    with pytest.raises(LogRolledBack):
        late.see(2)


def test_missing_entries_are_refused(tmp_path: Path) -> None:
    class Stingy(Line):
        def entries(self, start: int, end: int) -> list[bytes]:
            return []

    memory, key = WitnessMemory(tmp_path / "w.sqlite"), PARTIES["gate"].identity
    witness = Witness(
        memory, Stingy(a_log(2), "gate"), trust=TRUST, pin=PIN, party="gate", key=key, clock=Clock()
    )
    with pytest.raises(WitnessError):
        witness.cosign()


def test_two_processes_of_one_party_cannot_both_move_the_memory(tmp_path: Path) -> None:
    first, second = WitnessMemory(tmp_path / "w.sqlite"), WitnessMemory(tmp_path / "w.sqlite")
    one = Frontier().append(leaf_hash(b"a"))
    first.advance(WitnessState(1, one), first.halts)
    with pytest.raises(LogRolledBack):
        second.advance(WitnessState(1, one), second.halts)
