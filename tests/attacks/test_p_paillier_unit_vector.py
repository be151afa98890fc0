"""P: a unit vector inside of ciphertexts, where no department can see it.

Encrypted weights of 1, 0, 0, ... turn a score into one column. Naive way: the department checks that the ciphertexts are well
formed, and they are. Ours: a part is used only if the examiner, who saw the weights, signed exactly it. Parts put together
from ciphertexts that the examiner did sign, or signed for another authorization, are refused too.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from enclaves.protocols.paillier import ciphertexts, scoring, weights
from enclaves.protocols.paillier.ciphertexts import Ciphertext
from enclaves.protocols.paillier.errors import PartNotSigned
from enclaves.protocols.paillier.weights import EncryptedPart
from tests.enclaves.protocols.paillier.kit import BINDING, bounds_of, signed_part, small, small_pool

PEOPLE, FEATURES = 1_000, 4
VETTED = [310, -270, 95, 140]
BOUNDS = bounds_of(FEATURES)


@cache
def rows() -> NDArray[np.int64]:
    return np.random.default_rng(20261124).integers(-100, 101, size=(PEOPLE, FEATURES))


@cache
def vetted() -> EncryptedPart:
    return signed_part(VETTED, 0, bounds=BOUNDS, pool=small_pool())[0]


def unit_vector() -> EncryptedPart:
    """What the key's holder encrypts by itself: well formed, over the examiner's own base."""
    return signed_part([0, 1, 0, 0], 0, bounds=BOUNDS, pool=small_pool())[0]


def opened(part: EncryptedPart, *, signed: set[bytes]) -> NDArray[np.int64]:
    """The scores that come out of a department that accepts what is in `signed`."""
    accepted = weights.accept(
        part, key=small().public, bounds=BOUNDS, binding=BINDING, is_signed=signed.__contains__
    )
    sent = scoring.score_rows(accepted, rows(), pool=accepted.pool())
    totals: list[Ciphertext] = [ciphertexts.from_wire(small().public, row.to_wire()) for row in sent]
    return scoring.open_totals(small(), totals, bound=BOUNDS.magnitude)


def test_the_naive_way_hands_the_column_over() -> None:
    # Naive: whatever is well formed counts as signed.
    part = unit_vector()
    assert (opened(part, signed={part.digest}) == rows()[:, 1]).mean() == 1.0


@pytest.mark.req("RQ-309")
def test_ours_refuses_the_unit_vector_and_scores_what_was_vetted() -> None:
    with pytest.raises(PartNotSigned):
        opened(unit_vector(), signed={vetted().digest})
    assert (opened(vetted(), signed={vetted().digest}) == rows() @ np.array(VETTED)).all()


def test_the_vetted_score_tells_little_of_the_column() -> None:
    # What a linear guess from the score gets right of the column, against always guessing one value.
    scores = opened(vetted(), signed={vetted().digest})
    slope, start = np.polyfit(scores, rows()[:, 1], 1)
    right = np.mean(np.rint(slope * scores + start) == rows()[:, 1])
    assert right < 0.05


def shuffled() -> dict[str, EncryptedPart]:
    """Parts made of ciphertexts that the examiner made: one weight alone, weights moved, another authorization's."""
    one, two, three, four = vetted().weights
    zero = ciphertexts.encrypt(0, small_pool()).to_wire()
    return {
        "one weight and zeros": replace(vetted(), weights=(zero, two, zero, zero)),
        "one weight and intercepts": replace(
            vetted(), weights=(vetted().intercept, two, *[vetted().intercept] * 2)
        ),
        "one weight only": replace(vetted(), weights=(two,)),
        "moved": replace(vetted(), weights=(two, one, four, three)),
        "another authorization": replace(vetted(), binding=bytes(32)),
    }


@pytest.mark.req("RQ-309")
@pytest.mark.parametrize("kind", list(shuffled()))
def test_ours_refuses_a_vector_put_together_from_the_examiners_ciphertexts(kind: str) -> None:
    with pytest.raises(PartNotSigned):
        opened(shuffled()[kind], signed={vetted().digest})


def test_the_naive_way_takes_each_ciphertext_that_the_examiner_made_for_good() -> None:
    # A digest per ciphertext without its place would have let the vector through: all but the zero are the examiner's.
    part = shuffled()["one weight and intercepts"]
    made = {vetted().intercept, *vetted().weights}
    assert set(part.weights) <= made
    assert (opened(part, signed={part.digest}) == VETTED[1] * rows()[:, 1]).mean() == 1.0
