"""Active and dead at once: the coordinator lists one party both among the survivors and among the gone.

With both kinds of share from t parties it holds the target's self mask and its mask seed; with the gate, which knows receiver
masks, it opens one party's vector. Naive: a client answers the lists as they come (Flower's `_unmask`). Ours: there is one
list, signed, the other kind follows from it, and no second list is answered; nor does telling half of the parties another
list help, with as many colluders as the protocol allows for.

Source: protocols.md section 2.1 and section 10, item 5; attack A9.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import pytest

from enclaves.protocols import ring, secagg
from enclaves.protocols.recovery import bundles, inputs, lanes
from enclaves.protocols.recovery.bundles import Bundle
from enclaves.protocols.recovery.dealing import Held
from enclaves.protocols.recovery.errors import RecoveryRefused
from enclaves.protocols.recovery.inputs import Contribution
from enclaves.protocols.recovery.party import Party
from enclaves.protocols.recovery.session import Session
from enclaves.protocols.recovery.shamir import Share, combine
from enclaves.protocols.recovery.survivors import Agreement, agreement_of
from enclaves.protocols.ring import Total
from policies.recovery import threshold
from tests.enclaves.protocols.recovery.seats import ready, session, vector
from tests.enclaves.protocols.recovery.simulator import open_at_gate, signing_key

SECRET = [17, -3, 960]
SIZES = (4, 5, 7, 10)


def naive_answer(
    held: Mapping[str, Held], *, active: Sequence[str], dead: Sequence[str]
) -> tuple[dict[str, Share], dict[str, Share]]:
    """Gives what is asked for, in two lists that nobody compares."""
    return {j: held[j].of_self_mask for j in active}, {j: held[j].of_mask_seed for j in dead}


def opened(
    given: Session,
    sent: Contribution,
    published: Iterable[Bundle],
    *,
    masks: Sequence[Share],
    seeds: Sequence[Share],
) -> list[int]:
    """The input of one party, from t shares of each kind and its receiver mask."""
    needed, target, left = given.needed, sent.party, sent.masked.copy()
    mask_key = bundles.mask_key_of(given, combine(seeds[:needed], needed=needed))
    roll = bundles.Roll({b.party: b for b in published}, b"")
    for peer, key in inputs.pair_keys_of(given, target, mask_key, roll=roll).items():
        (lanes.subtract_stream if secagg.adds(target, peer) else lanes.add_stream)(left, key, given.lanes)
    info = secagg.receiver_key_info(given.sid, party=target)
    lanes.subtract_stream(left, open_at_gate(sent.sealed_receiver_mask, info), given.lanes)
    lanes.subtract_stream(left, combine(masks[:needed], needed=needed), given.lanes)
    return [int(v) for v in ring.decode(Total(left))]


def delivered(parties: int) -> tuple[Session, dict[str, Party], list[Bundle], Contribution]:
    """A session after R3; the target, the second of the roster, has the secret."""
    given = session(parties)
    seats, published, _ = ready(given)
    sent = {
        name: seat.contribute(vector(*SECRET) if name == given.roster[1] else vector(0, 0, 0))
        for name, seat in seats.items()
    }
    return given, seats, published, sent[given.roster[1]]


@pytest.mark.parametrize("parties", SIZES)
def test_naive_clients_give_both_shares_and_the_vector_opens(parties: int) -> None:
    given, seats, published, sent = delivered(parties)
    masks, seeds = [], []
    for seat in seats.values():
        held = seat._state.held  # type: ignore[union-attr]  # after R3 a party holds the shares of all
        of_masks, of_seeds = naive_answer(held, active=given.roster, dead=[sent.party])
        masks.append(of_masks[sent.party])
        seeds.append(of_seeds[sent.party])
    assert opened(given, sent, published, masks=masks, seeds=seeds) == SECRET


@pytest.mark.parametrize("parties", SIZES)
def test_ours_answer_one_list_once(parties: int) -> None:
    """The whole roster, then the roster without the target: every second answer is refused, and no seed share is out."""
    given, seats, _, sent = delivered(parties)
    agreements = [seat.agree(given.roster) for seat in seats.values()]
    answers = [seat.unmask(agreements) for seat in seats.values()]
    without = [name for name in given.roster if name != sent.party]
    refusals = 0
    for seat in seats.values():
        for step in (partial(seat.agree, without), partial(seat.unmask, agreements)):
            with pytest.raises(RecoveryRefused):
                step()
            refusals += 1
    assert refusals == 2 * parties
    assert sum(sent.party in answer.of_self_masks for answer in answers) == parties
    assert sum(len(answer.of_mask_seeds) for answer in answers) == 0


@pytest.mark.parametrize("listed", [lambda r: [*r, r[1]], lambda r: [r[1], *r], lambda r: r[1:2] * len(r)])
def test_ours_sign_no_list_that_names_a_party_twice(listed: object) -> None:
    given, seats, _, _ = delivered(4)
    for seat in seats.values():
        with pytest.raises(RecoveryRefused):
            seat.agree(listed(list(given.roster)))  # type: ignore[operator]  # one of the functions above


@pytest.mark.parametrize("parties", SIZES)
@pytest.mark.parametrize("told_less", range(1, 8))
def test_two_lists_for_two_halves_do_not_give_both_secrets(parties: int, told_less: int) -> None:
    """n - t colluders sign both lists and give away all they hold; however the honest ones are split."""
    given, seats, _, sent = delivered(parties)
    needed, roster = given.needed, given.roster
    colluders = [name for name in roster if name != sent.party][: parties - needed]
    honest = [name for name in roster if name not in colluders]
    less = tuple(name for name in roster if name != sent.party)
    # The target signs no list without itself, so it is told the whole one.
    others = [name for name in honest if name != sent.party]
    misled = others[:told_less]
    roll = seats[sent.party]._state.roll  # type: ignore[union-attr]  # after R3 a party knows the roll
    said: list[Agreement] = [seats[name].agree(less if name in misled else roster) for name in honest]
    for listed in (roster, less):
        said += [
            agreement_of(given, name, listed, roll=roll, sign=signing_key(name).sign) for name in colluders
        ]
    masks = seeds = len(colluders)
    for name in honest:
        own = less if name in misled else roster
        try:
            answer = seats[name].unmask([a for a in said if a.survivors == own])
        except RecoveryRefused:
            continue
        masks += sent.party in answer.of_self_masks
        seeds += sent.party in answer.of_mask_seeds
    assert min(masks, seeds) < needed


def test_no_split_of_honest_parties_reaches_the_threshold_twice() -> None:
    """By counting, for every roster: with c colluders both lists pass only if n + c >= 2t, and n - t is too few."""
    for parties in range(4, 51):
        needed = threshold(parties)
        allowed = parties - needed
        splits = [
            (left, parties - allowed - left)
            for left in range(parties - allowed + 1)
            if left + allowed >= needed <= parties - left
        ]
        assert splits == []
        # Half as a threshold, which Flower permits, would not do.
        weak = parties // 2
        assert any(left + parties - weak >= weak <= parties - left for left in range(weak + 1))
