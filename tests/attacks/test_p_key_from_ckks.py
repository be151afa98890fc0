"""The key from CKKS: two decryptions as TenSEAL returns them are the secret key.

A decryption is p = c0 + c1 s, exactly. TenSEAL returns the real parts of the slots, which are p + p~ for the reflection
X -> 1/X; rounded at the ciphertext's scale they are exact. In SEAL's transformed form that is, at each pair of mirrored points,
one equation in the two words of s there; two decryptions solve it at all 4,096 points, for who has seen the ciphertexts (Li and
Micciancio, EUROCRYPT 2021; protocols.md finding 3, which needs one where a library returns complex slots).

Ours returns whole units of a grid, flooded before rounding. The same attack on the same number of openings, of sums of one
party under one key, which is more than a key ever serves, gets no word right.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import tenseal as ts
import tenseal.sealapi as sealapi

from enclaves.protocols import ckks
from enclaves.protocols.ckks import Release
from tests.attacks.lattice import (
    CKKS_PRIMES,
    DEGREE,
    Row,
    ciphertext_of,
    ckks_seal_context,
    loaded,
    secret_words,
    words,
)

PRIME = CKKS_PRIMES[0]
SLOTS = DEGREE // 2
SEAL = ckks_seal_context()
RELEASE = Release(parties=1, slots=SLOTS, bound=1000.0, grid_bits=0)


def doubled_real_part(slots: np.ndarray) -> Row:
    """p + p~ modulo the prime and transformed, from the real parts of p's slots."""
    plain = sealapi.Plaintext()
    sealapi.CKKSEncoder(SEAL).encode((2 * slots).tolist(), 2.0**40, plain)
    array = plain.dyn_array()
    return [array.at(index) for index in range(DEGREE)]


def key_from(seen: Sequence[tuple[object, np.ndarray]]) -> Row:
    """The words of s from two ciphertexts and the real slots of their decryptions."""
    (a0, a1, a), (b0, b1, b) = (
        (words(ciphertext, 0, primes=1), words(ciphertext, 1, primes=1), doubled_real_part(slots))
        for ciphertext, slots in seen
    )
    found = []
    for at in range(DEGREE):
        # In bit-reversed order the reflected point of index i is N - 1 - i.
        mirror = DEGREE - 1 - at
        left = a[at] - a0[at] - a0[mirror]
        right = b[at] - b0[at] - b0[mirror]
        determinant = a1[at] * b1[mirror] - a1[mirror] * b1[at]
        found.append((left * b1[mirror] - right * a1[mirror]) * pow(determinant, -1, PRIME) % PRIME)
    return found


def secret_values(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, SLOTS)


def right_words(found: Row, context: ts.Context) -> int:
    return sum(word == true for word, true in zip(found, secret_words(context, SEAL), strict=True))


def test_naive_decryptions_give_the_whole_secret_key() -> None:
    context = ts.context(ts.SCHEME_TYPE.CKKS, DEGREE, -1, [58, 50], n_threads=1)
    context.global_scale = 2.0**40
    vectors = [ts.ckks_vector(context, secret_values(seed)) for seed in (1, 2)]
    seen = [(ciphertext_of(vector, SEAL), np.array(vector.decrypt())) for vector in vectors]
    found = key_from(seen)
    assert right_words(found, context) == DEGREE == 4096
    # The key is no formality: it opens a ciphertext that was never decrypted for anybody.
    third = ciphertext_of(ts.ckks_vector(context, np.full(SLOTS, 7.0)), SEAL)
    c0, c1 = words(third, 0, primes=1), words(third, 1, primes=1)
    # The mean of a transform over all its points is the polynomial's constant coefficient, here 7 and one error.
    mean = sum(x + y * s for x, y, s in zip(c0, c1, found, strict=True)) * pow(DEGREE, -1, PRIME) % PRIME
    assert mean / 2.0**40 == pytest.approx(7.0, abs=1e-9)


def test_one_decryption_is_enough_where_the_slots_come_back_complex() -> None:
    context = ts.context(ts.SCHEME_TYPE.CKKS, DEGREE, -1, [58, 50], n_threads=1)
    context.global_scale = 2.0**40
    ciphertext = ciphertext_of(ts.ckks_vector(context, secret_values(1)), SEAL)
    key = loaded(sealapi.SecretKey, SEAL, context.secret_key().data)
    decrypted, encoded = sealapi.Plaintext(), sealapi.Plaintext()
    sealapi.Decryptor(SEAL, key).decrypt(ciphertext, decrypted)
    # This is what the attacker sees: 2,048 complex doubles. From here on the key is not used.
    seen = sealapi.CKKSEncoder(SEAL).decode_complex(decrypted)
    sealapi.CKKSEncoder(SEAL).encode(seen, 2.0**40, encoded)
    c0, c1 = words(ciphertext, 0, primes=1), words(ciphertext, 1, primes=1)
    found = [
        (p - x) * pow(y, -1, PRIME) % PRIME
        for p, x, y in zip(words(encoded, 0, primes=1), c0, c1, strict=True)
    ]
    assert right_words(found, context) == DEGREE


@pytest.mark.parametrize("grid_bits", [0, -4])
def test_ours_gives_no_word_of_it(grid_bits: int) -> None:
    release = Release(parties=1, slots=SLOTS, bound=1000.0, grid_bits=grid_bits)
    keys = ckks.generate()
    context = ts.context_from(keys.secret, n_threads=1)
    seen = []
    for seed in (1, 2):
        contribution = ckks.encrypt(keys.public, secret_values(seed), release=release)
        opened = ckks.open_sum(keys.secret, [contribution], release=release)
        (ciphertext,) = ckks._SHAPE.split(contribution, count=SLOTS)
        vector = ts.ckks_vector_from(context, ciphertext)
        seen.append((ciphertext_of(vector, SEAL), opened * release.grid))
    assert right_words(key_from(seen), context) == 0


def test_rounding_alone_would_not_hide_the_error_at_the_edge_of_the_grid() -> None:
    """Why there is a flood: of sums that lie on a rounding edge, rounding alone says the sign of the key's error."""
    context = ts.context(ts.SCHEME_TYPE.CKKS, DEGREE, -1, [58, 50], n_threads=1)
    context.global_scale = 2.0**40
    edge = np.full(SLOTS, 0.5)
    vector = ts.ckks_vector(context, edge)
    error = np.array(vector.decrypt()) - edge
    rounded_alone = np.floor(np.array(vector.decrypt()) + 0.5)
    assert np.mean((rounded_alone == 1) == (error > 0)) > 0.99

    keys = ckks.generate()
    secret = ts.context_from(keys.secret, n_threads=1)
    contribution = ckks.encrypt(keys.public, edge, release=RELEASE)
    (ciphertext,) = ckks._SHAPE.split(contribution, count=SLOTS)
    true_error = np.array(ts.ckks_vector_from(secret, ciphertext).decrypt()) - edge
    opened = ckks.open_sum(keys.secret, [contribution], release=RELEASE)
    agreed = float(np.mean((opened >= 1) == (true_error > 0)))
    # 2,048 guesses at one half: five deviations are 0.055.
    assert abs(agreed - 0.5) < 0.055
