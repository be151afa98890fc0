"""Features from c1: who holds the key reads every feature that was multiplied with its ciphertexts.

The attacker made the key, sent 20 encrypted weights, and gets sum x_j Enc(w_j) back. The second polynomial of the answer is
sum x_j c1_j modulo q, and the c1_j are its own: 20 coefficients of it are a linear system in the features (protocols.md
finding 2; SEAL does not provide circuit privacy). A mask added to the answer changes the first polynomial only.

Ours never multiplies: weights reach the domain in the open, under its own policy, and a fresh encryption of the masked
partial leaves, whose c1 depends on the encryptor's randomness alone. Decrypting it gives a uniform residue.
"""

from __future__ import annotations

import ast
import inspect
from functools import cache
from typing import Any

import numpy as np
import tenseal as ts
import tenseal.sealapi as sealapi

from enclaves.protocols import bfv, ckks, he_context, secagg
from enclaves.protocols.secagg import PairKey
from tests.attacks.lattice import (
    BFV_PRIMES,
    CKKS_PRIMES,
    Row,
    bfv_seal_context,
    ciphertext_of,
    ckks_seal_context,
    solved,
    words,
)

FEATURES, PERSONS, LEVELS = 20, 10, 100
SCALE = 2.0**10


@cache
def features() -> np.ndarray:
    """The secret, [persons, features], whole numbers from 1 to 99; invented."""
    return np.random.default_rng(1).integers(1, LEVELS, (PERSONS, FEATURES))


WEIGHTS = np.random.default_rng(2).integers(-5, 6, FEATURES)


def recovered(known: list[Row], answers: list[Row], prime: int, *, scale: float) -> int:
    """How many of all features the attacker reads from the second polynomials of the answers."""
    rows = [[known[j][at] for j in range(FEATURES)] for at in range(FEATURES)]
    right = 0
    for person, answer in enumerate(answers):
        found = solved(rows, answer[:FEATURES], prime)
        right += sum(round(value / scale) == x for value, x in zip(found, features()[person], strict=True))
    return right


def test_naive_products_give_all_features_to_the_key_holder() -> None:
    context = ts.context(ts.SCHEME_TYPE.CKKS, 4096, -1, [58, 50], n_threads=1)
    context.global_scale = 2.0**40
    seal = ckks_seal_context()
    evaluator, encoder = sealapi.Evaluator(seal), sealapi.CKKSEncoder(seal)
    sent = [ciphertext_of(ts.ckks_vector(context, [float(weight)]), seal) for weight in WEIGHTS]
    dice = np.random.default_rng(3)
    answers = [_scored(evaluator, encoder, sent, row, dice) for row in features()]
    known = [words(ciphertext, 1, primes=1) for ciphertext in sent]
    right = recovered(known, [words(answer, 1, primes=1) for answer in answers], CKKS_PRIMES[0], scale=SCALE)
    assert right == FEATURES * PERSONS == 200


def _scored(evaluator: Any, encoder: Any, sent: list[Any], row: np.ndarray, dice: np.random.Generator) -> Any:
    """The naive domain: its features times the encrypted weights, added up, and a random mask on top."""
    terms = []
    for ciphertext, x in zip(sent, row, strict=True):
        plain, term = sealapi.Plaintext(), sealapi.Ciphertext()
        encoder.encode(float(x), SCALE, plain)
        evaluator.multiply_plain(ciphertext, plain, term)
        terms.append(term)
    total, mask = sealapi.Ciphertext(), sealapi.Plaintext()
    evaluator.add_many(terms, total)
    encoder.encode(dice.uniform(-50, 50, 2048).tolist(), total.scale, mask)
    evaluator.add_plain_inplace(total, mask)
    return total


def test_ours_gives_none() -> None:
    keys = bfv.generate()
    seal, context = bfv_seal_context(bfv.MODULUS), ts.context_from(keys.secret, n_threads=1)
    # The attacker knows everything that the naive domain was sent: weights encrypted by itself, under the same key.
    sent = [ciphertext_of(ts.bfv_vector(context, [int(weight)] * bfv.SLOTS), seal) for weight in WEIGHTS]
    known = [words(ciphertext, 1, primes=2) for ciphertext in sent]
    contributions = [
        _contributed(keys.public, int(row @ WEIGHTS), slot) for slot, row in enumerate(features())
    ]
    answers = []
    for contribution in contributions:
        (ciphertext,) = bfv.split(contribution, count=1)
        answers.append(words(ciphertext_of(ts.bfv_vector_from(context, ciphertext), seal), 1, primes=2))
    assert recovered(known, answers, BFV_PRIMES[0], scale=1.0) == 0
    # Nor does decrypting single contributions help: each is its mask plus the partial, uniform modulo t.
    alone = [int(bfv.add_and_decrypt(keys.secret, [c], count=1)[0]) for c in contributions]
    partials = [int(row @ WEIGHTS) for row in features()]
    assert sum(a == b for a, b in zip(alone, partials, strict=True)) == 0
    assert sum(abs(value) < 10 * LEVELS * FEATURES for value in alone) <= 3


def _contributed(public: bytes, partial: int, slot: int) -> bytes:
    residues = secagg.residues(np.array([partial], dtype=np.int64), modulus=bfv.MODULUS)
    pair_keys = {"b": PairKey(bytes(range(32)))}
    masked = secagg.mask_mod(residues, modulus=bfv.MODULUS, party="a", pair_keys=pair_keys, start=slot)
    return bfv.encrypt(public, masked)


def test_no_room_multiplies_a_ciphertext() -> None:
    products = {"mul", "mul_", "dot", "dot_", "matmul", "matmul_", "mm", "mm_", "polyval", "pow", "square"}
    for room in (bfv, ckks, he_context):
        called = {
            node.func.attr
            for node in ast.walk(ast.parse(inspect.getsource(room)))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        }
        assert not called & products
        assert not any(name.startswith(("multiply", "enc_matmul")) for name in called)
