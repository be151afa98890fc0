"""Mutated batches, points and proofs: no other error than the project's own, and no acceptance."""

from __future__ import annotations

import random
from functools import cache

import pytest

from enclaves.protocols.alignment.batch import Batch
from enclaves.protocols.alignment.errors import PointInvalid, ProofInvalid
from enclaves.protocols.alignment.group import Point, Scalar
from enclaves.protocols.alignment.oprf import Evaluated, Mode, blind, derive_key, evaluate, finalize
from enclaves.protocols.alignment.payload import Amount, PayloadShape, Record
from enclaves.protocols.alignment.proof import Proof
from enclaves.protocols.alignment.stages import pass_on
from enclaves.protocols.errors import ProtocolError
from tests.enclaves.protocols.alignment.kit import District, Stream, person

SHAPE = PayloadShape((), (Amount("cost", 0, 9),))


@cache
def sent() -> tuple[District, Batch]:
    town = District({"a": SHAPE, "b": SHAPE})
    return town, town.bring("a", [(person(n), Record((), (n,))) for n in range(9)])


def mutated(raw: bytes, draw: random.Random) -> bytes:
    changed = bytearray(raw)
    match draw.randrange(4):
        case 0:
            for _ in range(draw.randint(1, 4)):
                changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
        case 1:
            at = draw.randrange(len(changed))
            del changed[at : at + draw.randint(1, 64)]
        case 2:
            at = draw.randrange(len(changed))
            changed[at:at] = draw.randbytes(draw.randint(1, 64))
        case _:
            changed[draw.randrange(48)] = draw.randrange(256)
    return bytes(changed)


def accepted_batches(times: int, *, seed: int) -> int:
    """How many mutated batches go all the way: read, passed on, opened by the joiner."""
    town, batch = sent()
    raw, draw, accepted = batch.to_bytes(), random.Random(seed), 0
    for number in range(times):
        changed = mutated(raw, draw)
        if changed == raw:
            continue
        try:
            read = Batch.from_bytes(changed)
            passed = pass_on(
                read,
                town.keys["b"],
                roster=town.roster,
                logged=batch.commitment,
                joiner=town.sealing["gate"].public,
                random_bytes=Stream((seed, number)),
            )
            town.deliver(passed)
        except ProtocolError:
            continue
        accepted += 1
    return accepted


def accepted_proofs(times: int, *, seed: int) -> int:
    """How many answers with a mutated proof or element a client takes."""
    key = derive_key(Mode.VOPRF, bytes(32), info=b"")
    asked = [blind(Mode.VOPRF, b"text", scalar=Scalar.from_uniform(b"\1" * 64))]
    answer = evaluate(key, [asked[0].element], nonce=Scalar.from_uniform(b"\2" * 64))
    assert answer.proof is not None
    raw, draw, accepted = answer.elements[0].raw + answer.proof.to_bytes(), random.Random(seed), 0
    for _ in range(times):
        changed = mutated(raw, draw)
        if changed == raw:
            continue
        try:
            evaluated = Evaluated((Point(changed[:32]),), Proof.from_bytes(changed[32:]))
            finalize(Mode.VOPRF, asked, evaluated, public=key.public)
        except (PointInvalid, ProofInvalid):
            continue
        accepted += 1
    return accepted


def test_no_mutated_batch_or_proof_is_accepted() -> None:
    town, batch = sent()
    assert accepted_batches(250, seed=1) == 0
    assert accepted_proofs(500, seed=2) == 0
    # The unchanged one still is.
    assert len(town.deliver(town.pass_on(batch, "b")).rows) == 9


@pytest.mark.long
def test_of_twenty_thousand_mutated_batches_and_proofs_none_is_accepted() -> None:
    assert accepted_batches(20_000, seed=3) == 0
    assert accepted_proofs(20_000, seed=4) == 0


def test_random_encodings_of_points_are_elements_or_refused() -> None:
    draw, elements = random.Random(5), 0
    for _ in range(2000):
        raw = draw.randbytes(32)
        try:
            elements += Point(raw).raw == raw
        except PointInvalid:
            continue
    # Four conditions, each of which half of all bytes meet: the highest bit, the sign, a square, the sign of t.
    assert 70 < elements < 190
