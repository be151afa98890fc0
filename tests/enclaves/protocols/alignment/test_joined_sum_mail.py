"""Messages of a joined sum: read back exactly, opened by their receiver only, refused in any other form."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enclaves.protocols.alignment.errors import BatchInvalid
from enclaves.protocols.alignment.group import Points
from enclaves.protocols.alignment.joined_sum import Answered, Asked, Outcome
from enclaves.protocols.alignment.joined_sum_mail import (
    Mail,
    open_answered,
    open_asked,
    open_outcome,
    seal_message,
)
from enclaves.protocols.errors import ProtocolError, SealBroken
from enclaves.protocols.sealing import SealingKey, seal
from tests.enclaves.protocols.alignment.kit import SID, Stream

PRIVATE, OTHER = (SealingKey(hashlib.sha256(name).digest()) for name in (b"receiver", b"other"))
MAIL = Mail(SID, "counter", "giver")
ASKED = Asked(Points(Stream("asked")(3200)))
ANSWERED = Answered(Points(Stream("raised")(3200)), Points(Stream("own")(32 * 105)), (b"cipher",) * 105)
OUTCOME = Outcome(7, b"cipher")
OPENERS = {Asked: open_asked, Answered: open_answered, Outcome: open_outcome}


@pytest.mark.parametrize("message", [ASKED, ANSWERED, OUTCOME], ids=["asked", "answered", "outcome"])
def test_a_message_is_read_back_by_its_receiver_in_its_place_only(
    message: Asked | Answered | Outcome,
) -> None:
    sealed = seal_message(message, MAIL, receiver=PRIVATE.public)
    opener = OPENERS[type(message)]
    assert opener(sealed, MAIL, private=PRIVATE) == message

    for mail in (replace(MAIL, sid=bytes(32)), replace(MAIL, sender="x"), replace(MAIL, receiver="x")):
        with pytest.raises(SealBroken):
            opener(sealed, mail, private=PRIVATE)
    with pytest.raises(SealBroken):
        opener(sealed, MAIL, private=OTHER)
    with pytest.raises(SealBroken):
        opener(sealed[:-1], MAIL, private=PRIVATE)
    for kind, wrong in OPENERS.items():
        if kind is not type(message):
            with pytest.raises(SealBroken):
                wrong(sealed, MAIL, private=PRIVATE)


@settings(max_examples=60)
@given(st.sampled_from(list(OPENERS)), st.binary(max_size=40))
def test_sealed_bytes_of_another_form_are_refused(kind: type[Asked | Answered | Outcome], raw: bytes) -> None:
    sealed = seal(PRIVATE.public, raw, info=MAIL.info(kind))
    if kind is Outcome and len(raw) > 4:
        assert open_outcome(sealed, MAIL, private=PRIVATE).ciphertext == raw[4:]
        return
    with pytest.raises(BatchInvalid):
        OPENERS[kind](sealed, MAIL, private=PRIVATE)


@pytest.mark.parametrize(
    ("raised", "own", "width"),
    [(100, 105, 7), (99, 105, 6), (100, 104, 6), (0, 105, 6), (2**32 - 1, 2**32 - 1, 6)],
)
def test_an_answer_of_lengths_it_does_not_have_is_refused(raised: int, own: int, width: int) -> None:
    body = ANSWERED.raised.raw + ANSWERED.own.raw + b"".join(ANSWERED.ciphertexts)
    head = raised.to_bytes(4, "big") + own.to_bytes(4, "big") + width.to_bytes(2, "big")
    with pytest.raises(BatchInvalid):
        open_answered(seal(PRIVATE.public, head + body, info=MAIL.info(Answered)), MAIL, private=PRIVATE)


def test_sizes_off_the_ladder_are_refused() -> None:
    for count in (0, 99, 101):
        sealed = seal_message(Asked(Points(bytes(32 * count))), MAIL, receiver=PRIVATE.public)
        with pytest.raises(BatchInvalid):
            open_asked(sealed, MAIL, private=PRIVATE)


def test_ciphertexts_of_different_lengths_or_too_long_a_one_are_refused() -> None:
    uneven = replace(ANSWERED, ciphertexts=(b"longer!", *ANSWERED.ciphertexts[1:]))
    with pytest.raises(BatchInvalid):
        seal_message(uneven, MAIL, receiver=PRIVATE.public)
    sealed = seal_message(Outcome(1, bytes(2049)), MAIL, receiver=PRIVATE.public)
    with pytest.raises(BatchInvalid):
        open_outcome(sealed, MAIL, private=PRIVATE)
    with pytest.raises(ProtocolError):
        Mail(bytes(31), "a", "b")
