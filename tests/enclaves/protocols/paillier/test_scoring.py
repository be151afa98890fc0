"""Scores under encrypted weights are the plain dot products, and every refusal of the way there."""

from __future__ import annotations

import numpy as np
import pytest
from gmpy2 import mpz
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from phe.paillier import EncryptedNumber

from enclaves.protocols.errors import HeadroomExceeded, KeyReused
from enclaves.protocols.paillier import ciphertexts, masking, scoring
from enclaves.protocols.paillier.bounds import PartBounds, check_capacity
from enclaves.protocols.paillier.ciphertexts import Ciphertext
from enclaves.protocols.paillier.errors import PaillierRefused
from enclaves.protocols.paillier.masking import PairMasks
from enclaves.protocols.paillier.obfuscators import Pool, draw_base
from enclaves.protocols.paillier.weights import AcceptedPart
from tests.enclaves.protocols.paillier.kit import (
    bounds_of,
    full,
    full_pool,
    pair_keys,
    phe_key,
    signed_part,
    small,
    small_pool,
)


def received(
    part: AcceptedPart, features: NDArray[np.int64], masks: PairMasks | None = None
) -> list[Ciphertext]:
    sent = scoring.score_rows(part, features, pool=part.pool(), masks=masks)
    return [ciphertexts.from_wire(part.key, row.to_wire()) for row in sent]


@settings(max_examples=30)
@given(st.integers(1, 5), st.integers(1, 40), st.data())
def test_a_score_is_the_dot_product_of_signed_integers(features: int, rows: int, data: st.DataObject) -> None:
    ends = tuple(
        tuple(sorted(data.draw(st.tuples(*[st.integers(-(2**31), 2**31 - 1)] * 2)))) for _ in range(features)
    )
    bounds = PartBounds(ends, weight=2**20, intercept=2**20)  # type: ignore[arg-type]
    weights = data.draw(st.lists(st.integers(-(2**20), 2**20), min_size=features, max_size=features))
    intercept = data.draw(st.integers(-(2**20), 2**20))
    _, part = signed_part(weights, intercept, bounds=bounds, pool=small_pool())
    dice = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    matrix = np.stack([dice.integers(low, high + 1, rows) for low, high in ends], axis=1)
    totals = scoring.open_totals(small(), received(part, matrix), bound=check_capacity([bounds], bits=512))
    assert totals.tolist() == (matrix @ np.array(weights) + intercept).tolist()


def test_the_ends_of_every_feature_are_scored_exactly() -> None:
    bounds = PartBounds(((-7, 9), (5, 5), (-(2**31), 2**31 - 1)), weight=3, intercept=0)
    _, part = signed_part([3, -3, 2], 0, bounds=bounds, pool=small_pool())
    matrix = np.array([[-7, 5, -(2**31)], [9, 5, 2**31 - 1], [0, 5, 0]], dtype=np.int64)
    totals = scoring.open_totals(small(), received(part, matrix), bound=2**63)
    assert totals.tolist() == (matrix @ np.array([3, -3, 2])).tolist()


def test_production_scores_equal_phes_on_the_same_ciphertexts() -> None:
    bounds = PartBounds(((0, 65_535), (-300, 300)), weight=2**16, intercept=10)
    weights, matrix = [40_000, -65_536], np.array([[65_535, -300], [1, 299]], dtype=np.int64)
    _, part = signed_part(weights, -9, bounds=bounds, pool=full_pool())
    ours = scoring.open_totals(full(), received(part, matrix), bound=check_capacity([bounds]))
    key = phe_key(full())
    encrypted = [EncryptedNumber(key, int(weight.value)) for weight in part.weights]
    constant = EncryptedNumber(key, int(part.intercept.value))
    theirs = [
        full().phe.decrypt(encrypted[0] * int(row[0]) + encrypted[1] * int(row[1]) + constant)
        for row in matrix
    ]
    assert ours.tolist() == theirs == (matrix @ np.array(weights) - 9).tolist()


def test_chunks_of_any_size_give_the_same_totals() -> None:
    bounds = bounds_of(3)
    _, part = signed_part([5, -6, 7], 8, bounds=bounds, pool=small_pool())
    matrix = np.random.default_rng(1).integers(-100, 101, size=(12, 3))
    scorer, pool = scoring.Scorer(part, rows=12), part.pool()
    rows = [
        row.inner()
        for at in (0, 5, 11)
        for row in scorer.score(matrix[at : {0: 5, 5: 11, 11: 12}[at]], pool=pool)
    ]
    assert scoring.open_totals(small(), rows, bound=2**40).tolist() == (matrix @ [5, -6, 7] + 8).tolist()
    assert scorer.score(matrix[:0], pool=pool) == []


def test_the_gate_opens_only_the_total_of_all_domains() -> None:
    bounds, parties = bounds_of(2), ["civil", "health", "traffic"]
    shared, dice = pair_keys(parties), np.random.default_rng(2)
    sent, expected = [], np.zeros(9, dtype=np.int64)
    for index, party in enumerate(parties):
        weights = [10 + index, -20 * index]
        # Every domain has an examiner's base of its own.
        pool = Pool(draw_base(small().public))
        _, part = signed_part(weights, index, bounds=bounds, pool=pool)
        matrix = dice.integers(-100, 101, size=(9, 2))
        expected += matrix @ np.array(weights) + index
        masks = PairMasks(party, pair_keys=shared[party], slots=9)
        sent.append(received(part, matrix, masks))
    bound = check_capacity([bounds] * 3, bits=512)
    totals = scoring.open_totals(small(), scoring.add_domains(sent), bound=bound)
    assert totals.tolist() == expected.tolist()
    # One domain alone, or two of three, are noise far beyond any score.
    for some in (sent[:1], sent[1:]):
        opened = [abs(ciphertexts.decrypt(small(), c)) for c in scoring.add_domains(some)]
        assert min(opened) > 2**450
        with pytest.raises(PaillierRefused, match="masks do not cancel"):
            scoring.open_totals(small(), scoring.add_domains(some), bound=bound)


def test_the_masks_of_an_absent_peer_can_be_taken_off() -> None:
    key, shared = small().public, pair_keys(["a", "b"])
    (residue,) = PairMasks("a", pair_keys=shared["a"], slots=1).residues(key, count=1)
    assert [residue] == masking.residues_of(shared["a"]["b"], key, start=0, count=1)
    masked = masking.mask(ciphertexts.trivial(key, mpz(77)), residue)
    assert ciphertexts.decrypt(small(), masked) != 77
    assert ciphertexts.decrypt(small(), masking.unmask(masked, residue)) == 77


def test_masks_modulo_n_cancel_and_do_not_repeat() -> None:
    key, shared = small().public, pair_keys(["a", "b", "c"])
    drawn = [PairMasks(p, pair_keys=shared[p], slots=40).residues(key, count=40) for p in shared]
    assert [sum(column) % key.n for column in zip(*drawn, strict=True)] == [0] * 40
    assert len({int(residue) for column in drawn for residue in column}) == 120
    top = sum(residue > key.n // 2 for column in drawn for residue in column)
    assert 25 < top < 95


def test_a_mask_is_spent_even_if_the_rows_are_scored_again() -> None:
    _, part = signed_part([1], 0, bounds=bounds_of(1), pool=small_pool())
    masks = PairMasks("a", pair_keys=pair_keys(["a", "b"])["a"], slots=1)
    row = np.array([[1]], dtype=np.int64)
    received(part, row, masks)
    with pytest.raises(KeyReused):
        received(part, row, masks)


@pytest.mark.parametrize("value", [-101, 101])
def test_a_feature_beyond_its_ends_is_refused_by_its_place(value: int) -> None:
    _, part = signed_part([1, 2], 0, bounds=bounds_of(2), pool=small_pool())
    with pytest.raises(PaillierRefused, match="feature 1 within its ends") as refused:
        received(part, np.array([[0, 0], [5, value]], dtype=np.int64))
    assert str(value) not in str(refused.value)


def test_features_of_another_shape_are_refused() -> None:
    _, part = signed_part([1, 2], 0, bounds=bounds_of(2), pool=small_pool())
    for bad in (np.zeros((1, 3), dtype=np.int64), np.zeros(2, dtype=np.int64), np.zeros((1, 2))):
        with pytest.raises(PaillierRefused, match="rows of 2 features"):
            received(part, bad)


def test_a_pool_that_does_not_flood_or_has_another_base_is_refused() -> None:
    _, part = signed_part([1], 0, bounds=bounds_of(1), pool=small_pool())
    row = np.array([[1]], dtype=np.int64)
    with pytest.raises(PaillierRefused, match="a pool of 309 bits, got 261"):
        scoring.score_rows(part, row, pool=small_pool())
    other = Pool(draw_base(small().public), exponent_bits=part.flood_bits)
    with pytest.raises(PaillierRefused, match="over the part's base"):
        scoring.score_rows(part, row, pool=other)


def test_what_hides_a_row_is_a_power_of_the_signed_base_with_a_flooded_exponent() -> None:
    # One alpha for all: then only the product of the weights' own hiding parts is left, and the key's holder strips it.
    private, bounds = small(), bounds_of(2)
    _, part = signed_part([3, 4], 0, bounds=bounds, pool=small_pool())
    assert part.pool().exponent_bits - (256 + 1) - bounds.exponents.bit_length() >= 40
    n, n2 = private.public.n, private.public.n2
    for c in (part.intercept, *part.weights):
        hidden = c.value * (1 - private.raw_decrypt(c.value) * n) % n2
        assert private.raw_decrypt(hidden) == 0


def test_the_window_fits_the_number_of_rows() -> None:
    assert scoring.cheapest_window(16, rows=1) == 1
    assert scoring.cheapest_window(16, rows=100) == 4
    assert scoring.cheapest_window(16, rows=100_000) == 8
    assert scoring.cheapest_window(1, rows=10**9) == 1


@pytest.mark.parametrize(
    ("ends", "weight", "intercept"),
    [((), 1, 1), (((1, 0),), 1, 1), (((0, 2**31),), 1, 1), (((-(2**31) - 1, 0),), 1, 1), (((0, 1),), -1, 1),
     (((0, 1),), 1, -1), (((0, 1),) * 1025, 1, 1)],
)  # fmt: skip
def test_bounds_that_say_nothing_are_refused(
    ends: tuple[tuple[int, int], ...], weight: int, intercept: int
) -> None:
    with pytest.raises(PaillierRefused):
        PartBounds(ends, weight=weight, intercept=intercept)


def test_a_configuration_that_could_wrap_is_refused_with_its_numbers() -> None:
    part = PartBounds(((-5, 3), (0, 2)), weight=10, intercept=7)
    assert part.magnitude == 10 * 7 + 7
    assert check_capacity([part, part]) == 154
    wide = PartBounds(((0, 2**31 - 1),), weight=2**32, intercept=0)
    assert check_capacity([wide]) == 2**63 - 2**32
    with pytest.raises(HeadroomExceeded, match=r"totals below 2\^63, got 2"):
        check_capacity([wide, wide])
    with pytest.raises(HeadroomExceeded, match="got 0"):
        check_capacity([])
    assert check_capacity([wide], bits=193)
    with pytest.raises(HeadroomExceeded, match="at most 62 bits under a modulus of 192, got 63"):
        check_capacity([wide], bits=192)


def test_totals_at_the_bound_pass_and_one_more_does_not() -> None:
    for total in (50, -50):
        c = ciphertexts.encrypt(total, small_pool()).inner()
        assert scoring.open_totals(small(), [c], bound=50).tolist() == [total]
        with pytest.raises(PaillierRefused):
            scoring.open_totals(small(), [c], bound=49)
    with pytest.raises(PaillierRefused):
        scoring.add_domains([])
    with pytest.raises(PaillierRefused):
        scoring.add_domains([[c], [c, c]])
