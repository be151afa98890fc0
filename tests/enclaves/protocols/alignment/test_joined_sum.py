"""The joined sum against a plain sum, with phe's Paillier and with the project's; and what either party refuses."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache

import phe
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enclaves.protocols.alignment.errors import BatchInvalid, PointInvalid, ScenarioKeyDeleted, SetChanged
from enclaves.protocols.alignment.group import POINT_BYTES, Points
from enclaves.protocols.alignment.joined_sum import (
    AdditiveKey,
    Answered,
    Asked,
    Bounds,
    Held,
    Outcome,
    Outgoing,
    add_up,
    answer,
    ask,
)
from enclaves.protocols.alignment.paillier_sum import PaillierSum
from enclaves.protocols.alignment.scenario_key import Purpose, ScenarioKey, candidates
from enclaves.protocols.errors import ProtocolError
from enclaves.protocols.paillier import ciphertexts, keys, obfuscators
from enclaves.protocols.paillier.errors import PaillierRefused
from enclaves.protocols.paillier.keys import PrivateKey
from tests.enclaves.protocols.alignment.kit import SID, Stream, person

BOUNDS = Bounds(-20, 500)
BYTES = 128


class PheSum:
    """phe's Paillier behind the same five methods: the reference, with a key too small for anything but tests."""

    def __init__(self, public: phe.PaillierPublicKey) -> None:
        self.public = public

    def encrypt(self, amount: int) -> int:
        return int(self.public.raw_encrypt(amount))

    def add(self, first: int, second: int) -> int:
        return first * second % self.public.nsquare

    def rerandomize(self, ciphertext: int) -> int:
        return self.add(ciphertext, self.encrypt(0))

    def to_bytes(self, ciphertext: int) -> bytes:
        return ciphertext.to_bytes(BYTES, "big")

    def from_bytes(self, raw: bytes) -> int:
        return int.from_bytes(raw, "big")


@cache
def phe_keys() -> tuple[phe.PaillierPublicKey, phe.PaillierPrivateKey]:
    return phe.generate_paillier_keypair(n_length=512)


@cache
def own_keys() -> tuple[PrivateKey, PaillierSum]:
    private = keys.unsafe_generate_small(bits=512, randbits=random.Random(7).getrandbits)
    return private, PaillierSum(obfuscators.Pool(obfuscators.draw_base(private.public)))


def key(party: str, *, seed: object = 0, purpose: Purpose = Purpose.JOINED_SUM) -> ScenarioKey:
    return ScenarioKey(Stream((seed, party))(96), sid=SID, department=party, purpose=purpose)


class Pair:
    """Both parties of one scenario."""

    def __init__(self, counter: list[int], giver: dict[int, int], *, seed: object = 0) -> None:
        self.counter, self.giver = [person(n) for n in counter], [(person(n), v) for n, v in giver.items()]
        self.a, self.b, self.seed = key("counter", seed=seed), key("giver", seed=seed), seed

    def asked(self, *, salt: object = 0) -> Asked:
        return ask(self.counter, self.a, random_bytes=Stream((self.seed, salt, "ask")))

    def answered(self, asked: Asked, cipher: AdditiveKey[Held, Outgoing], *, salt: object = 0) -> Answered:
        return answer(
            asked,
            self.giver,
            self.b,
            counter="counter",
            logged=asked.commitment(self.a, sender="counter"),
            bounds=BOUNDS,
            cipher=cipher,
            random_bytes=Stream((self.seed, salt, "answer")),
        )

    def outcome(self, answered: Answered, cipher: AdditiveKey[Held, Outgoing]) -> Outcome:
        logged = answered.commitment(self.b, sender="giver")
        return add_up(answered, self.a, giver="giver", logged=logged, cipher=cipher)


def plainly(counter: set[int], giver: dict[int, int]) -> tuple[int, int]:
    common = counter & giver.keys()
    return len(common), sum(min(max(giver[n], BOUNDS.low), BOUNDS.high) for n in common)


@settings(max_examples=12)
@given(
    st.sets(st.integers(0, 30)),
    st.dictionaries(st.integers(0, 30), st.integers(-100, 1000)),
    st.integers(),
)
def test_the_sum_equals_the_plain_one_with_phe(counter: set[int], giver: dict[int, int], seed: int) -> None:
    public, private = phe_keys()
    cipher = PheSum(public)
    pair = Pair(sorted(counter), giver, seed=seed)

    outcome = pair.outcome(pair.answered(pair.asked(), cipher), cipher)

    decrypted = private.raw_decrypt(int.from_bytes(outcome.ciphertext, "big"))
    assert (outcome.persons, outcome.total(decrypted, bounds=BOUNDS)) == plainly(counter, giver)


@settings(max_examples=8)
@given(st.sets(st.integers(0, 30)), st.dictionaries(st.integers(0, 30), st.integers(-100, 1000)))
def test_the_sum_equals_the_plain_one_with_the_projects_paillier(
    counter: set[int], giver: dict[int, int]
) -> None:
    private, cipher = own_keys()
    pair = Pair(sorted(counter), giver)

    outcome = pair.outcome(pair.answered(pair.asked(), cipher), cipher)

    opened = ciphertexts.from_wire(private.public, outcome.ciphertext)
    total = outcome.total(ciphertexts.decrypt(private, opened), bounds=BOUNDS)
    assert (outcome.persons, total) == plainly(counter, giver)


def test_the_sum_that_leaves_is_no_product_that_the_giver_knows() -> None:
    public, _ = phe_keys()
    cipher = PheSum(public)
    pair = Pair([1, 2], {2: 5, 3: 6})
    answered = pair.answered(pair.asked(), cipher)
    outcome = pair.outcome(answered, cipher)

    assert outcome.persons == 1
    assert outcome.ciphertext not in answered.ciphertexts


def test_both_sets_are_padded_and_give_no_order_away() -> None:
    public, _ = phe_keys()
    pair = Pair([1, 2, 3], {2: 5, 3: 6})
    asked = pair.asked()
    answered = pair.answered(asked, PheSum(public))
    assert len(asked.points) == len(answered.raised) == len(answered.own) == 100

    plain = pair.b.raised(asked.points)
    assert sorted(plain) == sorted(answered.raised)
    assert list(plain) != list(answered.raised)
    own = list(pair.b.raised(candidates(SID, [who for who, _ in pair.giver], purpose=Purpose.JOINED_SUM)))
    assert set(own) < set(answered.own)
    assert len(set(answered.ciphertexts)) == 100


def test_a_rerun_with_another_set_of_either_party_is_refused() -> None:
    cipher = PheSum(phe_keys()[0])
    pair = Pair([1, 2, 3], {2: 5, 3: 6})
    answered = pair.answered(pair.asked(), cipher)
    pair.outcome(answered, cipher)
    again = pair.answered(pair.asked(salt=1), cipher, salt=1)
    assert pair.outcome(again, cipher).persons == 2

    fewer = Pair([1, 2], {2: 5})
    with pytest.raises(SetChanged):
        pair.answered(fewer.asked(), cipher)
    with pytest.raises(SetChanged):
        pair.outcome(fewer.answered(fewer.asked(), cipher), cipher)
    pair.counter.pop()
    with pytest.raises(SetChanged):
        pair.asked()


def test_points_that_were_not_logged_or_are_invalid_are_refused() -> None:
    cipher = PheSum(phe_keys()[0])
    pair = Pair([1, 2, 3], {2: 5, 3: 6})
    asked = pair.asked()
    logged = asked.commitment(pair.a, sender="counter")
    injected = Asked(Points(candidates(SID, [person(9)]).raw + asked.points.raw[POINT_BYTES:]))
    with pytest.raises(BatchInvalid):
        answer(
            injected, pair.giver, pair.b, counter="counter", logged=logged, bounds=BOUNDS, cipher=cipher,
            random_bytes=Stream(1),
        )  # fmt: skip
    with pytest.raises(PointInvalid):
        pair.answered(Asked(Points(bytes(32) + asked.points.raw[POINT_BYTES:])), cipher)

    answered = pair.answered(asked, cipher)
    first = answered.raised.raw[:POINT_BYTES]
    twice = replace(answered, raised=Points(first + answered.raised.raw[:-POINT_BYTES]))
    with pytest.raises(BatchInvalid):
        pair.outcome(twice, cipher)
    short = replace(answered, own=Points(answered.own.raw[32:]), ciphertexts=answered.ciphertexts[1:])
    with pytest.raises(BatchInvalid):
        pair.outcome(short, cipher)
    with pytest.raises(BatchInvalid):
        replace(answered, ciphertexts=answered.ciphertexts[1:])


def test_a_pair_that_stands_twice_is_counted_once() -> None:
    private, cipher = own_keys()
    pair = Pair([1], {1: 7})
    answered = pair.answered(pair.asked(), cipher)
    [token] = pair.b.raised(candidates(SID, [person(1)], purpose=Purpose.JOINED_SUM))
    at = list(answered.own).index(token)
    other = (at + 1) % 100
    points, sealed = list(answered.own), list(answered.ciphertexts)
    points[other], sealed[other] = points[at], sealed[at]
    doubled = replace(answered, own=Points(b"".join(points)), ciphertexts=tuple(sealed))

    outcome = pair.outcome(doubled, cipher)
    assert outcome.persons == 1
    opened = ciphertexts.from_wire(private.public, outcome.ciphertext)
    assert outcome.total(ciphertexts.decrypt(private, opened), bounds=BOUNDS) == 7


def test_bytes_that_are_no_ciphertext_are_refused_by_the_ciphers_room() -> None:
    _, cipher = own_keys()
    pair = Pair([1], {1: 7})
    answered = pair.answered(pair.asked(), cipher)
    for raw in (b"", bytes(BYTES), b"\xff" * BYTES):
        with pytest.raises(PaillierRefused):
            pair.outcome(replace(answered, ciphertexts=(raw,) * 100), cipher)


def test_a_sum_that_so_many_persons_cannot_have_is_refused() -> None:
    outcome = Outcome(3, b"")
    assert outcome.total(0, bounds=BOUNDS) == -60
    assert outcome.total(3 * 520, bounds=BOUNDS) == 1500
    for decrypted in (-1, 3 * 520 + 1):
        with pytest.raises(BatchInvalid):
            outcome.total(decrypted, bounds=BOUNDS)


def test_a_key_of_another_purpose_or_a_deleted_one_or_a_person_twice_is_refused() -> None:
    gone = key("counter")
    gone.delete()
    for refused, error in (
        (
            lambda: ask([person(1)], key("a", purpose=Purpose.ALIGNMENT), random_bytes=Stream(0)),
            ProtocolError,
        ),
        (lambda: ask([person(1)], gone, random_bytes=Stream(0)), ScenarioKeyDeleted),
        (lambda: ask([person(1)] * 2, key("counter"), random_bytes=Stream(0)), BatchInvalid),
        (lambda: Bounds(1, 0), ProtocolError),
    ):
        with pytest.raises(error):
            refused()
