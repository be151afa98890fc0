"""The contribution to an aggregate: permit, worker, lineage and one-shot mark, answer, in this order.

Rules:
1. The decision and the room in the history are asked again at this moment.
2. A differentially private answer is paid for before its worker starts (`noising`); a job that then fails has spent it.
3. The lineage after this answer and the session's mark `contributed` are durable together before a vector leaves. A process
   that dies in between has counted an answer that nobody saw.
4. The vector goes to the gate alone; without a public dictionary the keys of its cells go with it, sealed.
5. An answer takes a time in whole seconds, so that how long the statement ran tells little (attack A13); a refusal too.
6. A statement that ran out of time would again: the refusal is final, and says what to change.

protocols.md sections 2.3 and 6; what may leave is decided in the worker by `policies.disclosure` and `policies.atoms`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from enclaves.agent.asked import OwnQuestion, check_open, own_question
from enclaves.agent.deciding import permit_question
from enclaves.agent.house import House
from enclaves.agent.lineages import Answer
from enclaves.agent.live import LiveRun
from enclaves.agent.noising import noise_of
from enclaves.agent.pacing import wait_out
from enclaves.agent.sending import Note, Vectors, check_commitment, send_contribution
from enclaves.agent.stages import Stage
from enclaves.isolation.confined import ConfinedRun, run_confined
from enclaves.isolation.errors import WorkerTimeout
from enclaves.isolation.limits import Limits
from enclaves.protocols.sealing import seal
from enclaves.run.errors import RunRefused
from enclaves.run.papers import Papers
from enclaves.transport.party import sealing_key
from enclaves.transport.sealed_mail import cells_info
from enclaves.witness.witness import Seen
from enclaves.worker.lineage import Lineage
from enclaves.worker.order import Masks
from enclaves.worker.question import QuestionOrder, TableOrder
from policies.aggregate.amounts import amounts_of
from policies.documents import strict_json
from policies.documents.strict_json import Json
from policies.sql.row_statement import compile_rows

QUESTION_SECONDS: Final = 120.0
MAX_PIECES: Final = 4096


@dataclass(frozen=True, slots=True)
class Worked:
    """What a worker said: its verdict, the lineages by account, the masked vector, the commitment."""

    verdict: dict[str, Json]
    lineages: dict[str, list[bytes]]
    vector: bytes
    commitment: bytes


def answer(house: House, live: LiveRun, *, seen: Seen) -> None:
    """Answer the run with this domain's lanes; `seen` is fresh."""
    started = time.monotonic()
    papers = live.papers
    granted = permit_question(house, papers, seen=seen)
    check_open(house, papers)
    own = own_question(house, papers)
    noise = noise_of(house, papers, own)
    masks = live.masking.hand_over()
    worked = work(house, papers, own, permit=granted.digest, masks=masks, noise=noise)
    with house.durable.transaction():
        for account, frames in worked.lineages.items():
            house.lineages.keep(_entry(house, live, own, account=account, verdict=worked.verdict), frames)
        house.sessions.move(papers.plan.sid, Stage.CONTRIBUTED)
    cells = _put_cells(house, live, worked.verdict)
    wait_out(started, house.sleep)
    live.asked = (own.name, own.snapshot)
    vector = house.wire.put_attachment(worked.vector, audience=(papers.plan.gate,))
    vectors = Vectors((vector,), worked.commitment, (worked.vector,))
    note = Note(granted.digest, own.snapshots, masks.opening_key)
    send_contribution(house, live, note, vectors=vectors, cells=cells)


def work(
    house: House,
    papers: Papers,
    own: OwnQuestion,
    *,
    permit: str,
    masks: Masks,
    noise: NDArray[np.int64] | None,
) -> Worked:
    """Run the worker under the permit of this digest. Raises RunRefused and the errors of a worker."""
    with ExitStack() as stack:
        leases = {table: stack.enter_context(house.store.lease(table)) for table in own.query.tables}
        held = {table: lease.pointer.snapshot for table, lease in leases.items()}
        if held != own.snapshots:
            # A refresh came in between: what was decided was decided about another snapshot.
            raise RunRefused("session_lost", "expected the snapshots as they were decided on, got newer ones")
        order = _order(house, papers, own, permit=permit, masks=masks, noise=noise)
        files: dict[str, Path] = {table: lease.path for table, lease in leases.items()}
        run = run_confined("enclaves.worker.aggregate", order.frames(), files=files, limits=_limits())
        try:
            return _read(run, own)
        except WorkerTimeout:
            raise RunRefused(
                "query_timeout", f"expected an answer within {QUESTION_SECONDS:g} s, got none"
            ) from None


def _order(
    house: House,
    papers: Papers,
    own: OwnQuestion,
    *,
    permit: str,
    masks: Masks,
    noise: NDArray[np.int64] | None,
) -> QuestionOrder:
    layout, plan = own.question.layout, own.question.noise
    if layout is None:
        raise RunRefused("query_refused", "expected a governed statement for this domain, got none")
    return QuestionOrder(
        permit=permit,
        tables={
            table: TableOrder(house.store.snapshot_key(table), snapshot)
            for table, snapshot in own.snapshots.items()
        },
        units=own.query.tables,
        statement=compile_rows(own.query, own.data_list),
        apart=own.question.apart[house.department],
        amounts=amounts_of(own.query, own.data_list),
        layout=layout,
        bounds=own.question.bounds[house.department],
        limits=own.limits,
        one_domain=len(papers.plan.roster) == 1,
        masks=masks,
        lineages=tuple(_lineage(house, account) for account in own.accounts),
        noise=noise,
        most_rows=None if plan is None else plan.rows_per_person[house.department],
    )


def _lineage(house: House, account: str) -> Lineage:
    frames = house.lineages.load(account)
    return Lineage.read(iter(frames)) if frames else Lineage()


def _read(run: ConfinedRun, own: OwnQuestion) -> Worked:
    with run:
        verdict = strict_json.parse_object(next(run, b""), max_bytes=1 << 20)
        lineages = {account: list(_frames(run)) for account in own.accounts}
        vector, commitment = next(run, b""), next(run, b"")
        check_commitment(commitment, next(run, None))
    layout = own.question.layout
    if layout is None or len(vector) != 8 * layout.lanes:
        raise RunRefused("worker_output_refused", "expected a vector of the layout, got another length")
    return Worked(verdict, lineages, vector, commitment)


def _frames(run: ConfinedRun) -> Iterator[bytes]:
    count = int.from_bytes(next(run, b""), "big")
    if count > MAX_PIECES:
        raise RunRefused("worker_output_refused", f"expected at most {MAX_PIECES} frames, got more")
    for _ in range(count):
        yield next(run, b"")


def _put_cells(house: House, live: LiveRun, verdict: dict[str, Json]) -> str | None:
    """The keys of the cells, sealed to the gate; None where the dictionary is public."""
    keys = verdict.get("keys")
    if keys is None:
        return None
    plan = live.papers.plan
    public = sealing_key(house.trust.party(plan.gate), "a gate")
    sealed = seal(public, strict_json.canonical(keys), info=cells_info(plan.sid.hex(), house.party))
    return house.wire.put_attachment(sealed, audience=(plan.gate,))


def _entry(
    house: House, live: LiveRun, own: OwnQuestion, *, account: str, verdict: dict[str, Json]
) -> Answer:
    released = verdict.get("released")
    part = live.papers.asking.query.part(house.department)
    return Answer(
        account=account,
        scenario=live.papers.plan.scenario,
        snapshot=own.snapshot,
        question=own.name,
        job=live.papers.plan.job,
        at=house.clock(),
        statement="" if part is None else part.sql,
        released=released if isinstance(released, int) else 0,
        report=strict_json.canonical(verdict.get("report")).decode(),
        rho=live.papers.asking.query.rho,
    )


def _limits() -> Limits:
    return Limits(
        address_space_bytes=8 << 30,
        # With every core busy all the time it is the clock that ends a statement, by a name of its own.
        cpu_seconds=(int(QUESTION_SECONDS) + 1) * (os.cpu_count() or 1),
        wall_seconds=QUESTION_SECONDS,
        processes=128,
        input_bytes=8 << 30,
        output_bytes=8 << 30,
    )
