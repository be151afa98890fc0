"""Paillier figures beside phe as shipped: scores under encrypted weights, and packed additive scores; one core.

Encrypted weights, 20 features of 16 bits, 3072 bits. Clock: the department's products, masks of one peer and
rerandomisation with fresh obfuscators, wire bytes included; the tables, made once a job, are given beside it. `online` is the
same with the pool filled beforehand. phe does the same rows as its documentation shows (multiply, add, `ciphertext()`), once
on the same integers and once on floats.

Packed additive, 47 scores a ciphertext. Clock: masks, packing, fresh obfuscators, wire bytes. phe encrypts one score a
ciphertext.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from phe.paillier import EncryptedNumber, PaillierPublicKey

from enclaves.protocols.paillier import keys, obfuscators, packing, weights
from enclaves.protocols.paillier.bounds import PartBounds, check_capacity
from enclaves.protocols.paillier.ciphertexts import from_wire
from enclaves.protocols.paillier.keys import PrivateKey
from enclaves.protocols.paillier.masking import PairMasks
from enclaves.protocols.paillier.obfuscators import Pool
from enclaves.protocols.paillier.scoring import Scorer, add_domains, open_totals
from enclaves.protocols.paillier.weights import AcceptedPart
from enclaves.protocols.secagg import PairKey

FEATURES: Final = 20
FEATURE_BITS: Final = 16
Made = TypeVar("Made")

_BINDING: Final = bytes(32)
_PAIR: Final = {"a": {"b": PairKey(bytes(range(32)))}, "b": {"a": PairKey(bytes(range(32)))}}


def measure(
    *, rows: int = 100, scores: int = 2_350, peer_rows: int = 4, repeats: int = 5
) -> dict[str, float]:
    """Figures of this process on one core; `rows`, `scores` a repeat of ours and `peer_rows` a repeat of phe's.

    Rates are medians of `repeats`; fewer than five are for a test that it runs.

    Raises RuntimeError if a measured result is not the exact one.
    """
    before = time.perf_counter()
    private = keys.generate()
    found = {"key_generation_s": time.perf_counter() - before}
    clock = _Clock(repeats)
    found |= _encrypted_weights(private, clock, rows=rows, peer_rows=peer_rows)
    found |= _packed(private, clock, scores=scores, peer_scores=8 * peer_rows)
    return {name: float(f"{value:.4g}") for name, value in found.items()}


def _encrypted_weights(private: PrivateKey, clock: _Clock, *, rows: int, peer_rows: int) -> dict[str, float]:
    dice = np.random.default_rng(1)
    values = dice.integers(-(1 << 15), 1 << 15, FEATURES).tolist()
    bounds = PartBounds(((0, (1 << FEATURE_BITS) - 1),) * FEATURES, weight=1 << 15, intercept=1 << 20)
    part = _accepted(private, values, bounds=bounds)
    pool, pool_seconds = _timed(part.pool)
    scorer, table_seconds = _timed(lambda: Scorer(part, rows=100_000))
    features = dice.integers(0, 1 << FEATURE_BITS, size=(rows, FEATURES))
    domain = _Rows(scorer, pool, features)
    _check_totals(private, domain, expected=features @ np.array(values), bound=check_capacity([bounds] * 2))
    fresh = clock.rate(domain.send, rows)
    online = clock.rate(domain.send, rows, before=lambda: pool.fill(rows))
    phe_integers = _phe_rows(private, part, features[:peer_rows].tolist(), clock=clock)
    phe_floats = _phe_rows(private, part, (features[:peer_rows] / 256).tolist(), clock=clock)
    return {
        "paillier_rows_per_second": fresh,
        "paillier_rows_online_per_second": online,
        "paillier_tables_s": pool_seconds + table_seconds,
        "phe_rows_per_second": phe_integers,
        "phe_float_rows_per_second": phe_floats,
        "paillier_rows_over_phe": fresh / phe_integers,
        "paillier_rows_online_over_phe": online / phe_integers,
        "paillier_rows_over_phe_floats": fresh / phe_floats,
    }


@dataclass(frozen=True, slots=True)
class _Clock:
    """Rates in time of this process: what else the machine does is not counted, which is what "per core" means."""

    repeats: int

    def rate(
        self, work: Callable[[], object], count: int, *, before: Callable[[], object] | None = None
    ) -> float:
        """Median of `count` things a second over the repeats; `before` is outside of the clock."""
        seconds = []
        for _ in range(self.repeats):
            if before is not None:
                before()
            start = time.process_time()
            work()
            seconds.append(time.process_time() - start)
        return count / statistics.median(seconds)


class _Rows:
    """One domain's rows, masked against one peer and sent."""

    def __init__(self, scorer: Scorer, pool: Pool, features: NDArray[np.int64]) -> None:
        self._scorer, self._pool, self._features = scorer, pool, features

    def send(self, party: str = "a") -> list[bytes]:
        masks = PairMasks(party, pair_keys=_PAIR[party], slots=len(self._features))
        sent = self._scorer.score(self._features, pool=self._pool, masks=masks)
        return [row.to_wire() for row in sent]


def _accepted(private: PrivateKey, values: list[int], *, bounds: PartBounds) -> AcceptedPart:
    examiner = Pool(obfuscators.draw_base(private.public))
    part = weights.encrypt_part(values, 0, bounds=bounds, binding=_BINDING, pool=examiner)
    return weights.accept(
        part, key=private.public, bounds=bounds, binding=_BINDING, is_signed={part.digest}.__contains__
    )


def _check_totals(private: PrivateKey, rows: _Rows, *, expected: NDArray[np.int64], bound: int) -> None:
    sent = [[from_wire(private.public, data) for data in rows.send(party)] for party in _PAIR]
    if not (open_totals(private, add_domains(sent), bound=bound) == 2 * expected).all():
        raise RuntimeError("expected the exact totals of both domains, got others")


def _phe_rows(private: PrivateKey, part: AcceptedPart, rows: list[list[float]], *, clock: _Clock) -> float:
    public = PaillierPublicKey(int(private.public.n))
    encrypted = [EncryptedNumber(public, int(weight.value)) for weight in part.weights]

    def score() -> None:
        for row in rows:
            total = encrypted[0] * row[0]
            for weight, value in zip(encrypted[1:], row[1:], strict=True):
                total = total + weight * value
            # phe obfuscates here, with a fresh full r^n.
            total.ciphertext()

    return clock.rate(score, len(rows))


def _packed(private: PrivateKey, clock: _Clock, *, scores: int, peer_scores: int) -> dict[str, float]:
    public = private.public
    pool = Pool(obfuscators.draw_base(public))
    values = np.random.default_rng(2).integers(-(1 << 15), 1 << 15, scores)
    slots = packing.slots_of(public, scores)

    def send(party: str = "a") -> list[bytes]:
        masks = PairMasks(party, pair_keys=_PAIR[party], slots=slots)
        return [c.to_wire() for c in packing.encrypt_scores(values, pool, masks=masks)]

    sums = packing.add_packed([[from_wire(public, data) for data in send(party)] for party in _PAIR])
    if not (packing.open_scores(private, sums, count=scores, parties=2) == 2 * values).all():
        raise RuntimeError("expected the exact packed sums, got others")
    reference = PaillierPublicKey(int(public.n))
    ours = clock.rate(send, scores)
    theirs = clock.rate(
        lambda: [reference.encrypt(int(value)) for value in values[:peer_scores]], peer_scores
    )
    return {
        "packed_scores_per_second": ours,
        "phe_scores_per_second": theirs,
        "packed_scores_over_phe": ours / theirs,
    }


def _timed(make: Callable[[], Made]) -> tuple[Made, float]:
    before = time.perf_counter()
    return make(), time.perf_counter() - before
