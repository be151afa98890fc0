"""The invariants of protocols.md, rule 2: each test would fail if the one check it names were gone."""

from __future__ import annotations

import hashlib
import itertools
import json
import random

import numpy as np
import pytest
from hypothesis import given as drawn_from
from hypothesis import settings
from hypothesis import strategies as st

from enclaves.protocols import prg, ring, secagg
from enclaves.protocols.recovery import bundles
from enclaves.protocols.recovery.errors import Reason
from enclaves.protocols.recovery.gate import Evidence, open_sum
from enclaves.protocols.recovery.lanes import Lanes
from enclaves.protocols.recovery.session import Session
from enclaves.protocols.recovery.stages import GATE_STAGES, Stage
from tests.enclaves.protocols.recovery import simulator
from tests.enclaves.protocols.recovery.seats import SID, ready, refused, seat, session, vector
from tests.enclaves.protocols.recovery.simulator import Table, boot_key, names

# --- invariant: the sum is right for every set of survivors of at least t ---------------------------------------------


def play(parties: int, survivors: tuple[str, ...], *, answering: tuple[str, ...]) -> list[int]:
    """The sum of `survivors` when only `answering` are there to the end."""
    given = session(parties)
    seats, published, dealings = ready(given)
    contributions = [
        seats[name].contribute(vector(i + 1, -i, 10**i % 997)) for i, name in enumerate(survivors)
    ]
    agreements = [seats[name].agree(survivors) for name in answering]
    answers = [seats[name].unmask(agreements) for name in answering]
    evidence = Evidence(
        published, [d.transcript for d in dealings], contributions, survivors, agreements, answers
    )
    table = Table(GATE_STAGES)
    table.begin(given.sid)
    opened = open_sum(
        given,
        evidence,
        keys={n: boot_key(n) for n in given.roster},
        open_sealed=simulator.open_at_gate,
        stages=table,
    )
    return simulator.decode(opened.total, given.lanes)


@pytest.mark.parametrize("parties", [4, 5, 6])
def test_the_sum_is_right_for_every_set_of_survivors(parties: int) -> None:
    roster = names(parties)
    needed = session(parties).needed
    tried = 0
    for size in range(needed, parties + 1):
        for survivors in itertools.combinations(roster, size):
            columns = [[i + 1, -i, 10**i % 997] for i in range(size)]
            expected = [sum(column) for column in zip(*columns, strict=True)]
            assert play(parties, survivors, answering=survivors[size - needed :]) == expected
            tried += 1
    assert tried == {4: 5, 5: 6, 6: 7}[parties]


@settings(max_examples=12)
@drawn_from(st.integers(7, 12), st.randoms(use_true_random=False))
def test_the_sum_is_right_for_any_survivors_of_larger_rosters(parties: int, rng: random.Random) -> None:
    needed = session(parties).needed
    size = rng.randint(needed, parties)
    survivors = tuple(sorted(rng.sample(names(parties), size)))
    answering = tuple(sorted(rng.sample(survivors, needed)))
    assert play(parties, survivors, answering=answering)[0] == size * (size + 1) // 2


# --- invariant: any bit of S changed, and nothing opens ---------------------------------------------------------------


def test_any_bit_of_the_plan_changed_opens_no_share() -> None:
    """Every bit of S, for one party that is told the changed S; sharing out fails already at the signatures."""
    text = json.dumps({"attempt": 1, "roster": list(names(4))}, separators=(",", ":")).encode()

    def sid_of(data: bytes) -> bytes:
        return hashlib.sha256(b"domicile-secagg/1\0" + data).digest()

    told = session(sid=sid_of(text))
    published = [seat(name, told).publish() for name in told.roster[1:]]
    for bit in range(8 * len(text)):
        changed = bytearray(text)
        changed[bit // 8] ^= 1 << bit % 8
        misled = seat(told.roster[0], session(sid=sid_of(bytes(changed))))
        refused(Reason.SIGNATURE, misled.deal, [misled.publish(), *published])
        assert misled.stage is Stage.ENDED


def test_keys_of_another_sid_open_no_share_and_cancel_no_mask() -> None:
    """Below the signatures: the same secrets under another sid give other cipher keys and other masks."""
    one, other = session(), session(sid=hashlib.sha256(b"plan, one bit changed").digest())
    parties, published, dealings = ready(one)
    _, published_there, dealings_there = ready(other)
    assert [b.share_key for b in published] == [b.share_key for b in published_there]
    assert all(
        dealings[i].sealed[name] != dealings_there[i].sealed[name]
        for i, own in enumerate(one.roster)
        for name in one.roster
        if name != own
    )
    fresh = seat(one.roster[0], one)
    fresh.publish()
    fresh.deal(published)
    sealed = {d.party: d.sealed[one.roster[0]] for d in dealings_there[1:]}
    refused(Reason.SHARE, fresh.accept, [d.transcript for d in dealings], sealed)
    assert all(party.stage is Stage.READY for party in parties.values())


# --- invariant: masked vectors are uniform, and never the same twice --------------------------------------------------


@pytest.mark.parametrize("lanes", list(Lanes))
def test_masked_zeros_are_uniform_bytes(lanes: Lanes) -> None:
    given = Session(SID, names(4), 100_000 // lanes, 0, lanes=lanes)
    parties, _, _ = ready(given)
    zeros = ring.Encoded(np.zeros(given.words, dtype="<u8"))
    for party in parties.values():
        masked = party.contribute(zeros).masked
        counts = np.bincount(masked.view(np.uint8), minlength=256)
        expected = counts.sum() / 256
        # 255 degrees of freedom: standard deviation 22.6; the bounds lie 5 deviations out.
        assert 142 < ((counts - expected) ** 2 / expected).sum() < 368


def test_the_identical_plan_twice_gives_unrelated_vectors() -> None:
    """New draws, as after a restart: no word is the same, and their difference is no constant."""
    given = session(slots=1000)
    values = ring.encode(np.arange(1000))
    one, other = (ready(given, draw=draw)[0][given.roster[0]].contribute(values).masked for draw in (1, 2))
    assert not np.any(one == other)
    assert len(np.unique(one - other)) == 1000


def test_every_mask_is_in_the_vector() -> None:
    """Were one left out, the sum would be no different; so the vector is put together by hand."""
    given = session(slots=5)
    parties, published, _ = ready(given)
    name = given.roster[1]
    drawn = bundles.draw_secrets(random.Random(f"1 {name}").randbytes)
    sent = parties[name].contribute(vector(1, 2, 3, 4, 5), noise=vector(10, 0, 0, 0, -10))
    expected = vector(11, 2, 3, 4, -5).copy()
    prg.add_words(expected, drawn.self_mask, start=0)
    prg.add_words(expected, drawn.receiver_mask, start=0)
    mask_key = bundles.mask_key_of(given, drawn.mask_seed)
    for bundle in published:
        if bundle.party != name:
            low, high = sorted((name, bundle.party))
            key = secagg.pair_key(mask_key, bundle.mask_key, sid=given.sid, low=low, high=high)
            (prg.add_words if name == low else prg.subtract_words)(expected, key, start=0)
    assert np.array_equal(sent.masked, expected)
    # C_i is without noise.
    secagg.check_opening(sent.commitment, drawn.opening_key, vector(1, 2, 3, 4, 5))
