"""Runs that recover, as the coordinator leads them: whose vectors are summed, and how many must have spoken.

Rules this module decides:

- The survivors of an aggregate are those whose contribution is in: all of the roster, or at least t of it when the attempt's
  time is up. A score or vet job has all of its roster or starts anew.
- Whom the coordinator announced once for a job, it announces in every later attempt: the difference of two sums over different
  domains would be one domain's part (attack A10), and enclaves and gate refuse it.
- t agreements, and then t answers, are enough: nobody waits for those who fall silent after their vectors.
- What a party that is left out says of the run no longer ends it; it is told that it may drop its secrets.

Enclaves and gate verify the same for themselves. Follows protocols.md section 2.3, R4 and R5.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import select

from policies.documents import envelope as dsse
from policies.documents.envelope import Envelope
from policies.documents.job import Plan
from policies.documents.strict_json import Json
from policies.documents.survivors import Survivors
from sandbox.district import District
from sandbox.jobs.rows import JobRow
from sandbox.jobs.states import State
from sandbox.store.database import Transaction
from sandbox.store.tables import run_items, runs

TOPIC = "survivors"
SETTLED = frozenset({State.SURVIVORS, State.UNMASKING})
"""States in which the survivors are announced and their help is awaited."""
LEFT_OUT = "left_out"


def known(transaction: Transaction, job: JobRow, plan: Plan, *, late: bool) -> tuple[str, ...] | None:
    """Whose vectors are to be summed; None while too few are in. `late`: the attempt's time is up."""
    heard = _contributors(transaction, plan)
    if len(heard) < (plan.needed if late else len(plan.roster)):
        return None
    before = _announced_before(transaction, job)
    if before is None:
        return heard
    return before if set(before) <= set(heard) else None


def announced(transaction: Transaction, run: str) -> tuple[str, ...] | None:
    """The survivors of a run, once they are announced."""
    body = transaction.connection.execute(
        select(run_items.c.body).where(run_items.c.run == run, run_items.c.topic == TOPIC)
    ).scalar()
    return None if body is None else _read(body)


def announcement(district: District, plan: Plan, survivors: Sequence[str]) -> Envelope:
    """U3, signed by the coordinator."""
    run = plan.sid.hex()
    document = Survivors(id=f"survivors-{run[:16]}", run=run, survivors=tuple(survivors))
    return document.envelope(district.keys.identity)


def ignores_refusal(transaction: Transaction, job: JobRow, party: str, *, lost: bool) -> bool:
    """Whether the run goes on though `party` is out: it is left out of the sum, or others can help instead."""
    if job.run is None or job.state not in SETTLED:
        return False
    survivors = announced(transaction, job.run) or ()
    return party not in survivors or lost


def left_out(plan: Plan, survivors: Sequence[str]) -> tuple[str, ...]:
    """Enclaves of the roster whose vector is not in the sum."""
    return tuple(member.enclave for member in plan.roster if member.enclave not in survivors)


def _contributors(transaction: Transaction, plan: Plan) -> tuple[str, ...]:
    found = transaction.connection.execute(
        select(run_items.c.party)
        .where(run_items.c.run == plan.sid.hex(), run_items.c.topic == "contribution")
        .order_by(run_items.c.party)
    ).scalars()
    return tuple(found)


def _announced_before(transaction: Transaction, job: JobRow) -> tuple[str, ...] | None:
    """The set that an earlier attempt of the job announced."""
    body = transaction.connection.execute(
        select(run_items.c.body)
        .join(runs, runs.c.sid == run_items.c.run)
        .where(runs.c.job == job.digest, run_items.c.topic == TOPIC)
        .limit(1)
    ).scalar()
    return None if body is None else _read(body)


def _read(body: str) -> tuple[str, ...]:
    stored: dict[str, Json] = json.loads(body)
    return Survivors.read(dsse.from_json(stored[TOPIC])).survivors
