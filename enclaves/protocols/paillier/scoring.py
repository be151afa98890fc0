"""Scores under encrypted weights: a department raises what it cannot read to its features, the gate opens only totals.

    row i:  E(intercept) * prod_j E(w_j)^(x_ij) * E(mask_i) * obfuscator

Rules:
- Features are integers within the ends that the part declares; one outside is refused, never clipped.
- A feature is counted from its low end, so exponents are never negative; what that leaves out is the same for every row
  and is multiplied on once. Negative features and weights therefore cost and look the same as others.
- Each row costs one multiplication per window of each feature, and no window is skipped (`powers`).
- Every score leaves rerandomised over the part's base, masked if there are peers.
- The gate opens sums over all domains. A total beyond the bounds is refused: then masks did not cancel.

Follows protocols.md section 3.4 (S3) and section 4. A domain alone has no peer to mask with: the gate opens its score.
"""

from collections.abc import Sequence
from typing import Final

import gmpy2
import numpy as np
from gmpy2 import mpz
from numpy.typing import NDArray

from enclaves.protocols.paillier.ciphertexts import (
    Ciphertext,
    OutboundCiphertext,
    add,
    decrypt,
    rerandomise,
)
from enclaves.protocols.paillier.errors import PaillierRefused
from enclaves.protocols.paillier.keys import PrivateKey
from enclaves.protocols.paillier.masking import PairMasks, mask
from enclaves.protocols.paillier.obfuscators import Pool
from enclaves.protocols.paillier.powers import PowerTable, products
from enclaves.protocols.paillier.weights import AcceptedPart

MAX_WINDOW: Final = 8


class Scorer:
    """The prepared tables of one accepted part; `rows` says roughly how many rows will come and sets their size.

    For 20 features of 16 bits and many rows: 10 MB and a tenth of a second.
    """

    __slots__ = ("_constant", "_lows", "_part", "_tables")

    def __init__(self, part: AcceptedPart, *, rows: int) -> None:
        bits = part.bounds.exponent_bits
        window = cheapest_window(bits, rows=rows)
        n2 = part.key.n2
        self._part: Final = part
        self._tables: Final = [
            PowerTable(w.value, part.key.n, bits=bits, window=window) for w in part.weights
        ]
        self._lows: Final = np.array([low for low, _ in part.bounds.features], dtype=np.int64)
        constant = part.intercept.value
        for table, weight, (low, _) in zip(self._tables, part.weights, part.bounds.features, strict=True):
            constant = constant * gmpy2.powmod(weight.value, low - table.offset, n2) % n2
        self._constant: Final = constant

    def score(
        self, features: NDArray[np.int64], *, pool: Pool, masks: PairMasks | None = None
    ) -> list[OutboundCiphertext]:
        """One ciphertext per row of `features`, shape (rows, features) int64.

        `pool` is `AcceptedPart.pool`. `masks` continues across chunks; it is None for a domain without peers.

        Raises PaillierRefused for features of another shape or beyond their ends, or a pool of another base or with
        shorter exponents than `flood_bits`; KeyReused as `masks`.
        """
        self._check_pool(pool)
        self._check_features(features)
        rows = [Ciphertext(self._part.key, product) for product in self._products(features)]
        if masks is not None and rows:
            residues = masks.residues(self._part.key, count=len(rows))
            rows = [mask(row, residue) for row, residue in zip(rows, residues, strict=True)]
        # Together they are made faster than one by one.
        pool.fill(len(rows))
        return [rerandomise(row, pool) for row in rows]

    def _products(self, features: NDArray[np.int64]) -> list[mpz]:
        window, n = self._tables[0].window, self._part.key.n
        windows = [entries for table in self._tables for entries in table.windows]
        shifts = np.arange(len(self._tables[0].windows), dtype=np.int64) * window
        # Shape (rows, features, windows): the digits of every exponent, least significant first, as the tables stand.
        digits = (features - self._lows)[:, :, None] >> shifts & ((1 << window) - 1)
        columns = digits.reshape(len(features), len(windows)).T.tolist()
        return products([self._constant] * len(features), windows, digits=columns, n=n)

    def _check_pool(self, pool: Pool) -> None:
        if pool.key.n != self._part.key.n or pool.base.value != self._part.base.value:
            raise PaillierRefused("expected a pool over the part's base, got another base")
        if pool.exponent_bits < self._part.flood_bits:
            raise PaillierRefused(
                f"expected a pool of {self._part.flood_bits} bits, got {pool.exponent_bits}"
            )

    def _check_features(self, features: NDArray[np.int64]) -> None:
        ends = self._part.bounds.features
        if features.dtype != np.int64 or features.ndim != 2 or features.shape[1] != len(ends):
            raise PaillierRefused(
                f"expected int64 rows of {len(ends)} features, got {features.dtype} of shape {features.shape}"
            )
        highs = np.array([high for _, high in ends], dtype=np.int64)
        beyond = ((features < self._lows) | (features > highs)).any(axis=0)
        if beyond.any():
            raise PaillierRefused(
                f"expected feature {int(beyond.argmax())} within its ends, got a value beyond"
            )


def score_rows(
    part: AcceptedPart, features: NDArray[np.int64], *, pool: Pool, masks: PairMasks | None = None
) -> list[OutboundCiphertext]:
    """One batch of rows, or a single one, as `Scorer.score`."""
    return Scorer(part, rows=len(features)).score(features, pool=pool, masks=masks)


def add_domains(contributions: Sequence[Sequence[Ciphertext]]) -> list[Ciphertext]:
    """The encrypted totals over all domains, row by row; pair masks cancel in them.

    Raises PaillierRefused for no contribution or unequal numbers of rows.
    """
    if len({len(contribution) for contribution in contributions}) != 1:
        raise PaillierRefused("expected contributions of one number of rows, got none or several")
    return [add(rows) for rows in zip(*contributions, strict=True)]


def open_totals(private: PrivateKey, totals: Sequence[Ciphertext], *, bound: int) -> NDArray[np.int64]:
    """The signed totals, shape (rows,), at the gate; `bound` is what `check_capacity` returned.

    Raises PaillierRefused for a total beyond the bound: a domain's contribution is missing, foreign or altered.
    """
    opened = [decrypt(private, total) for total in totals]
    if any(abs(total) > bound for total in opened):
        raise PaillierRefused("expected totals within their bound, got a larger one: masks do not cancel")
    return np.array(opened, dtype=np.int64)


def cheapest_window(bits: int, *, rows: int) -> int:
    """The window, 1 to 8 bits, with the fewest multiplications for `rows` exponents of `bits` bits, table included."""
    return min(range(1, MAX_WINDOW + 1), key=lambda window: -(-bits // window) * ((1 << window) - 1 + rows))
