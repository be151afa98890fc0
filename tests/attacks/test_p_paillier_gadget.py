"""P: ciphertexts made to read features, not to weigh them.

The key's holder hands a department what look like encrypted weights. Gadget one: E(2^(16 j)), so that one score holds every
feature beside the other. Gadget two: a multiple of the factor p, outside of the group, that stays in the product and says
whether the feature was zero, whatever is multiplied onto it. Naive way: a department that evaluates any ciphertexts, and does
rerandomise. Ours: what the examiner did not sign is refused before it is parsed, and a number outside of the group even then.
"""

from __future__ import annotations

from functools import cache

import gmpy2
import numpy as np
import pytest
from gmpy2 import mpz
from numpy.typing import NDArray

from enclaves.protocols.paillier import ciphertexts, weights
from enclaves.protocols.paillier.bounds import PartBounds
from enclaves.protocols.paillier.errors import PaillierRefused, PartNotSigned
from enclaves.protocols.paillier.weights import EncryptedPart
from tests.enclaves.protocols.paillier.kit import BINDING, signed_part, small, small_pool

PEOPLE, FEATURES, WIDTH = 300, 20, 16
BOUNDS = PartBounds(((0, (1 << WIDTH) - 1),) * FEATURES, weight=1000, intercept=0)


@cache
def rows() -> NDArray[np.int64]:
    """Everybody's secret features; a third of them zero."""
    dice = np.random.default_rng(20261124)
    values = dice.integers(0, 1 << WIDTH, size=(PEOPLE, FEATURES))
    return np.where(dice.random(values.shape) < 1 / 3, 0, values)


def naive_scores(encrypted: list[mpz], features: NDArray[np.int64]) -> list[mpz]:
    """A department that multiplies whatever it is given, and puts a fresh obfuscator on the product."""
    n2, sent = small().public.n2, []
    for row in features.tolist():
        product = small_pool().take()
        for number, feature in zip(encrypted, row, strict=True):
            product = product * gmpy2.powmod(number, feature, n2) % n2
        sent.append(product)
    return sent


def positional() -> list[mpz]:
    return [ciphertexts.encrypt(1 << (WIDTH * place), small_pool()).value for place in range(FEATURES)]


def out_of_group() -> list[mpz]:
    """The factor p in the first place, honest encryptions of zero elsewhere."""
    return [mpz(small().phe.p), *(ciphertexts.encrypt(0, small_pool()).value for _ in range(FEATURES - 1))]


def handed_over(numbers: list[mpz]) -> EncryptedPart:
    """The gadget in the form of a part: right key, right binding, right lengths."""
    honest, _ = signed_part([1] * FEATURES, 0, bounds=BOUNDS, pool=small_pool())
    size = small().public.ciphertext_bytes
    forged = tuple(int(number).to_bytes(size, "big") for number in numbers)
    return EncryptedPart(honest.key_digest, BINDING, honest.base, honest.intercept, forged)


def given_to_ours(part: EncryptedPart, *, signed: set[bytes]) -> None:
    weights.accept(part, key=small().public, bounds=BOUNDS, binding=BINDING, is_signed=signed.__contains__)


def test_the_naive_way_gives_every_feature_of_everybody() -> None:
    opened = [small().raw_decrypt(score) for score in naive_scores(positional(), rows())]
    digits = [[total >> (WIDTH * place) & (1 << WIDTH) - 1 for place in range(FEATURES)] for total in opened]
    assert (np.array(digits) == rows()).mean() == 1.0


def test_the_naive_way_shows_who_has_a_zero_through_any_obfuscator() -> None:
    p = small().phe.p
    zero = [score % p != 0 for score in naive_scores(out_of_group(), rows())]
    assert (np.array(zero) == (rows()[:, 0] == 0)).mean() == 1.0


@pytest.mark.req("RQ-309")
@pytest.mark.parametrize("gadget", [positional, out_of_group])
def test_ours_computes_nothing_with_a_gadget(gadget: object) -> None:
    honest, _ = signed_part([1] * FEATURES, 0, bounds=BOUNDS, pool=small_pool())
    assert callable(gadget)
    with pytest.raises(PartNotSigned):
        given_to_ours(handed_over(gadget()), signed={honest.digest})


@pytest.mark.req("RQ-309")
def test_even_a_signature_does_not_bring_a_number_from_outside_of_the_group_in() -> None:
    part = handed_over(out_of_group())
    with pytest.raises(PaillierRefused, match="unit modulo n"):
        given_to_ours(part, signed={part.digest})


def test_the_examiner_does_not_encrypt_positional_weights_beyond_the_bounds() -> None:
    places = [1 << (WIDTH * place) for place in range(FEATURES)]
    with pytest.raises(PaillierRefused, match="within their bounds"):
        weights.encrypt_part(places, 0, bounds=BOUNDS, binding=BINDING, pool=small_pool())
