"""P: a product of a ciphertext by a secret number, sent without (or with too weak) new randomness.

Naive way one: E(w)^x as it comes, the way phe pickles its products; whoever knows E(w) tries every x. Naive way two: an
obfuscator over a base of the department's own, on weights that were encrypted in some other way; the Jacobi symbol passes
through and shows the parity of x to anyone. Ours: every score leaves under a flooding power of the one base that the weights
were made over.
"""

from __future__ import annotations

import random
from functools import cache

import gmpy2
import numpy as np
from gmpy2 import mpz
from phe.paillier import EncryptedNumber

from enclaves.protocols.paillier import ciphertexts, scoring
from enclaves.protocols.paillier.bounds import PartBounds
from enclaves.protocols.paillier.ciphertexts import Ciphertext
from enclaves.protocols.paillier.weights import AcceptedPart
from tests.enclaves.protocols.paillier.kit import phe_key, signed_part, small, small_pool

PEOPLE = 400
HIGHEST = 199
BOUNDS = PartBounds(((0, HIGHEST),), weight=100, intercept=0)


@cache
def secrets() -> list[int]:
    dice = random.Random(20261124)
    return [dice.randrange(HIGHEST + 1) for _ in range(PEOPLE)]


@cache
def part() -> AcceptedPart:
    return signed_part([37], 0, bounds=BOUNDS, pool=small_pool())[1]


@cache
def ours() -> list[mpz]:
    """The scores as they travel."""
    features = np.array(secrets(), dtype=np.int64)[:, None]
    return [row.value for row in scoring.score_rows(part(), features, pool=part().pool())]


def phe_products() -> list[mpz]:
    """What phe holds after `encrypted * x`, and what a pickle of it would send."""
    weight = EncryptedNumber(phe_key(small()), int(part().weights[0].value))
    return [mpz((weight * secret).ciphertext(be_secure=False)) for secret in secrets()]


def brute_forced(seen: list[mpz]) -> float:
    """The share of secrets that trying every feature value finds, for one who knows the encrypted weight and intercept."""
    weight, n2 = part().weights[0].value, small().public.n2
    powers = {int(gmpy2.powmod(weight, x, n2)): x for x in range(HIGHEST + 1)}
    with_intercept = {int(part().intercept.value * power % n2): x for power, x in powers.items()}
    known = powers | with_intercept
    return float(np.mean([known.get(int(value)) == x for value, x in zip(seen, secrets(), strict=True)]))


def test_the_naive_product_gives_every_secret_to_brute_force() -> None:
    assert brute_forced(phe_products()) == 1.0


def test_brute_force_finds_none_of_ours() -> None:
    assert brute_forced(ours()) == 0.0


def test_ours_still_opens_to_the_score() -> None:
    opened = [ciphertexts.decrypt(small(), Ciphertext(small().public, value)) for value in ours()]
    assert opened == [37 * secret for secret in secrets()]


def test_two_scores_of_one_person_do_not_look_alike() -> None:
    assert len({int(value) for value in ours()}) == PEOPLE > len(set(secrets()))


def parity_guessed(seen: list[mpz]) -> float:
    """The share of secrets whose parity the Jacobi symbol of what travels tells."""
    odd = [gmpy2.jacobi(value, small().public.n) == -1 for value in seen]
    return float(np.mean(np.array(odd) == np.array(secrets()) % 2))


def own_base_on_foreign_weights() -> list[mpz]:
    """A department that obfuscates over a base of its own what phe encrypted."""
    key, n = small().public, small().public.n
    weight = next(
        mpz(c) for c in iter(lambda: phe_key(small()).raw_encrypt(37), None) if gmpy2.jacobi(c, n) == -1
    )
    products = [Ciphertext(key, gmpy2.powmod(weight, secret, key.n2)) for secret in secrets()]
    return [ciphertexts.rerandomise(product, small_pool()).value for product in products]


def test_an_obfuscator_over_another_base_lets_the_parity_through() -> None:
    assert parity_guessed(own_base_on_foreign_weights()) == 1.0


def test_over_the_one_base_every_symbol_is_the_same() -> None:
    assert {gmpy2.jacobi(value, small().public.n) for value in ours()} == {1}
    even = float(np.mean(np.array(secrets()) % 2 == 0))
    assert parity_guessed(ours()) == even < 0.6
