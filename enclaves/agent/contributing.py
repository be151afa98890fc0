"""The contribution: permit, debit, one-shot mark, worker, answer, in this order (docs/protocol.md 4.5 and 5).

Rules:
1. Consents, capacity and the decision are asked again at this moment, over the halts seen by now. A checkpoint that has
   aged beyond ten minutes since the plan is asked for anew, and a slot whose consent no longer stands ends the run (a new
   attempt goes without it): a run held back outlives neither a revocation nor a withdrawal.
2. Capacity is debited durably for every effective slot of a score job; a vet job debits nothing, but its cohort is kept
   and must not be too close to an earlier one.
3. The session is durable as `contributed` before anything of the rows leaves, a vet job's metrics included; from here on
   the run is never done twice.
4. The permit becomes the worker's order. Slots outside the effective set travel as nobody, so they take the default on
   the same path. A vector leaves as soon as its chunk is done, to the gate alone.
5. What refuses an aggregate or a vet job here may depend on rows; the refusal leaves at the pace of an answer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from enclaves.agent.answering import answer
from enclaves.agent.deciding import permit
from enclaves.agent.encrypted_work import work_encrypted
from enclaves.agent.house import House
from enclaves.agent.joining import account_of, resolve
from enclaves.agent.live import LiveRun
from enclaves.agent.measuring import measure
from enclaves.agent.pacing import refusing_in_time
from enclaves.agent.parts import OpenPart
from enclaves.agent.sending import Note, Vectors, check_commitment, send_contribution
from enclaves.agent.stages import Stage
from enclaves.agent.vectors import vectors_of
from enclaves.run.errors import RunRefused
from enclaves.run.papers import Papers
from enclaves.witness.witness import MAX_AGE_S, Seen
from enclaves.worker.order import Masks, ScoreOrder, chunks
from policies.documents.authorization import JobKind, Mode


def contribute(house: House, live: LiveRun) -> None:
    """Answer the run with this domain's vectors; the run must have been agreed on."""
    if live.effective is None or live.transcript is None:
        raise RunRefused("run_out_of_order", "expected an agreed run, got one without a common transcript")
    plan, effective = live.papers.plan, live.effective
    seen = fresh(house, live)
    if plan.job_kind is JobKind.SCORE:
        _contribute(house, live, effective, seen=seen)
        return
    with refusing_in_time(house.sleep):
        if live.scoring is None:
            answer(house, live, seen=seen)
        else:
            _contribute(house, live, effective, seen=seen)


def _contribute(house: House, live: LiveRun, effective: NDArray[np.bool_], *, seen: Seen) -> None:
    """The vectors of a score or vet job."""
    plan = live.papers.plan
    if (effective & ~resolve(house, live.papers).accepted).any():
        raise RunRefused("session_lost", "expected consents as they stood at the bundle, got one ended since")
    granted = permit(house, live.papers, live.reading, seen=seen, accepted=int(effective.sum()))
    if plan.job_kind is JobKind.SCORE:
        house.ledger.debit(account_of(house, live.papers), live.pids[effective])
    else:
        house.cohorts.keep(plan.job, live.pids[effective])
    masks = live.masking.hand_over()
    house.sessions.move(plan.sid, Stage.CONTRIBUTED)
    if plan.job_kind is JobKind.VET:
        measure(house, live, granted)
    if live.hidden is None:
        order = score_order(
            house,
            live.papers,
            live.part,
            permit=granted.digest,
            mode=plan.mode,
            masks=masks,
            context=live.context,
        )
        vectors = _work(house, live, order)
    else:
        vectors = work_encrypted(house, live, granted, hidden=live.hidden, masks=masks)
    dataset = live.reading.dataset
    snapshots = {dataset: house.store.pointer(dataset).snapshot}
    note = Note(granted.digest, snapshots, masks.opening_key)
    send_contribution(house, live, note, vectors=vectors)


def fresh(house: House, live: LiveRun) -> Seen:
    """What was seen of the log at the plan, or if that has aged, what is seen now."""
    if live.seen.age_s + house.clock() - live.seen_at > MAX_AGE_S:
        return house.witness.see(live.papers.plan.intent)
    return live.seen


def score_order(
    house: House,
    papers: Papers,
    part: OpenPart,
    *,
    permit: str,
    mode: Mode,
    masks: Masks,
    context: bytes | None,
) -> ScoreOrder:
    """The permit of this digest as a one-use message: mask keys, the snapshot's key, the part."""
    plan, model = papers.plan, papers.model
    head = model.part(house.department)
    if head is None:
        raise RunRefused("part_mismatch", "expected a model with a part for this department, got another")
    return ScoreOrder(
        permit=permit,
        snapshot_key=house.store.snapshot_key(part.part.dataset),
        part=part.part,
        head=head,
        grid=model.grid,
        mode=mode,
        masks=masks,
        slots=plan.slots,
        graph=part.graph,
        context=context,
    )


def _work(house: House, live: LiveRun, order: ScoreOrder) -> Vectors:
    """Run the worker; what was put of it, and the commitment."""
    plan = live.papers.plan
    pids = np.where(live.effective[:, None] if live.effective is not None else False, live.pids, np.uint64(0))
    digests: list[str] = []
    kept: list[bytes] = []
    way = vectors_of(house.store, order, pids, workers=house.workers, execution=house.execution)
    with way as run:
        for _ in chunks(order.slots, mode=order.mode):
            # Each vector leaves before the next is computed.
            vector = next(run, b"")
            digests.append(house.wire.enclose(vector, audience=(plan.gate,)))
            kept += [vector] if plan.recovers else []
        commitment = next(run, b"")
        check_commitment(commitment, next(run, None))
    return Vectors(tuple(digests), commitment, tuple(kept))
