"""Size: a product with a column of zeros is longer than others, so an eavesdropper learns that nobody has the feature.

Naive: TenSEAL catches the transparent product with zeros and sends a fresh ciphertext of the top level, 235 kB instead of
131 kB (protocols.md finding 5). Ours sends frames of one size; inside them only fresh ciphertexts, whose compressed length is
as random as their bytes.
"""

from __future__ import annotations

import numpy as np
import pytest
import tenseal as ts

from enclaves.protocols import bfv, ckks
from enclaves.protocols.ckks import Release

COLUMNS = 40


def columns() -> tuple[np.ndarray, np.ndarray]:
    """Which columns are all zero, half of them, and the columns, [columns, 2048] whole numbers."""
    dice = np.random.default_rng(1)
    empty = dice.permutation(np.arange(COLUMNS) % 2 == 0)
    held = dice.integers(0, 100, (COLUMNS, 2048))
    held[empty] = 0
    return empty, held


def told_by_size(sizes: list[int], empty: np.ndarray) -> int:
    """How many columns an eavesdropper gets right who calls those longer than the middle empty."""
    middle = (min(sizes) + max(sizes)) / 2
    return int(sum((size > middle) == flag for size, flag in zip(sizes, empty, strict=True)))


def test_naive_products_tell_every_empty_column_by_their_size() -> None:
    context = ts.context(ts.SCHEME_TYPE.CKKS, 8192, -1, [60, 40, 60], n_threads=1)
    context.global_scale = 2.0**40
    weights = ts.ckks_vector(context, np.full(2048, 0.5))
    empty, held = columns()
    sizes = [len((weights * column.astype(float).tolist()).serialize()) for column in held]
    assert told_by_size(sizes, empty) == COLUMNS == 40
    assert max(sizes) - min(sizes) > 100_000


def test_ours_has_one_size_and_tells_as_much_as_a_coin() -> None:
    empty, held = columns()
    keys = bfv.generate()
    sizes = [len(bfv.encrypt(keys.public, column.astype(np.uint64))) for column in held]
    assert set(sizes) == {bfv.FRAME_BYTES}
    assert told_by_size(sizes, empty) == COLUMNS // 2
    reals, release = ckks.generate(), Release(parties=1, slots=2048, bound=100.0, grid_bits=0)
    sizes = [len(ckks.encrypt(reals.public, column.astype(float), release=release)) for column in held]
    assert set(sizes) == {ckks.FRAME_BYTES}
    assert told_by_size(sizes, empty) == COLUMNS // 2


@pytest.mark.parametrize("fill", [0, 1_032_192])
def test_the_length_inside_a_frame_does_not_depend_on_what_is_encrypted(fill: int) -> None:
    """Compared with random values over 40 fresh ciphertexts each: the means differ by less than five standard errors."""
    keys, dice, many = bfv.generate(), np.random.default_rng(2), 40

    def lengths(values: np.ndarray) -> list[int]:
        return [int.from_bytes(bfv.encrypt(keys.public, row)[:4], "little") for row in values]

    constant = lengths(np.full((many, bfv.SLOTS), fill, dtype=np.uint64))
    mixed = lengths(dice.integers(0, bfv.MODULUS, (many, bfv.SLOTS)).astype(np.uint64))
    error = np.sqrt((np.var(constant) + np.var(mixed)) / many)
    assert abs(np.mean(constant) - np.mean(mixed)) < 5 * error
