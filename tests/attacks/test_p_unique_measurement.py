"""The unique measurement: every party adds a one in a slot of its own; whatever is not 0 or 1 afterwards was counted twice.

The coordinator tries to have one input measured again: it puts a vector of an earlier session in the place of this one's,
and it sends the same plan twice. Naive: pair masks under keys that stay, as where a session is in no key: an old vector fits
into a new sum, and two vectors of one party differ by its inputs alone. Ours: sid and fresh draws are in every key and
signature, so an old vector is refused, the same plan is not begun again, and another attempt gives unrelated bytes.

Source: the tests of Janus, after protocols.md section 10; attack A6.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from enclaves.protocols import ring, secagg
from enclaves.protocols.recovery.errors import Reason, RecoveryRefused
from enclaves.protocols.recovery.gate import Evidence, open_sum
from enclaves.protocols.recovery.session import Session
from enclaves.protocols.recovery.stages import GATE_STAGES, PARTY_STAGES
from enclaves.protocols.ring import Masked, Total
from enclaves.protocols.secagg import EphemeralKey, ReceiverKey
from tests.enclaves.protocols.recovery.seats import ready, seat
from tests.enclaves.protocols.recovery.simulator import StageRefused, Table, boot_key, names, open_at_gate

ROSTER = names(5)
SLOTS = len(ROSTER)
NOBODY = np.zeros(SLOTS, dtype=np.int64)


def unit(party: str) -> ring.Encoded:
    return ring.encode(np.eye(SLOTS, dtype=np.int64)[ROSTER.index(party)])


def naive_vector(party: str, encoded: ring.Encoded) -> Masked:
    """Masks that cancel and are the same in every session."""
    key = {name: EphemeralKey(hashlib.sha256(name.encode()).digest()) for name in ROSTER}
    pairs = {}
    for peer in ROSTER:
        if peer != party:
            low, high = sorted((party, peer))
            pairs[peer] = secagg.pair_key(key[party], key[peer].public, sid=bytes(32), low=low, high=high)
    return secagg.mask(encoded, party=party, pair_keys=pairs, receiver_key=ReceiverKey(bytes(32)), start=0)


def naive_sum(vectors: list[Masked]) -> list[int]:
    receivers = {str(number): ReceiverKey(bytes(32)) for number in range(len(vectors))}
    sent = {str(number): words for number, words in enumerate(vectors)}
    return [int(v) for v in ring.decode(secagg.open_sum(sent, receiver_keys=receivers, start=0))]


def run(attempt: int) -> tuple[Session, Evidence]:
    """One honest session of ours in which every party adds its unit."""
    given = Session(hashlib.sha256(b"plan %d" % attempt).digest(), ROSTER, SLOTS, 1)
    parties, published, dealings = ready(given, draw=attempt)
    contributions = [party.contribute(unit(name)) for name, party in parties.items()]
    agreements = [party.agree(ROSTER) for party in parties.values()]
    answers = [party.unmask(agreements) for party in parties.values()]
    return given, Evidence(
        published, [d.transcript for d in dealings], contributions, ROSTER, agreements, answers
    )


def opened(given: Session, evidence: Evidence) -> list[int]:
    table = Table(GATE_STAGES)
    table.begin(given.sid)
    keys = {name: boot_key(name) for name in ROSTER}
    found = open_sum(given, evidence, keys=keys, open_sealed=open_at_gate, stages=table)
    return [int(v) for v in ring.decode(found.total)]


def test_an_honest_sum_of_units_is_one_everywhere() -> None:
    assert opened(*run(1)) == [1] * SLOTS
    assert naive_sum([naive_vector(name, unit(name)) for name in ROSTER]) == [1] * SLOTS


def test_naive_sums_take_an_old_vector_and_measure_its_party_twice() -> None:
    """In the second session nobody has anything to add; for each target the coordinator puts in its vector of the first."""
    counted = 0
    first = {name: naive_vector(name, unit(name)) for name in ROSTER}
    for target in ROSTER:
        second = {name: naive_vector(name, ring.encode(NOBODY)) for name in ROSTER} | {target: first[target]}
        both = np.add(naive_sum(list(first.values())), naive_sum(list(second.values())))
        counted += int(both[ROSTER.index(target)] == 2 and both.sum() == SLOTS + 1)
    assert counted == len(ROSTER)


def test_ours_refuse_an_old_vector_for_every_target() -> None:
    given, evidence = run(1)
    _, old = run(2)
    refusals = 0
    for at in range(len(ROSTER)):
        contributions = list(evidence.contributions)
        contributions[at] = old.contributions[at]
        with pytest.raises(RecoveryRefused) as refused:
            opened(given, replace(evidence, contributions=contributions))
        refusals += refused.value.reason is Reason.SIGNATURE
    assert refusals == len(ROSTER)


def test_ours_refuse_a_vector_twice_and_in_the_place_of_another() -> None:
    given, evidence = run(1)
    one, other, *rest = evidence.contributions
    twice = [
        [*evidence.contributions, one],
        [one, one, *rest],
        [one, replace(one, party=other.party), *rest],
        [one, replace(other, masked=one.masked), *rest],
    ]
    for contributions in twice:
        with pytest.raises(RecoveryRefused):
            opened(given, replace(evidence, contributions=contributions))


def test_an_old_vector_under_this_sessions_masks_would_be_noise_not_a_two() -> None:
    """Below the signatures: what is left of it after every mask of this session came off is no small number."""
    given, evidence = run(1)
    _, old = run(2)
    change = old.contributions[0].masked - evidence.contributions[0].masked
    total = ring.encode(np.array(opened(given, evidence))) + change
    assert np.all(np.abs(ring.decode(Total(total))) > 2**40)


def test_the_same_plan_twice_differs_by_the_inputs_alone_where_masks_stay() -> None:
    """Two hundred inputs before and after a change: naive, every change is read; ours, of a new attempt, none."""
    naive = ours = 0
    rng = np.random.default_rng(3)
    for trial in range(40):
        before, after = rng.integers(0, 2, (2, SLOTS))
        read = naive_vector(ROSTER[0], ring.encode(after)) - naive_vector(ROSTER[0], ring.encode(before))
        naive += int((read.view(np.int64) == after - before).sum())
        words = []
        for attempt, values in ((2 * trial, before), (2 * trial + 1, after)):
            given = Session(hashlib.sha256(b"plan %d" % attempt).digest(), ROSTER, SLOTS, 1)
            parties, _, _ = ready(given, draw=attempt)
            words.append(parties[ROSTER[0]].contribute(ring.encode(values)).masked)
        ours += int(((words[1] - words[0]).view(np.int64) == after - before).sum())
    assert naive == 40 * SLOTS == 200
    assert ours == 0


def test_ours_do_not_begin_the_same_plan_again() -> None:
    """Neither in the process nor after a restart, whatever became of the first time."""
    given, _ = run(1)
    for name in ROSTER:
        table = Table(PARTY_STAGES)
        table.begin(given.sid)
        party = seat(name, given, table=table)
        party.publish()
        with pytest.raises(RecoveryRefused):
            party.publish()
        with pytest.raises(StageRefused):
            table.begin(given.sid)
        with pytest.raises(StageRefused):
            seat(name, given, draw=9, table=table).publish()
