"""Each check by itself, on messages that are signed by whom they name: what no signature stops, the check must."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from enclaves.protocols import secagg
from enclaves.protocols.recovery import bundles, dealing, inputs, survivors, unmasking
from enclaves.protocols.recovery.bundles import Roll
from enclaves.protocols.recovery.errors import Reason
from enclaves.protocols.recovery.gate import Evidence, open_sum
from enclaves.protocols.recovery.party import Party
from enclaves.protocols.recovery.shamir import Share
from enclaves.protocols.recovery.stages import GATE_STAGES
from enclaves.protocols.recovery.unmasking import Answer
from tests.enclaves.protocols.recovery.seats import ready, refused, seat, session, vector
from tests.enclaves.protocols.recovery.simulator import (
    Table,
    boot_key,
    open_at_gate,
    seal_to_gate,
    signing_key,
)

GIVEN = session(5)
ROSTER = GIVEN.roster
KEYS = {name: boot_key(name) for name in ROSTER}
LEFT = ROSTER[1:]
"""Exactly t survivors."""


def whole() -> tuple[Evidence, Roll]:
    """An honest session in which the first party is gone."""
    parties, published, dealings = ready(GIVEN)
    contributions = [parties[name].contribute(vector(1, 2, 3)) for name in LEFT]
    agreements = [parties[name].agree(LEFT) for name in LEFT]
    answers = [parties[name].unmask(agreements) for name in LEFT]
    evidence = Evidence(published, [d.transcript for d in dealings], contributions, LEFT, agreements, answers)
    return evidence, bundles.check_bundles(GIVEN, published, KEYS)


HONEST, ROLL = whole()


def opening(evidence: Evidence, *, unseal: Callable[[bytes, bytes], bytes] = open_at_gate) -> object:
    table = Table(GATE_STAGES)
    table.begin(GIVEN.sid)
    return open_sum(GIVEN, evidence, keys=KEYS, open_sealed=unseal, stages=table)


def test_the_session_is_sound_to_begin_with() -> None:
    opening(HONEST)


@pytest.mark.parametrize("kind", ["share_key", "mask_key", "self_commitment"])
def test_a_signed_copy_of_anothers_key_is_refused(kind: str) -> None:
    copied = replace(HONEST.bundles[1], **{kind: getattr(HONEST.bundles[0], kind)})
    signed = replace(copied, signature=signing_key(copied.party).sign(copied.signed(GIVEN)))
    items = [HONEST.bundles[0], signed, *HONEST.bundles[2:]]
    refused(Reason.BUNDLES, bundles.check_bundles, GIVEN, items, KEYS)


@pytest.mark.parametrize("kind", ["share_key", "mask_key", "self_commitment", "signature"])
def test_the_transcript_covers_every_field(kind: str) -> None:
    changed = replace(HONEST.bundles[0], **{kind: bytes(len(getattr(HONEST.bundles[0], kind)))})
    assert bundles.transcript_of(GIVEN, [changed, *HONEST.bundles[1:]]) != ROLL.transcript


def check_transcripts(said: list[dealing.SignedTranscript]) -> None:
    dealing.check_transcripts(GIVEN, said, roll=ROLL, keys=KEYS)


def test_every_party_must_have_signed_the_same_transcript() -> None:
    check_transcripts(list(HONEST.transcripts))
    refused(Reason.TRANSCRIPT, check_transcripts, HONEST.transcripts[1:])
    refused(Reason.TRANSCRIPT, check_transcripts, [*HONEST.transcripts, HONEST.transcripts[0]])
    name, other = ROSTER[0], bytes(32)
    signature = signing_key(name).sign(dealing._transcript_statement(GIVEN, name, other))
    differing = dealing.SignedTranscript(name, other, signature)
    refused(Reason.TRANSCRIPT, check_transcripts, [differing, *HONEST.transcripts[1:]])


@pytest.mark.parametrize(
    "plain", [Share(3, 5).to_wire() * 2, Share(2, 5).to_wire(), Share(2, 5).to_wire() + bytes(67)]
)
def test_a_dealt_share_is_of_the_receivers_coordinate_and_one_encoding(plain: bytes) -> None:
    """Party number 2 gets a share of number 3, one share alone, and one that is none; all sealed as they should be."""
    sender, receiver = ROSTER[0], ROSTER[1]
    # The draws of `ready` anew.
    keys = {
        name: bundles.draw_secrets(random.Random(f"1 {name}").randbytes).share_key
        for name in (sender, receiver)
    }
    cipher = dealing._aead(GIVEN, keys[sender], ROLL, sender=sender, receiver=receiver, own=sender)
    bound = dealing._bound_to(GIVEN, ROLL, sender=sender, receiver=receiver)
    data = cipher.encrypt(bytes(12), plain, bound)

    def opened() -> None:
        dealing._open(GIVEN, receiver, keys[receiver], roll=ROLL, sender=sender, data=data)

    refused(Reason.SHARE, opened)


def check_contribution(sent: inputs.Contribution, roll: Roll = ROLL) -> None:
    inputs.check_contribution(GIVEN, sent, roll=roll, keys=KEYS)


def test_a_contribution_is_signed_with_its_receiver_mask_and_transcript() -> None:
    sent = HONEST.contributions[0]
    check_contribution(sent)
    info = secagg.receiver_key_info(GIVEN.sid, party=sent.party)
    resealed = replace(sent, sealed_receiver_mask=seal_to_gate(bytes(32), info))
    refused(Reason.SIGNATURE, check_contribution, resealed)
    refused(Reason.SIGNATURE, check_contribution, sent, Roll(ROLL.bundles, bytes(32)))


def check_agreement(said: list[survivors.Agreement], chosen: survivors.Survivors = LEFT) -> None:
    survivors.check_agreement(GIVEN, said, survivors=chosen, roll=ROLL, keys=KEYS)


def test_t_different_survivors_must_have_signed_this_set() -> None:
    said = list(HONEST.agreements)
    check_agreement(said)
    refused(Reason.SURVIVORS, check_agreement, said[1:])
    refused(Reason.SURVIVORS, check_agreement, [*said, said[0]])
    refused(Reason.SURVIVORS, check_agreement, [*said[1:], said[1]])
    signs = {name: signing_key(name).sign for name in ROSTER}
    another = survivors.agreement_of(GIVEN, ROSTER[1], ROSTER, roll=ROLL, sign=signs[ROSTER[1]])
    refused(Reason.SURVIVORS, check_agreement, [*said[1:], another])
    # A signature on one set does not stand for another.
    refused(Reason.SIGNATURE, check_agreement, [*said[1:], replace(another, survivors=LEFT)])
    statement = survivors._statement(GIVEN, ROSTER[0], LEFT, transcript=ROLL.transcript)
    gone = survivors.Agreement(ROSTER[0], LEFT, signs[ROSTER[0]](statement))
    refused(Reason.SURVIVORS, check_agreement, [*said[1:], gone])


def test_one_survivor_less_than_t_is_too_few() -> None:
    assert survivors.check_survivors(GIVEN, LEFT) == LEFT
    refused(Reason.SURVIVORS, survivors.check_survivors, GIVEN, LEFT[1:])


def signed(answer: Answer) -> Answer:
    message = answer.signed(GIVEN, transcript=ROLL.transcript, survivors=LEFT)
    return replace(answer, signature=signing_key(answer.party).sign(message))


def check_answers(answers: list[Answer]) -> None:
    unmasking.check_answers(GIVEN, answers, survivors=LEFT, roll=ROLL, keys=KEYS)


def test_an_answer_has_exactly_the_shares_of_its_sender() -> None:
    first, *rest = HONEST.answers
    check_answers([first, *rest])
    own, other = first.of_self_masks[LEFT[0]], rest[0].of_self_masks[LEFT[0]]
    wrong = [
        replace(first, of_self_masks={name: first.of_self_masks[name] for name in LEFT[1:]}),
        replace(first, of_self_masks={**first.of_self_masks, ROSTER[0]: own}),
        replace(first, of_mask_seeds={}),
        replace(first, of_mask_seeds={**first.of_mask_seeds, LEFT[0]: own}),
        replace(first, of_self_masks={**first.of_self_masks, LEFT[0]: other}),
        replace(first, party=ROSTER[0]),
        rest[0],
    ]
    for answer in wrong:
        refused(Reason.ANSWERS, check_answers, [signed(answer), *rest])
    # Of a party that is gone, with shares of its own coordinate.
    moved = {name: Share(1, share.value) for name, share in first.of_self_masks.items()}
    gone = replace(first, party=ROSTER[0], of_self_masks=moved, of_mask_seeds={ROSTER[0]: Share(1, 5)})
    refused(Reason.ANSWERS, check_answers, [signed(gone), first, *rest])
    refused(Reason.ANSWERS, check_answers, [first, *rest, first])
    refused(Reason.ANSWERS, check_answers, rest)
    refused(Reason.SIGNATURE, check_answers, [replace(first, signature=bytes(64)), *rest])


def test_wrong_shares_that_are_signed_end_the_session() -> None:
    """Both kinds, wrong by one at a party among the first t."""
    first, *rest = HONEST.answers
    for kind, target in (("of_self_masks", LEFT[0]), ("of_mask_seeds", ROSTER[0])):
        shares = dict(getattr(first, kind))
        shares[target] = Share(shares[target].x, shares[target].value ^ 1)
        wrong = signed(replace(first, **{kind: shares}))
        refused(Reason.SHARE, opening, replace(HONEST, answers=[wrong, *rest]))


def test_the_gate_asks_for_every_piece_itself() -> None:
    sent = list(HONEST.contributions)
    for reason, changed in (
        (Reason.BUNDLES, replace(HONEST, bundles=HONEST.bundles[1:])),
        (Reason.TRANSCRIPT, replace(HONEST, transcripts=[])),
        (Reason.SURVIVORS, replace(HONEST, survivors=LEFT[1:])),
        (Reason.SURVIVORS, replace(HONEST, agreements=[])),
        (Reason.INPUT, replace(HONEST, contributions=sent[1:])),
        (Reason.INPUT, replace(HONEST, contributions=[*sent, sent[0]])),
        (Reason.INPUT, replace(HONEST, contributions=[replace(sent[0], party=ROSTER[0]), *sent[1:]])),
        (Reason.ANSWERS, replace(HONEST, answers=[])),
    ):
        refused(reason, opening, changed)


def test_a_receiver_mask_of_another_length_is_refused() -> None:
    refused(Reason.RECEIVER, lambda: opening(HONEST, unseal=lambda sealed, info: bytes(31)))


def test_a_party_knows_its_own_bundle() -> None:
    """Another of its own making, signed by it, does not pass for the one it published."""
    party, twin = seat(ROSTER[0], GIVEN, draw=2), seat(ROSTER[0], GIVEN, draw=3)
    party.publish()
    refused(Reason.BUNDLES, party.deal, [twin.publish(), *HONEST.bundles[1:]])


def test_a_party_takes_only_the_boot_keys_of_its_roster() -> None:
    means = seat(ROSTER[0], GIVEN)._means
    for keys in ({name: KEYS[name] for name in LEFT}, KEYS | {ROSTER[1]: KEYS[ROSTER[2]]}):
        refused(Reason.SESSION, lambda keys=keys: Party(ROSTER[0], GIVEN, keys=keys, means=means))
    refused(Reason.SESSION, lambda: Party("stranger", GIVEN, keys=KEYS, means=means))


def test_boot_keys_must_be_those_of_the_roster_and_differ() -> None:
    table = Table(GATE_STAGES)
    for keys in (
        {name: KEYS[name] for name in LEFT},
        KEYS | {"stranger": boot_key("stranger")},
        KEYS | {ROSTER[0]: KEYS[ROSTER[1]]},
    ):
        refused(
            Reason.SESSION,
            lambda keys=keys: open_sum(GIVEN, HONEST, keys=keys, open_sealed=open_at_gate, stages=table),
        )
