"""What the coordinator says within a run: the plan, what enclaves said to each other, and everything of it to the gate.

Messages are relayed as they came and in the order of their senders; whoever receives them verifies them. In a run that recovers
only the vectors of the survivors go to the gate. Each function is an effect of `sandbox.jobs.states`, executed by
`orchestrator` in its transaction, and returns the job as it stands afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import insert, select

from policies.documents.strict_json import Json
from sandbox.district import District
from sandbox.documents import registry
from sandbox.jobs import rows, surviving
from sandbox.jobs.planning import make_plan
from sandbox.jobs.rows import JobRow
from sandbox.mailboxes.mailbox import Mail, send
from sandbox.store.database import Transaction
from sandbox.store.tables import run_items, runs


def mail_plan(district: District, transaction: Transaction, job: JobRow) -> JobRow:
    connection = transaction.connection
    key = _items(transaction, job.key_run, "he-key")
    he_key = registry.get(connection, str(key[0]["digest"])).envelope if key else None
    plan = make_plan(district, connection, job, he_key=he_key.digest if he_key else None)
    envelope = plan.envelope(district.keys.identity)
    run = plan.sid.hex()
    registry.keep(district, transaction, envelope)
    connection.execute(
        insert(runs).values(sid=run, job=job.digest, attempt=job.attempt, plan=envelope.digest)
    )
    body: dict[str, Json] = {"plan": envelope.to_json(), "he_key": he_key.to_json() if he_key else None}
    recipients = [member.enclave for member in plan.roster] + [plan.gate]
    mails = [Mail(party, "plan", run=run, body=body) for party in recipients]
    send(district, transaction, *mails, sender=district.me)
    return rows.change(transaction, job.digest, run=run)


def relay_bundles(district: District, transaction: Transaction, job: JobRow) -> JobRow:
    return _relay(district, transaction, job, topic="bundle", relayed="bundles")


def relay_transcripts(district: District, transaction: Transaction, job: JobRow) -> JobRow:
    return _relay(district, transaction, job, topic="transcript", relayed="transcripts")


def _relay(district: District, transaction: Transaction, job: JobRow, *, topic: str, relayed: str) -> JobRow:
    run = str(job.run)
    items = [_relayed(item, topic) for item in _items(transaction, run, topic)]
    _, plan = rows.of_run(transaction.connection, run)
    mails = [Mail(member.enclave, relayed, run=run, body={"items": items}) for member in plan.roster]
    send(district, transaction, *mails, sender=district.me)
    return job


def announce_survivors(district: District, transaction: Transaction, job: JobRow) -> JobRow:
    """Tell the survivors who they are, and the others that the run goes on without them."""
    run = str(job.run)
    _, plan = rows.of_run(transaction.connection, run)
    survivors = surviving.known(transaction, job, plan, late=True) or ()
    body: dict[str, Json] = {surviving.TOPIC: surviving.announcement(district, plan, survivors).to_json()}
    transaction.connection.execute(
        insert(run_items).values(run=run, topic=surviving.TOPIC, party=district.me, body=json.dumps(body))
    )
    mails = [Mail(party, surviving.TOPIC, run=run, body=body) for party in survivors]
    out = [
        Mail(party, "abort", run=run, body={"code": surviving.LEFT_OUT})
        for party in surviving.left_out(plan, survivors)
    ]
    send(district, transaction, *mails, *out, sender=district.me)
    return job


def relay_agreements(district: District, transaction: Transaction, job: JobRow) -> JobRow:
    run = str(job.run)
    items = [_relayed(item, "agreement") for item in _items(transaction, run, "agreement")]
    survivors = surviving.announced(transaction, run) or ()
    mails = [Mail(party, "agreements", run=run, body={"items": items}) for party in survivors]
    send(district, transaction, *mails, sender=district.me)
    return job


def mail_open(district: District, transaction: Transaction, job: JobRow) -> JobRow:
    connection, run = transaction.connection, str(job.run)
    _, plan = rows.of_run(connection, run)
    survivors = surviving.announced(transaction, run)
    he_key = registry.get(connection, plan.he_key).envelope.to_json() if plan.he_key else None
    body: dict[str, Json] = {
        "plan": registry.get(connection, plan.digest).envelope.to_json(),
        "he_key": he_key,
        "bundles": [_relayed(item, "bundle") for item in _items(transaction, run, "bundle")],
        "transcripts": [_relayed(item, "transcript") for item in _items(transaction, run, "transcript")],
        "contributions": [
            _relayed(item, "contribution") for item in _items(transaction, run, "contribution", of=survivors)
        ],
    }
    if plan.recovers:
        body |= {
            f"{topic}s": [_relayed(item, topic) for item in _items(transaction, run, topic)]
            for topic in ("agreement", "unmasking")
        }
    send(district, transaction, Mail(plan.gate, "open", run=run, body=body), sender=district.me)
    return job


def _items(
    transaction: Transaction, run: str, topic: str, *, of: Sequence[str] | None = None
) -> list[dict[str, Json]]:
    """What the roster, or those `of` it, said in a run, by party."""
    found = transaction.connection.execute(
        select(run_items.c.party, run_items.c.body)
        .where(run_items.c.run == run, run_items.c.topic == topic)
        .order_by(run_items.c.party)
    )
    return [json.loads(row.body) for row in found if of is None or row.party in of]


def _relayed(item: dict[str, Json], topic: str) -> Json:
    """A message's body as it is relayed: unchanged, a lone envelope without its wrapping."""
    return item if topic == "bundle" else item[topic]
