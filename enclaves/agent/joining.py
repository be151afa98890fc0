"""From a plan to a bundle: verify everything for oneself, decide, and only then say anything (docs/protocol.md 4.3).

Steps, each of which may refuse:
1. `register`: the plan is the coordinator's and its run id is new; the session row is durable.
2. The intent stands in a fresh, quorum-cosigned checkpoint that the own replay confirms.
3. All papers, the own part, and in mode bfv the gate's key, are what the plan names by digest. In mode paillier proof and
   ciphertexts are taken up after step 5 (`hidden`).
4. The slots: consent and capacity decide the accept bitmap, presence does not (design.md section 5a). An aggregate has none;
   there the statement must be governed and the history have room.
5. The decision point permits.
6. The keys are drawn, the session is durable as `bundled`; the bundle is the answer.
"""

from __future__ import annotations

import base64
import hashlib

import numpy as np
from numpy.typing import NDArray

from enclaves.agent.asked import check_open
from enclaves.agent.capacity import Account
from enclaves.agent.consents import Resolved
from enclaves.agent.deciding import permit, permit_question
from enclaves.agent.hidden import open_hidden
from enclaves.agent.house import House
from enclaves.agent.live import LiveRun, Scoring
from enclaves.agent.masking import Masking, PairMasking, Published
from enclaves.agent.recovering import RecoveringMasking
from enclaves.agent.stages import Stage
from enclaves.run import bitmap, subjects
from enclaves.run.errors import RunRefused
from enclaves.run.mail import Body, envelope, optional_envelope
from enclaves.run.papers import Papers, gather, member_of, read_plan
from enclaves.run.sessions import Session
from enclaves.witness.witness import Seen
from policies import banding
from policies.authorization import check_signed
from policies.documents.authorization import JobKind, Mode
from policies.documents.envelope import Envelope
from policies.documents.job import HeKey, Plan
from policies.documents.run import Bundle


def register(house: House, body: Body, *, run: str | None) -> Plan:
    """Step 1, under the run id that the message names. Raises RunRefused(`run_repeated`, `run_mismatch`), PolicyError."""
    plan = read_plan(envelope(body, "plan"), house.trust)
    if plan.sid.hex() != run:
        # Before the row: a run that nobody can end would stay begun until the next start.
        raise RunRefused("run_mismatch", "expected a plan under its own run id, got another")
    session = Session(plan.sid, plan.job, plan.attempt, plan.authorization or plan.scenario, Stage.PLANNED)
    house.sessions.begin(session, now=house.clock())
    return plan


def join(house: House, body: Body) -> LiveRun:
    """Steps 2 to 6; the bundle is sent when this returns."""
    plan_envelope = envelope(body, "plan")
    plan = read_plan(plan_envelope, house.trust)
    member_of(plan, house.party)
    seen_at = house.clock()
    seen = house.witness.see(plan.intent)
    papers = gather(plan_envelope, house.trust, house.wire)
    scoring, accepted = (
        _scoring(house, papers, seen, body) if plan.query is None else _asking(house, papers, seen)
    )
    bits = bitmap.pack(accepted)
    masking: Masking = RecoveringMasking(house, papers) if plan.recovers else PairMasking(house, papers)
    bundle = _bundle(house, plan, bits=bits, published=masking.publish())
    readers = [member.enclave for member in plan.roster] + [plan.gate]
    house.wire.enclose(bits, audience=readers)
    house.wire.send(
        "coordinator",
        "bundle",
        {"bundle": bundle.to_json(), "boot": house.boot.certificate.to_json()},
        run=papers.run,
        attachments=(hashlib.sha256(bits).hexdigest(),),
    )
    return LiveRun(
        papers=papers,
        scoring=scoring,
        seen=seen,
        seen_at=seen_at,
        accepted=accepted,
        bundle=bundle,
        masking=masking,
    )


def _scoring(
    house: House, papers: Papers, seen: Seen, body: Body
) -> tuple[Scoring | None, NDArray[np.bool_]]:
    """Steps 3 to 5 of a score or vet job."""
    plan = papers.plan
    if plan.mode is Mode.PAILLIER:
        return _scoring_hidden(house, papers, seen)
    part = house.parts.open(plan.scored_model, papers.model)
    if house.execution is not None:
        house.execution.check_current(house.store, part.part.dataset)
    context = None if plan.he_key is None else _context(house, plan, optional_envelope(body, "he_key"))
    resolved = resolve(house, papers)
    permit(house, papers, part.part, seen=seen, accepted=int(resolved.accepted.sum()))
    return Scoring(part, resolved.pids, context), resolved.accepted


def _scoring_hidden(house: House, papers: Papers, seen: Seen) -> tuple[Scoring | None, NDArray[np.bool_]]:
    """The same in mode paillier: the decision comes before a byte of proof or ciphertext is fetched."""
    resolved = resolve(house, papers)
    reading = papers.encrypted.of(house.department)
    permit(house, papers, reading, seen=seen, accepted=int(resolved.accepted.sum()))
    return Scoring(open_hidden(house, papers), resolved.pids, None), resolved.accepted


def _asking(house: House, papers: Papers, seen: Seen) -> tuple[Scoring | None, NDArray[np.bool_]]:
    """Steps 3 to 5 of an aggregate: the statement, the permit, and room in the history; one bit says "takes part"."""
    permit_question(house, papers, seen=seen)
    check_open(house, papers)
    return None, np.ones(1, dtype=np.bool_)


def resolve(house: House, papers: Papers) -> Resolved:
    """Step 4: who the slots are, and which are accepted by consent and, in a score job, capacity."""
    plan = papers.plan
    ids = subjects.fetch(plan.listed_subjects, house.wire)
    resolved = house.consents.resolve(
        ids,
        scenario=plan.scenario,
        service=papers.scenario.consent.service,
        recipient=None if plan.job_kind is JobKind.VET else plan.recipient,
        now=house.clock(),
        withdrawn=house.witness.halts.withdrawals,
    )
    if plan.job_kind is JobKind.VET:
        return resolved
    accepted: NDArray[np.bool_] = resolved.accepted.copy()
    slots = np.flatnonzero(accepted)
    accepted[slots] = house.ledger.has_room(account_of(house, papers), resolved.pids[slots])
    return Resolved(resolved.pids, accepted)


def account_of(house: House, papers: Papers) -> Account:
    """What this job spends on each person, and of which rows."""
    head = papers.model.part(house.department)
    return Account(
        partner=papers.scenario.partner,
        model=papers.plan.scored_model,
        job=papers.plan.job,
        bits=banding.bits(papers.model),
        limits=papers.scenario.limits,
        now=house.clock(),
        snapshot="" if head is None else house.store.pointer(head.dataset).snapshot,
    )


def _context(house: House, plan: Plan, he_key: Envelope | None) -> bytes:
    """The gate's public context, signed by the gate for this very attempt; its bytes are parsed in the worker alone."""
    if he_key is None or he_key.digest != plan.he_key:
        raise RunRefused("he_key_mismatch", "expected the key that the plan names, got another")
    key = HeKey.read(he_key)
    check_signed(he_key, key, house.trust, revoked_keys=house.witness.halts.revoked_keys)
    if (key.gate, key.job, key.attempt) != (plan.gate, plan.job, plan.attempt):
        raise RunRefused("he_key_mismatch", "expected the gate's key for this attempt, got another")
    context = house.wire.get_attachment(key.context)
    if hashlib.sha256(context).hexdigest() != key.context:
        raise RunRefused("he_key_mismatch", "expected the context that the gate signed, got another")
    return context


def _bundle(house: House, plan: Plan, *, bits: bytes, published: Published) -> Envelope:
    run = plan.sid.hex()
    bundle = Bundle(
        id=f"bundle-{house.party}-{run[:12]}",
        run=run,
        department=house.department,
        enclave=house.party,
        boot=house.boot.certificate.digest,
        ephemeral_key=base64.b64encode(published.ephemeral_key).decode(),
        accepts=hashlib.sha256(bits).hexdigest(),
        recovery=published.recovery,
    )
    return bundle.envelope(house.boot.private)
