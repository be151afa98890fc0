"""Opening a commitment on dispute: the vector is computed again from the snapshot, and checked against what was signed.

Steps:
1. The record of the run is opened with the enclave's own key (`committed`); the papers of its plan are fetched and read.
2. The snapshots must still be the ones: of refreshed data nothing can be shown.
3. The worker computes the vector under a fresh mask that nobody else knows, with the kept opening key; the mask comes off here.
4. The commitment of what came out must be the one that was signed. If it is, opening key and vector are the opening.

What is opened is this department's own part. To whom it is shown, people decide: nothing leaves here. No budget is debited and
no history changes; a private answer takes the noise that was stored for it. Mode paillier, whose vector is ciphertexts, has no
opening.

Follows protocols.md sections 1.2 (A15) and 2.3 ("commit-and-open").
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

import numpy as np

from enclaves.agent.answering import work
from enclaves.agent.asked import own_question
from enclaves.agent.committed import Committed
from enclaves.agent.contributing import score_order
from enclaves.agent.house import House
from enclaves.agent.joining import resolve
from enclaves.agent.noising import noise_of
from enclaves.agent.vectors import vectors_of
from enclaves.protocols import ring, secagg
from enclaves.protocols.ring import Encoded
from enclaves.protocols.secagg import ReceiverKey
from enclaves.run.errors import RunRefused
from enclaves.run.papers import Papers, gather
from enclaves.worker.order import Masks, chunks
from policies.documents.authorization import Mode

KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Opening:
    """rho and enc(x) of one run: who has the signed contribution checks them with `secagg.check_opening`."""

    run: str
    commitment: bytes
    opening_key: bytes = field(repr=False)
    words: Encoded = field(repr=False)
    """uint64[slots]: the domain's vector as it was encoded."""


def open_dispute(house: House, run: str) -> Opening:
    """The opening of this enclave's commitment in `run` (64 hex digits).

    Raises RunRefused (`run_unknown`, `snapshot_gone`, `mode_mismatch`), CommitmentMismatch if what the data give is not what
    was committed to, and the errors of the worker and of the coordinator.
    """
    committed = house.commitments.open(bytes.fromhex(run))
    papers = gather(committed.plan, house.trust, house.wire)
    if papers.plan.sid != committed.sid:
        raise RunRefused("document_mismatch", "expected the plan of this run, got another")
    if papers.plan.mode is Mode.PAILLIER:
        raise RunRefused("mode_mismatch", "expected a vector of numbers, got one of ciphertexts")
    _check_snapshots(house, committed)
    # With one party there are no pair masks, and the one receiver key is known here alone.
    receiver = ReceiverKey(secrets.token_bytes(KEY_BYTES))
    masks = Masks(house.party, {}, receiver, committed.opening_key)
    vectors = (
        _scored(house, papers, committed, masks=masks)
        if papers.plan.query is None
        else _answered(house, papers, committed, masks=masks)
    )
    words = Encoded(np.concatenate(_unmasked(house, papers, vectors, receiver=receiver)))
    secagg.check_opening(committed.commitment, committed.opening_key, words)
    return Opening(run, committed.commitment, committed.opening_key, words)


def _check_snapshots(house: House, committed: Committed) -> None:
    for dataset, snapshot in committed.snapshots.items():
        if house.store.pointer(dataset).snapshot != snapshot:
            raise RunRefused("snapshot_gone", "expected the snapshot that was computed from, got a newer one")


def _scored(house: House, papers: Papers, committed: Committed, *, masks: Masks) -> list[bytes]:
    # In mode bfv too the commitment is to the numbers, so they are computed as in mode masked.
    part = house.parts.open(papers.plan.scored_model, papers.model)
    order = score_order(
        house, papers, part, permit=committed.permit, mode=Mode.MASKED, masks=masks, context=None
    )
    pids = np.where(committed.effective[:, None], resolve(house, papers).pids, np.uint64(0))
    with vectors_of(house.store, order, pids, workers=house.workers, execution=house.execution) as frames:
        return [next(frames, b"") for _ in chunks(order.slots, mode=Mode.MASKED)]


def _answered(house: House, papers: Papers, committed: Committed, *, masks: Masks) -> list[bytes]:
    own = own_question(house, papers)
    noise = noise_of(house, papers, own)
    return [work(house, papers, own, permit=committed.permit, masks=masks, noise=noise).vector]


def _unmasked(house: House, papers: Papers, vectors: list[bytes], *, receiver: ReceiverKey) -> list[Encoded]:
    sizes = chunks(papers.plan.slots, mode=Mode.MASKED)
    return [
        Encoded(
            secagg.open_sum(
                {house.party: ring.masked_from_wire(vector, slots=count)},
                receiver_keys={house.party: receiver},
                start=start,
            )
        )
        for vector, (start, count) in zip(vectors, sizes, strict=True)
    ]
