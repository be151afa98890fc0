"""Mutants of what the other rooms of protocols read: Paillier parts and scores, payloads, sealed mail, shares, recovery.

Beside HE frames (`test_he_frames`) and batches and proofs of alignment (`alignment.test_fuzz`). What carries a signature or a
seal is refused, whatever was changed. What carries none, since it travels inside of a seal, is refused or is the one spelling
of what was read. Nothing but a ProtocolError is ever raised. `make long` makes 20,000 of each.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from enclaves.protocols.alignment.batch import Batch
from enclaves.protocols.alignment.joined_sum import Answered, Asked, Outcome
from enclaves.protocols.alignment.joined_sum_mail import _to_bytes
from enclaves.protocols.alignment.payload import ABSENT, Amount, Category, PayloadShape, Record
from enclaves.protocols.alignment.transfer import open_batch, seal_batch
from enclaves.protocols.errors import ProtocolError
from enclaves.protocols.paillier import ciphertexts, packing, scoring, weights
from enclaves.protocols.paillier.errors import PartNotSigned
from enclaves.protocols.recovery import bundles, dealing
from enclaves.protocols.recovery.gate import Evidence, open_sum
from enclaves.protocols.recovery.shamir import PRIME, Share
from enclaves.protocols.recovery.stages import GATE_STAGES
from enclaves.protocols.sealing import seal
from tests.enclaves.protocols.alignment.kit import District, person
from tests.enclaves.protocols.alignment.test_joined_sum_mail import (
    ANSWERED,
    ASKED,
    MAIL,
    OPENERS,
    OUTCOME,
    PRIVATE,
)
from tests.enclaves.protocols.mutating import mutants
from tests.enclaves.protocols.paillier.kit import (
    BINDING,
    bounds_of,
    full,
    full_pool,
    signed_part,
    small,
    small_pool,
)
from tests.enclaves.protocols.recovery.seats import ready, session, vector
from tests.enclaves.protocols.recovery.simulator import Table, boot_key, open_at_gate

LONG = 20_000


@dataclass
class Tally:
    """How many mutants were refused, and how many read as something else that has one spelling only."""

    refused: int = 0
    read: int = 0


Reader = Callable[[bytes], object]


def tally(data: bytes, reader: Reader, *, count: int, seed: int) -> Tally:
    """`reader` raises a ProtocolError or returns; anything else it raises fails the test."""
    found = Tally()
    for mutant in mutants(data, count=count, seed=seed):
        try:
            reader(mutant)
        except ProtocolError:
            found.refused += 1
        else:
            found.read += 1
    assert found.refused + found.read == count
    return found


# --- Paillier ---------------------------------------------------------------------------------------------------------

BOUNDS = bounds_of(3)


def opened_total(mutant: bytes) -> None:
    """A mutated score at the gate: no group element, or a total beyond every bound."""
    private = small()
    total = ciphertexts.from_wire(private.public, mutant)
    scoring.open_totals(private, [total], bound=BOUNDS.magnitude)


def opened_packed(mutant: bytes) -> None:
    """A mutated ciphertext of packed scores, opened with its honest neighbor's."""
    private = full()
    mine = ciphertexts.from_wire(private.public, mutant)
    packing.open_scores(private, [mine], count=5, parties=1)


@cache
def packed() -> bytes:
    pool = full_pool()
    lanes = np.zeros(packing.lanes_of(pool.key), dtype=np.uint64)
    lanes[:5] = np.arange(5, dtype=np.uint64)
    return ciphertexts.rerandomise(ciphertexts.trivial(pool.key, packing._pack(lanes)), pool).to_wire()


@cache
def part() -> weights.EncryptedPart:
    made, _ = signed_part([3, -4, 5], 7, bounds=BOUNDS, pool=small_pool())
    return made


def accepted(mutant: bytes, *, signed: Callable[[bytes], bool] | None = None) -> object:
    read = weights.part_from_wire(mutant, features=3, bits=small().public.bits)
    return weights.accept(
        read,
        key=small().public,
        bounds=BOUNDS,
        binding=BINDING,
        is_signed=signed or {part().digest}.__contains__,
    )


def check_paillier(count: int, *, seed: int) -> None:
    score = ciphertexts.encrypt(40, small_pool()).to_wire()
    opened_total(score)
    assert tally(score, opened_total, count=count, seed=seed).read == 0
    accepted(part().to_wire())
    assert tally(part().to_wire(), accepted, count=count, seed=seed + 1).read == 0


def test_no_mutated_score_or_part_under_paillier_is_accepted() -> None:
    check_paillier(400, seed=1)
    opened_packed(packed())
    assert tally(packed(), opened_packed, count=16, seed=3).read == 0


def test_a_part_is_refused_before_any_of_its_numbers_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    def parsed(*_: object) -> None:
        raise AssertionError("a number of an unsigned part was parsed")

    for name in ("from_wire", "base_from_wire"):
        monkeypatch.setattr(weights, name, parsed)
    for mutant in mutants(part().to_wire(), count=60, seed=4):
        if len(mutant) == len(part().to_wire()):
            with pytest.raises(PartNotSigned):
                accepted(mutant)


def test_a_part_that_a_careless_examiner_signed_is_refused_or_lies_in_the_group() -> None:
    """The signature holds over anything here; what is left is the check of the numbers."""
    found = tally(part().to_wire(), lambda m: accepted(m, signed=lambda _: True), count=400, seed=5)
    # Half of all numbers have the symbol -1, and a part has several that may have been hit.
    assert found.refused > 150


@pytest.mark.long
def test_no_mutated_score_or_part_under_paillier_is_accepted_in_twenty_thousand() -> None:
    check_paillier(LONG, seed=10)
    assert tally(packed(), opened_packed, count=1_000, seed=12).read == 0


# --- alignment --------------------------------------------------------------------------------------------------------

SHAPE = PayloadShape((Category("band", ("a", "b", "c")),), (Amount("cost", -5, 900), Amount("days", 0, 30)))
ROWS = [Record((n % 3,), (n * 7 - 5, None if n % 4 else n)) for n in range(12)]


def read_payload(mutant: bytes) -> None:
    """What was read lies within the shape, and written again it gives the bytes."""
    columns = SHAPE.read(mutant)
    assert ((columns.codes >= 0) & (columns.codes < 3)).all()
    for place, (low, high) in enumerate(((-5, 900), (0, 30))):
        amounts = columns.amounts[:, place]
        assert ((amounts == ABSENT) | ((amounts >= low) & (amounts <= high))).all()
    written = b"".join(
        bytes([int(weight)]) + codes.astype(">u2").tobytes() + amounts.astype(">i8").tobytes()
        for weight, codes, amounts in zip(columns.weight, columns.codes, columns.amounts, strict=True)
    )
    assert written == mutant


def reader_of(message: Asked | Answered | Outcome, *, resealed: bool) -> Reader:
    """Opens a mutant of the sealed message; with `resealed`, one of the words in it that its sender sealed."""

    def read(mutant: bytes) -> None:
        sealed = seal(PRIVATE.public, mutant, info=MAIL.info(type(message))) if resealed else mutant
        opened = OPENERS[type(message)](sealed, MAIL, private=PRIVATE)
        assert _to_bytes(opened) == mutant

    return read


def check_alignment(count: int, *, seed: int) -> None:
    packed_rows = SHAPE.pack(ROWS, dummies=4)
    read_payload(packed_rows)
    assert tally(packed_rows, read_payload, count=count, seed=seed).refused > count // 3
    for place, message in enumerate((ASKED, ANSWERED, OUTCOME)):
        words = _to_bytes(message)
        sealed = seal(PRIVATE.public, words, info=MAIL.info(type(message)))
        assert (
            tally(sealed, reader_of(message, resealed=False), count=count // 3, seed=seed + place).read == 0
        )
        assert (
            tally(words, reader_of(message, resealed=True), count=count // 3, seed=seed + place).refused > 0
        )


def test_no_mutated_payload_or_mail_of_alignment_is_read_as_another() -> None:
    check_alignment(300, seed=20)


def check_transfers(count: int, *, seed: int) -> None:
    """Batches under way between two departments, sealed: whatever is changed, they do not open."""
    shape = PayloadShape((), (Amount("cost", 0, 9),))
    town = District({"a": shape, "b": shape})
    batch = town.bring("a", [(person(n), Record((), (n,))) for n in range(4)])
    private = town.sealing["b"]
    sealed = seal_batch(batch, roster=town.roster, receiver=private.public)

    def opened(mutant: bytes) -> Batch:
        return open_batch(mutant, roster=town.roster, origin="a", stage=batch.stage, private=private)

    opened(sealed)
    assert tally(sealed, opened, count=count, seed=seed).read == 0


# --- recovery ---------------------------------------------------------------------------------------------------------

GIVEN = session(5)
KEYS = {name: boot_key(name) for name in GIVEN.roster}
LEFT = GIVEN.roster[1:]


@cache
def honest() -> tuple[Evidence, list[dealing.Dealing]]:
    """A session in which the first party is gone and everybody else is honest."""
    parties, published, dealings = ready(GIVEN)
    contributions = [parties[name].contribute(vector(1, 2, 3)) for name in LEFT]
    agreements = [parties[name].agree(LEFT) for name in LEFT]
    answers = [parties[name].unmask(agreements) for name in LEFT]
    transcripts = [each.transcript for each in dealings]
    return Evidence(published, transcripts, contributions, LEFT, agreements, answers), dealings


def opening(evidence: Evidence) -> object:
    table = Table(GATE_STAGES)
    table.begin(GIVEN.sid)
    return open_sum(GIVEN, evidence, keys=KEYS, open_sealed=open_at_gate, stages=table)


def read_share(mutant: bytes) -> None:
    share = Share.from_wire(mutant)
    assert 1 <= share.x <= 50
    assert 0 <= share.value < PRIME
    assert share.to_wire() == mutant


def altered(document: Any, chance: random.Random) -> Any:
    """One field of a message of the recovery otherwise, the signature left as it was."""
    name = chance.choice([each.name for each in fields(document)])
    held = getattr(document, name)
    match held:
        case bytes():
            changed: Any = next(mutants(held, count=1, seed=chance.getrandbits(32)))
        case str():
            changed = chance.choice([*(n for n in GIVEN.roster if n != held), "stranger", "", held + " "])
        case tuple():
            changed = chance.choice([held[1:], held[::-1], (*held, held[0]), (*held, GIVEN.roster[0]), ()])
        case dict():
            changed = dict(held)
            one = chance.choice(sorted(changed)) if changed else GIVEN.roster[0]
            share = changed.pop(one, Share(1, 1))
            if chance.random() < 0.7:
                changed[one] = chance.choice(
                    [Share(share.x, (share.value + 1) % PRIME), Share(share.x % 50 + 1, share.value)]
                )
        case np.ndarray():
            changed = held.copy()
            changed[chance.randrange(len(held))] ^= np.uint64(1) << np.uint64(chance.randrange(64))
        case _:
            raise AssertionError(f"no mutant of {type(held).__name__}")
    return replace(document, **{name: changed})


def mutated_evidence(chance: random.Random) -> Evidence:
    """What reaches the gate, with one message altered, left out, or said twice."""
    evidence, _ = honest()
    kind = chance.choice(("bundles", "transcripts", "contributions", "agreements", "answers"))
    said = list(getattr(evidence, kind))
    place = chance.randrange(len(said))
    match chance.randrange(6):
        case 0:
            said.append(said[place])
        case 1:
            # Exactly t parties are left: without one of them there is no sum.
            del said[place]
        case _:
            said[place] = altered(said[place], chance)
    return replace(evidence, **{kind: said})


def check_recovery(count: int, *, seed: int) -> None:
    assert tally(Share(2, 5).to_wire(), read_share, count=count, seed=seed).refused > count // 3
    opening(honest()[0])
    chance, refused = random.Random(seed), 0
    for _ in range(count):
        try:
            opening(mutated_evidence(chance))
        except ProtocolError:
            refused += 1
    assert refused == count


def check_dealt(count: int, *, seed: int) -> None:
    """Sealed shares on their way from a party to another."""
    _, dealings = honest()
    sender, receiver = GIVEN.roster[0], GIVEN.roster[1]
    sealed = next(each for each in dealings if each.party == sender).sealed[receiver]
    # The draws of `ready` anew.
    key = bundles.draw_secrets(random.Random(f"1 {receiver}").randbytes).share_key
    roll = bundles.check_bundles(GIVEN, honest()[0].bundles, KEYS)

    def opened(data: bytes) -> object:
        return dealing._open(GIVEN, receiver, key, roll=roll, sender=sender, data=data)

    opened(sealed)
    assert tally(sealed, opened, count=count, seed=seed).read == 0


def test_no_mutated_share_or_message_of_the_recovery_is_accepted() -> None:
    check_recovery(250, seed=30)
    check_dealt(300, seed=31)
    check_transfers(60, seed=32)


@pytest.mark.long
def test_no_mutant_of_alignment_or_recovery_is_accepted_in_twenty_thousand() -> None:
    check_alignment(LONG, seed=40)
    check_recovery(LONG, seed=50)
    check_dealt(LONG, seed=51)
    check_transfers(LONG, seed=52)
