"""Packed sums are exact for any parties, and one party's lanes say nothing."""

from __future__ import annotations

import numpy as np
import pytest
from gmpy2 import mpz
from hypothesis import given, settings
from hypothesis import strategies as st

from enclaves.protocols.errors import KeyReused, ProtocolError
from enclaves.protocols.paillier import ciphertexts, packing
from enclaves.protocols.paillier.ciphertexts import Ciphertext, OutboundCiphertext
from enclaves.protocols.paillier.errors import PaillierRefused
from enclaves.protocols.paillier.masking import PairMasks
from tests.enclaves.protocols.paillier.kit import (
    full,
    full_pool,
    pair_keys,
    phe_key,
    small,
    small_pool,
)

LOW, HIGH = -(1 << 15), (1 << 15) - 1


def contribute(scores: dict[str, list[int]]) -> dict[str, list[Ciphertext]]:
    """What every party sends, as read from the wire."""
    shared = pair_keys(list(scores))
    return {
        party: [
            ciphertexts.from_wire(small().public, sent.to_wire())
            for sent in _send(values, party, shared[party])
        ]
        for party, values in scores.items()
    }


def _send(values: list[int], party: str, peers: dict) -> list[OutboundCiphertext]:  # type: ignore[type-arg]
    slots = packing.slots_of(small().public, len(values))
    masks = PairMasks(party, pair_keys=peers, slots=slots)
    return packing.encrypt_scores(np.array(values, dtype=np.int64), small_pool(), masks=masks)


def open_all(sent: dict[str, list[Ciphertext]], *, count: int) -> list[int]:
    sums = packing.add_packed(list(sent.values()))
    return packing.open_scores(small(), sums, count=count, parties=len(sent)).tolist()


def test_a_production_plaintext_has_47_lanes() -> None:
    assert packing.lanes_of(full().public) == 47
    assert packing.lanes_of(small().public) == 7
    assert packing.slots_of(full().public, 48) == 94


@settings(max_examples=25)
@given(st.integers(1, 6), st.integers(1, 16), st.data())
def test_the_sum_over_any_parties_is_exact(parties: int, count: int, data: st.DataObject) -> None:
    column = st.lists(st.integers(LOW, HIGH), min_size=count, max_size=count)
    scores = {f"d{i:02}": data.draw(column) for i in range(parties)}
    expected = np.array(list(scores.values())).sum(axis=0).tolist()
    assert open_all(contribute(scores), count=count) == expected


@pytest.mark.parametrize("score", [LOW, HIGH, -1, 0])
def test_sixty_four_parties_at_the_edges_do_not_overflow_a_lane(score: int) -> None:
    scores = {f"d{i:02}": [score] * 7 for i in range(64)}
    assert open_all(contribute(scores), count=7) == [64 * score] * 7


def test_production_lanes_open_to_what_phe_decrypts() -> None:
    scores = {"a": np.arange(LOW, LOW + 60), "b": np.arange(HIGH - 59, HIGH + 1)}
    shared, sent = pair_keys(["a", "b"]), []
    for party, values in scores.items():
        masks = PairMasks(party, pair_keys=shared[party], slots=94)
        sent.append([c.inner() for c in packing.encrypt_scores(values, full_pool(), masks=masks)])
    sums = packing.add_packed(sent)
    assert len(sums) == 2
    opened = packing.open_scores(full(), sums, count=60, parties=2)
    assert (opened == scores["a"] + scores["b"]).all()
    # phe adds the same ciphertexts and sees the same lanes.
    reference = phe_key(full())
    product = int(sent[0][0].value) * int(sent[1][0].value) % reference.nsquare
    plain = full().phe.raw_decrypt(product)
    lanes = [plain >> (64 * i) & (1 << 56) - 1 for i in range(47)]
    assert [lane - (1 << 56) * (lane >> 55) for lane in lanes] == opened[:47].tolist()


def test_one_partys_lanes_are_its_scores_under_a_mask_of_the_whole_ring() -> None:
    scores = {"a": [5] * 700, "b": [0] * 700}
    sent = contribute(scores)["a"]
    words = [small().raw_decrypt(c.value) >> (64 * lane) & (1 << 64) - 1 for c in sent for lane in range(7)]
    assert all(word < 1 << 56 for word in words)
    # Every bit of the 56 is set about half of the time: 350 of 700, six deviations of 13.2.
    for bit in range(56):
        assert abs(sum(word >> bit & 1 for word in words) - 350) < 80


def test_a_missing_party_is_noticed() -> None:
    sent = contribute({"a": [1] * 7, "b": [2] * 7, "c": [3] * 7})
    del sent["c"]
    with pytest.raises(PaillierRefused, match="masks do not cancel"):
        open_all(sent, count=7)


def test_a_lane_over_its_bounds_is_noticed() -> None:
    key = small().public
    lane_over = ciphertexts.trivial(key, mpz(1) << 62)
    for bad in (lane_over, ciphertexts.trivial(key, mpz(1) << 450), ciphertexts.trivial(key, key.n - 1)):
        with pytest.raises(PaillierRefused):
            packing.open_scores(small(), [bad], count=7, parties=2)


def test_filled_lanes_must_sum_to_zero() -> None:
    sums = [ciphertexts.trivial(small().public, mpz(9) << 64)]
    assert packing.open_scores(small(), sums, count=2, parties=1).tolist() == [0, 9]
    with pytest.raises(PaillierRefused, match="cancel"):
        packing.open_scores(small(), sums, count=1, parties=1)


@pytest.mark.parametrize("score", [LOW - 1, HIGH + 1])
def test_a_score_of_more_than_sixteen_bits_is_refused(score: int) -> None:
    with pytest.raises(PaillierRefused, match="16 bits"):
        contribute({"a": [score]})


def test_shapes_and_counts_are_checked() -> None:
    masks = PairMasks("a", pair_keys={}, slots=7)
    for bad in (np.array([1.0]), np.zeros((1, 1), dtype=np.int64), np.zeros(0, dtype=np.int64)):
        with pytest.raises(PaillierRefused):
            packing.encrypt_scores(bad, small_pool(), masks=masks)
    one = [ciphertexts.trivial(small().public, mpz(1))]
    for contributions in ([], [one] * 65, [one, one * 2]):
        with pytest.raises(PaillierRefused):
            packing.add_packed(contributions)
    for parties, count in ((0, 1), (65, 1), (1, 8)):
        with pytest.raises(PaillierRefused):
            packing.open_scores(small(), one, count=count, parties=parties)


def test_a_slot_is_masked_once_and_in_one_mode() -> None:
    peers = pair_keys(["a", "b"])["a"]
    masks = PairMasks("a", pair_keys=peers, slots=10)
    first, second = masks.lanes(4), masks.lanes(4)
    assert not (first == second).any()
    with pytest.raises(KeyReused, match="1 to 2 slots"):
        masks.lanes(4)
    with pytest.raises(KeyReused, match="lanes"):
        masks.residues(small().public, count=1)
    with pytest.raises(KeyReused):
        PairMasks("a", pair_keys={"b": peers["b"], "c": peers["b"]}, slots=1)
    with pytest.raises(ProtocolError):
        PairMasks("a", pair_keys={"a": peers["b"]}, slots=1)
