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
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from typing import Final

import numpy as np

from enclaves.agent.deciding import permit
from enclaves.agent.house import House
from enclaves.agent.joining import account_of, resolve
from enclaves.agent.live import LiveRun
from enclaves.agent.measuring import measure
from enclaves.agent.stages import Stage
from enclaves.isolation.confined import run_confined
from enclaves.isolation.limits import Limits
from enclaves.protocols import secagg
from enclaves.protocols.sealing import seal
from enclaves.run.errors import RunRefused
from enclaves.run.papers import member_of
from enclaves.transport.party import sealing_key
from enclaves.witness.witness import MAX_AGE_S
from enclaves.worker.order import Masks, ScoreOrder, chunks, pid_frames
from enclaves.worker.rows import SNAPSHOT_NAME
from policies.decision.permit import Permit
from policies.documents.authorization import JobKind, Mode
from policies.documents.run import Contribution

KEY_BYTES: Final = 32
SCORE_SECONDS: Final = 600.0


def contribute(house: House, live: LiveRun) -> None:
    """Answer the run with this domain's vectors; the run must have been agreed on."""
    if live.effective is None or live.transcript is None:
        raise RunRefused("run_out_of_order", "expected an agreed run, got one without a common transcript")
    plan, effective = live.papers.plan, live.effective
    seen = live.seen
    if seen.age_s + house.clock() - live.seen_at > MAX_AGE_S:
        seen = house.witness.see(plan.intent)
    if (effective & ~resolve(house, live.papers).accepted).any():
        raise RunRefused("session_lost", "expected consents as they stood at the bundle, got one ended since")
    granted = permit(house, live.papers, live.part.part, seen=seen, accepted=int(effective.sum()))
    if plan.job_kind is JobKind.SCORE:
        house.ledger.debit(account_of(house, live.papers), live.pids[effective])
    else:
        house.cohorts.keep(plan.job, live.pids[effective])
    house.sessions.move(plan.sid, Stage.CONTRIBUTED)
    if plan.job_kind is JobKind.VET:
        measure(house, live, granted)
    receiver = None if plan.mode is Mode.BFV else secrets.token_bytes(KEY_BYTES)
    order = _order(house, live, granted, receiver=receiver)
    vectors, commitment = _work(house, live, order)
    contribution = Contribution(
        id=f"contribution-{house.party}-{live.papers.run[:12]}",
        run=live.papers.run,
        department=house.department,
        enclave=house.party,
        transcript=live.transcript,
        permit=granted.digest,
        vectors=tuple(vectors),
        receiver_key=None if receiver is None else _sealed_receiver_key(house, live, receiver),
        commitment=commitment.hex(),
    )
    house.wire.send(
        "coordinator",
        "contribution",
        {"contribution": contribution.envelope(house.boot.private).to_json()},
        run=live.papers.run,
        attachments=tuple(vectors),
    )
    house.sessions.move(plan.sid, Stage.SENT)


def _order(house: House, live: LiveRun, granted: Permit, *, receiver: bytes | None) -> ScoreOrder:
    """The permit as a one-use message: mask keys of this run, the snapshot's key, the part."""
    plan, model, part = live.papers.plan, live.papers.model, live.part
    head = model.part(house.department)
    if head is None:
        raise RunRefused("part_mismatch", "expected a model with a part for this department, got another")
    return ScoreOrder(
        permit=granted.digest,
        snapshot_key=house.store.snapshot_key(part.part.dataset),
        part=part.part,
        head=head,
        grid=model.grid,
        mode=plan.mode,
        masks=Masks(
            party=house.party,
            pair_keys=pair_keys(house, live),
            receiver_key=receiver,
            opening_key=secrets.token_bytes(KEY_BYTES),
        ),
        slots=plan.slots,
        graph=part.graph,
        context=live.context,
    )


def pair_keys(house: House, live: LiveRun) -> dict[str, bytes]:
    """The mask key shared with each other enclave of the run; parties are named by enclave id."""
    sid = live.papers.plan.sid
    keys: dict[str, bytes] = {}
    for voice in live.voices:
        peer = voice.member.enclave
        if peer != house.party:
            low, high = sorted((house.party, peer), key=str.encode)
            keys[peer] = secagg.pair_key(live.ephemeral, voice.ephemeral_key, sid=sid, low=low, high=high)
    return keys


def _work(house: House, live: LiveRun, order: ScoreOrder) -> tuple[list[str], bytes]:
    """Run the worker; the digests of the vectors put, and the commitment."""
    plan = live.papers.plan
    sizes = list(chunks(order.slots, mode=order.mode))
    pids = np.where(live.effective[:, None] if live.effective is not None else False, live.pids, np.uint64(0))

    def frames() -> Iterator[bytes]:
        yield from order.frames()
        yield from pid_frames(pids, sizes=sizes)

    with house.store.lease(order.part.dataset) as lease:
        limits = worker_limits(order.slots)
        with run_confined(
            "enclaves.worker.score", frames(), files={SNAPSHOT_NAME: lease.path}, limits=limits
        ) as run:
            # Each vector leaves before the next is computed.
            vectors = [house.wire.put_attachment(next(run, b""), audience=(plan.gate,)) for _ in sizes]
            commitment = next(run, b"")
            if len(commitment) != KEY_BYTES or next(run, None) is not None:
                raise RunRefused("worker_output_refused", "expected a commitment last, got something else")
    return vectors, commitment


def worker_limits(slots: int) -> Limits:
    """Time and bytes for a job of `slots` slots; memory is bounded by a chunk and the data set."""
    return Limits(
        address_space_bytes=8 << 30,
        cpu_seconds=int(SCORE_SECONDS) * 2,
        wall_seconds=SCORE_SECONDS,
        processes=128,
        input_bytes=(64 << 20) + 16 * slots,
        output_bytes=(64 << 20) + 24 * slots,
    )


def _sealed_receiver_key(house: House, live: LiveRun, receiver: bytes) -> str:
    plan = live.papers.plan
    member_of(plan, house.party)
    public = sealing_key(house.trust.party(plan.gate), "a gate")
    info = secagg.receiver_key_info(plan.sid, party=house.party)
    return base64.b64encode(seal(public, receiver, info=info)).decode()
