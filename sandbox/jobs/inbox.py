"""Messages to the coordinator, handled as they arrive, in the transaction that stores them.

Rules this module decides:

- A message belongs to its run: the sender has a part in it, the signed document inside names it, and the boot or
  identity key behind it is the sender's. A contribution made for another run is refused, not relayed.
- A run has room for one message of a kind from each party. The same again is a repeat; another is a conflict.
- A message of a run that is over is accepted and changes nothing: it was only late. A handover alone is refused then, so
  that the gate, which releases a job once, knows that nothing was taken over.
- Vectors, bitmaps and contexts are attachments named in signed documents; the coordinator shares them with those they are
  for and never looks inside. (Lengths of bitmaps are its business, contents are not.)

Enclaves and gate check everything again; what is refused here is refused early, with a reason to the one who erred.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from sqlalchemy import func, insert, select

from policies.authorization import check_boot, check_signed
from policies.documents import envelope as dsse
from policies.documents.authorization import RosterMember
from policies.documents.envelope import Envelope
from policies.documents.job import HeKey, Plan
from policies.documents.run import Boot, Bundle, Contribution, Transcript, transcript_digest
from policies.documents.strict_json import Json
from policies.documents.survivors import Agreement, Unmasking
from policies.documents.trust import PartyEntry, Role
from policies.documents.vetting import VetMetrics
from policies.keys import IdentityKey
from sandbox.district import District
from sandbox.documents import attachments, registry
from sandbox.jobs import handover, rows, surviving, tables
from sandbox.jobs.errors import NotInRun, RunConflict
from sandbox.jobs.orchestrator import fire
from sandbox.jobs.rows import JobRow
from sandbox.jobs.states import TERMINAL, Event, State, loss
from sandbox.mailboxes.mailbox import Mail
from sandbox.store.database import Transaction
from sandbox.store.errors import Malformed
from sandbox.store.tables import run_items

SESSION_LOST: Final = "session_lost"
_MAX_REASON: Final = 4096
_CODE: Final = re.compile("[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message with the run it belongs to."""

    mail: Mail
    sender: PartyEntry
    job: JobRow
    plan: Plan

    @property
    def run(self) -> str:
        return str(self.mail.run)

    @property
    def current(self) -> bool:
        """Whether the run is the job's current attempt and the job goes on."""
        return self.job.run == self.run and self.job.state not in TERMINAL

    def envelope(self, member: str) -> Envelope:
        return dsse.from_json(self.mail.body.get(member))

    def member(self) -> RosterMember:
        """The sender's line of the roster; raise `NotInRun`."""
        found = next((m for m in self.plan.roster if m.enclave == self.sender.id), None)
        if found is None:
            raise NotInRun("expected an enclave of the run's roster, got another party")
        return found


def handle_message(district: District, transaction: Transaction, mail: Mail, *, sender: PartyEntry) -> None:
    """Handle one message; raise a refusal and the message is not kept."""
    if mail.topic == "he-key":
        _he_key(district, transaction, mail, sender)
        return
    handler = _HANDLERS.get(mail.topic)
    if handler is None or mail.run is None:
        raise Malformed(f"expected a topic for the coordinator with its run, got `{mail.topic}`")
    job, plan = rows.of_run(transaction.connection, mail.run)
    if sender.id != plan.gate and sender.id not in {member.enclave for member in plan.roster}:
        raise NotInRun("expected a party of the run, got another")
    handler(district, transaction, Arrival(mail, sender, job, plan))


def _he_key(district: District, transaction: Transaction, mail: Mail, sender: PartyEntry) -> None:
    envelope = dsse.from_json(mail.body.get("he_key"))
    document = HeKey.read(envelope)
    check_signed(envelope, document, district.trust, revoked_keys=district.halts.revoked_keys)
    if sender.role is not Role.GATE or document.gate != sender.id:
        raise NotInRun("expected a key from the gate, got one from another party")
    job = rows.get(transaction.connection, document.job)
    if job.state is not State.AWAITING_KEY or job.attempt != document.attempt:
        return
    attachments.check_owned(transaction.connection, document.context, sender.id)
    roster = rows.roster_of(district, transaction.connection, job)
    attachments.share(district, transaction, document.context, (member.enclave for member in roster))
    digest = registry.keep(district, transaction, envelope)
    if _keep(transaction, job.key_run, "he-key", party=sender.id, body={"digest": digest}):
        fire(district, transaction, job, Event.KEY_CAME)


def _bundle(district: District, transaction: Transaction, arrival: Arrival) -> None:
    member = arrival.member()
    envelope, boot = arrival.envelope("bundle"), arrival.envelope("boot")
    party, boot_key = check_boot(boot, district.trust, revoked_keys=district.halts.revoked_keys)
    bundle = Bundle.read(envelope)
    envelope.check_signed_by(boot_key)
    _check_run(arrival, bundle.run, bundle.enclave)
    if party.id != arrival.sender.id or bundle.boot != boot.digest or bundle.department != member.department:
        raise NotInRun("expected the sender's own boot key and department, got others")
    size = attachments.check_owned(transaction.connection, bundle.accepts, arrival.sender.id)
    if size != (arrival.plan.accepting + 7) // 8:
        raise Malformed(f"expected an accept bitmap of {arrival.plan.accepting} slots")
    readers = [other.enclave for other in arrival.plan.roster] + [arrival.plan.gate]
    attachments.share(district, transaction, bundle.accepts, readers)
    body: dict[str, Json] = {"bundle": envelope.to_json(), "boot": boot.to_json()}
    _collect(district, transaction, arrival, body, Event.BUNDLES_CAME)


def _transcript(district: District, transaction: Transaction, arrival: Arrival) -> None:
    envelope = arrival.envelope("transcript")
    transcript = Transcript.read(envelope)
    envelope.check_signed_by(_boot_key(transaction, arrival))
    _check_run(arrival, transcript.run, transcript.enclave)
    if arrival.current and transcript.transcript != _expected_transcript(transaction, arrival.run):
        raise RunConflict("expected a transcript of the bundles that were relayed, got another")
    _collect(district, transaction, arrival, {"transcript": envelope.to_json()}, Event.TRANSCRIPTS_CAME)


def _contribution(district: District, transaction: Transaction, arrival: Arrival) -> None:
    member = arrival.member()
    envelope = arrival.envelope("contribution")
    contribution = Contribution.read(envelope)
    envelope.check_signed_by(_boot_key(transaction, arrival))
    _check_run(arrival, contribution.run, contribution.enclave)
    if contribution.department != member.department:
        raise NotInRun("expected the sender's department, got another")
    for vector in contribution.vectors:
        attachments.check_owned(transaction.connection, vector, arrival.sender.id)
        attachments.share(district, transaction, vector, [arrival.plan.gate])
    if contribution.cells is not None:
        if not arrival.job.asks:
            raise Malformed("expected keys of cells in an aggregate alone, got some in another job")
        attachments.check_owned(transaction.connection, contribution.cells, arrival.sender.id)
        attachments.share(district, transaction, contribution.cells, [arrival.plan.gate])
    complete = Event.SURVIVORS_KNOWN if arrival.plan.recovers else Event.CONTRIBUTIONS_CAME
    _collect(district, transaction, arrival, {"contribution": envelope.to_json()}, complete)


def _agreement(district: District, transaction: Transaction, arrival: Arrival) -> None:
    envelope = arrival.envelope("agreement")
    _check_surviving(transaction, arrival, envelope, Agreement.read(envelope))
    body: dict[str, Json] = {"agreement": envelope.to_json()}
    _collect(district, transaction, arrival, body, Event.AGREEMENTS_CAME, needed=arrival.plan.threshold)


def _unmasking(district: District, transaction: Transaction, arrival: Arrival) -> None:
    envelope = arrival.envelope("unmasking")
    _check_surviving(transaction, arrival, envelope, Unmasking.read(envelope))
    body: dict[str, Json] = {"unmasking": envelope.to_json()}
    _collect(district, transaction, arrival, body, Event.UNMASKINGS_CAME, needed=arrival.plan.threshold)


def _check_surviving(
    transaction: Transaction, arrival: Arrival, envelope: Envelope, said: Agreement | Unmasking
) -> None:
    """Raise a refusal unless a survivor says this of the run's bundles and of the survivors that were announced."""
    envelope.check_signed_by(_boot_key(transaction, arrival))
    _check_run(arrival, said.run, said.enclave)
    if said.transcript != _expected_transcript(transaction, arrival.run):
        raise RunConflict(f"expected an {said.kind} over the bundles that were relayed, got another")
    if said.enclave not in said.survivors or said.survivors != surviving.announced(transaction, arrival.run):
        raise RunConflict(f"expected an {said.kind} of the survivors that were announced, got another")


def _metrics(district: District, transaction: Transaction, arrival: Arrival) -> None:
    envelope = arrival.envelope("metrics")
    document = VetMetrics.read(envelope)
    check_signed(envelope, document, district.trust, revoked_keys=district.halts.revoked_keys)
    if document.enclave != arrival.sender.id or document.job != arrival.job.digest or not arrival.job.vet:
        raise NotInRun("expected the sender's own metrics for this vet job, got others")
    if _keep(transaction, arrival.run, "metrics", party=arrival.sender.id, body={"digest": envelope.digest}):
        registry.store_document(district, transaction, envelope, actor=arrival.sender.id)


def _release(district: District, transaction: Transaction, arrival: Arrival) -> None:
    _check_gate(arrival)
    envelope = arrival.envelope("document")
    if not arrival.current or arrival.job.state is not State.OPENING:
        return
    event = Event.RELEASE_CAME
    if arrival.job.asks:
        copies = tuple(arrival.mail.attachments)
        release = tables.check_release(district, transaction, envelope, plan=arrival.plan, copies=copies)
        event = Event.REVIEW_WANTED if release.review else event
    else:
        handover.check_release(district, transaction, envelope, job=arrival.job, plan=arrival.plan)
    handover.keep_release(district, transaction, envelope, run=arrival.run)
    fire(district, transaction, arrival.job, event)


def _handover(district: District, transaction: Transaction, arrival: Arrival) -> None:
    _check_gate(arrival)
    if arrival.job.run == arrival.run and arrival.job.state is State.DONE:
        return
    if not arrival.current or arrival.job.state is not State.HANDOVER:
        raise RunConflict("expected the handover of the run the job is at, got one that comes too late")
    digest = arrival.mail.body.get("release")
    take_over = tables.take_over if arrival.job.asks else handover.take_over
    take_over(
        district,
        transaction,
        job=arrival.job,
        release=digest if isinstance(digest, str) else "",
        attached=tuple(arrival.mail.attachments),
    )
    fire(district, transaction, arrival.job, Event.HANDED_OVER)


def _refusal(district: District, transaction: Transaction, arrival: Arrival) -> None:
    body = arrival.mail.body
    code = body.get("code")
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise Malformed("expected a refusal with a code of lower-case words")
    if len(json.dumps(body)) > _MAX_REASON:
        raise Malformed(f"expected a refusal of at most {_MAX_REASON} characters")
    if not arrival.current:
        return
    lost = code == SESSION_LOST
    if surviving.ignores_refusal(transaction, arrival.job, arrival.sender.id, lost=lost):
        return
    named = ("code", "policy", "reason", "change", "where")
    reason: dict[str, Json] = {name: body[name] for name in named if name in body}
    reason["by"] = arrival.sender.id
    event = loss(arrival.job.attempt) if lost else Event.POLICY_REFUSED
    fire(district, transaction, arrival.job, event, reason=reason)


def _collect(
    district: District,
    transaction: Transaction,
    arrival: Arrival,
    body: dict[str, Json],
    complete: Event,
    *,
    needed: int | None = None,
) -> None:
    """Keep one roster member's message; when `needed` have come, by default all, the job moves on."""
    arrival.member()
    fresh = _keep(transaction, arrival.run, arrival.mail.topic, party=arrival.sender.id, body=body)
    if not fresh or not arrival.current:
        return
    count = transaction.connection.execute(
        select(func.count())
        .select_from(run_items)
        .where(run_items.c.run == arrival.run, run_items.c.topic == arrival.mail.topic)
    ).scalar_one()
    if count == (needed or len(arrival.plan.roster)):
        fire(district, transaction, arrival.job, complete)


def _keep(transaction: Transaction, run: str, topic: str, *, party: str, body: dict[str, Json]) -> bool:
    """Store a message once; False for the same again, `RunConflict` for another."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    mine = (run_items.c.run == run) & (run_items.c.topic == topic) & (run_items.c.party == party)
    known = transaction.connection.execute(select(run_items.c.body).where(mine)).scalar()
    if known is None:
        transaction.connection.execute(insert(run_items).values(run=run, topic=topic, party=party, body=text))
        return True
    if known != text:
        raise RunConflict(f"expected one {topic} of `{party}` in a run, got a second, different one")
    return False


def _boot_key(transaction: Transaction, arrival: Arrival) -> IdentityKey:
    """The boot key behind the sender's bundle of this run."""
    mine = (run_items.c.run == arrival.run) & (run_items.c.party == arrival.member().enclave)
    body = transaction.connection.execute(
        select(run_items.c.body).where(mine, run_items.c.topic == "bundle")
    ).scalar()
    if body is None:
        raise NotInRun("expected a bundle of the sender first, got none")
    return IdentityKey.from_base64(Boot.read(dsse.from_json(json.loads(body)["boot"])).key)


def _expected_transcript(transaction: Transaction, run: str) -> str:
    bodies = transaction.connection.execute(
        select(run_items.c.body).where(run_items.c.run == run, run_items.c.topic == "bundle")
    ).scalars()
    return transcript_digest(run, [dsse.from_json(json.loads(body)["bundle"]).digest for body in bodies])


def _check_run(arrival: Arrival, run: str, enclave: str) -> None:
    if run != arrival.run or enclave != arrival.sender.id:
        raise NotInRun("expected a document of this run by its sender, got another's")


def _check_gate(arrival: Arrival) -> None:
    if arrival.sender.id != arrival.plan.gate:
        raise NotInRun("expected the gate of the run, got another party")


_HANDLERS: Final[Mapping[str, Callable[[District, Transaction, Arrival], None]]] = MappingProxyType(
    {
        "bundle": _bundle,
        "transcript": _transcript,
        "contribution": _contribution,
        "agreement": _agreement,
        "unmasking": _unmasking,
        "metrics": _metrics,
        "release": _release,
        "handover": _handover,
        "refusal": _refusal,
    }
)
