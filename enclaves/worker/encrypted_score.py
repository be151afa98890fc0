"""Confined: compute with weights that stay encrypted, one vector of ciphertexts per chunk, then the commitment.

    slot i:  E(default) * E(P)^present * prod_j E(w_j)^(steps of feature j) * E(mask_i) * fresh obfuscator

Ciphertexts are parsed after the digest of every one of them was found in what the examiner signed. A slot of nobody has
zero exponents, which takes as long and looks the same. Rules: `enclaves.protocols.paillier`, `policies.fixed_point`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from enclaves.model import linear
from enclaves.model.column import Column
from enclaves.protocols.paillier.declared import accept_declared
from enclaves.protocols.paillier.keys import public_from_wire
from enclaves.protocols.paillier.masking import PairMasks
from enclaves.protocols.paillier.scoring import Scorer
from enclaves.protocols.secagg import PairKey
from enclaves.worker.encrypted_order import EncryptedOrder
from enclaves.worker.order import chunks, read_pids
from enclaves.worker.rows import columns_of, open_bound
from policies import fixed_point
from policies.documents.authorization import Mode
from policies.documents.encrypted import EncryptedWeights


def main(frames: Iterator[bytes], emit: Callable[[bytes], None]) -> None:
    """Target of `enclaves.isolation.confined.run_confined`."""
    order = EncryptedOrder.read(frames)
    contribution = EncryptedContribution(order)
    with open_bound(order.snapshot_key, order.weights) as snapshot:
        for pids in read_pids(frames, sizes=chunks(order.slots, mode=Mode.PAILLIER)):
            columns, known = columns_of(snapshot, order.weights, pids)
            emit(contribution.vector(columns, known))
    emit(contribution.commitment)


class EncryptedContribution:
    """The vectors of one order, chunk after chunk, and the commitment to the exponents of all of them."""

    def __init__(self, order: EncryptedOrder) -> None:
        part = accept_declared(order.weights, order.ciphertexts, key=public_from_wire(order.modulus))
        masks = order.masks
        self._weights = order.weights
        self._scorer = Scorer(part, rows=order.slots)
        self._pool = part.pool()
        self._masks = PairMasks(
            masks.party,
            pair_keys={peer: PairKey(key) for peer, key in masks.pair_keys.items()},
            slots=order.slots,
        )
        self._commitment = hashlib.sha256(masks.opening_key)

    def vector(self, columns: Mapping[str, Column], known: NDArray[np.bool_]) -> bytes:
        """One ciphertext for each of the next len(known) slots, end to end."""
        rows = stepped_rows(self._weights, columns, known)
        self._commitment.update(rows.astype("<i8", copy=False).tobytes())
        scored = self._scorer.score(rows, pool=self._pool, masks=self._masks)
        return b"".join(ciphertext.to_wire() for ciphertext in scored)

    @property
    def commitment(self) -> bytes:
        """32 bytes over the opening key and every chunk so far."""
        return self._commitment.digest()


def stepped_rows(
    weights: EncryptedWeights, columns: Mapping[str, Column], known: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """The exponents of each slot, int64 of shape (slots, 1 + features). Raises ModelError."""
    values = [linear.transformed(feature, columns, slots=len(known)) for feature in weights.features]
    return fixed_point.exponents(weights, values, known)
