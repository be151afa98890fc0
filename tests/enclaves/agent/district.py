"""A whole small district for tests: real keys, documents, encrypted stores, enclaves and gate around a relay in memory."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.store import DomainStore
from enclaves.agent.agent import Agent
from enclaves.agent.answered import Answered
from enclaves.agent.budget import PrivacyLedger
from enclaves.agent.capacity import CapacityLedger
from enclaves.agent.cohorts import Cohorts
from enclaves.agent.committed import Commitments
from enclaves.agent.consents import ConsentStore
from enclaves.agent.house import House
from enclaves.agent.lineages import Lineages
from enclaves.agent.parts import PartStore
from enclaves.agent.proven import ProvenKeys
from enclaves.agent.stages import TRANSITIONS
from enclaves.gate.gate import Gate
from enclaves.gate.he_keys import HeKeys
from enclaves.gate.house import House as GateHouse
from enclaves.gate.openings import Openings
from enclaves.gate.paillier_keys import PaillierKeys
from enclaves.gate.shelf import Shelf
from enclaves.gate.stages import TRANSITIONS as GATE_TRANSITIONS
from enclaves.protocols.sealing import ScoreBinding, SealingKey, SlotOpener, open_sealed, seal
from enclaves.run.boot import BootKey
from enclaves.run.durable import Durable
from enclaves.run.process import Mailbox
from enclaves.run.sessions import Sessions
from enclaves.transport.sealed_mail import consent_info, part_info, table_info
from enclaves.witness.memory import WitnessMemory
from enclaves.witness.witness import Witness
from policies.aggregate.question import asked_of
from policies.authorization import data_list_digest
from policies.decision import expected_roster
from policies.documents import strict_json
from policies.documents.authorization import (
    Authorization,
    Clause,
    ConsentBasis,
    DatasetCitation,
    JobKind,
    Limits,
    ListedColumn,
    Mode,
    OverallAuthorization,
    PreAssessment,
    Purpose,
    PurposeClass,
    QueryTerms,
    Recipient,
    Scenario,
)
from policies.documents.consent import Consent, Grant, pack
from policies.documents.dataset import Use
from policies.documents.document import Document, Term
from policies.documents.encrypted import Encryption
from policies.documents.envelope import Envelope
from policies.documents.fields import instant, instant_text
from policies.documents.halts import Revocation, RevocationTarget
from policies.documents.job import Job, Plan, Release, Subjects, TableRelease
from policies.documents.model import Model
from policies.documents.price import Filing, PriceFiling, UsageForm
from policies.documents.query import ParameterValue, Query
from policies.documents.review import Finding, OutputReview
from policies.documents.survivors import Survivors
from policies.documents.trust import LogIdentity, PartyEntry, Role, TrustRoot
from policies.documents.vetting import Check, Verdict, VettingReport
from policies.keys import public_key
from policies.log.entry import EntryType, Target
from policies.log.merkle import check_inclusion, leaf_hash
from policies.resident import ResidentId
from policies.vetting import REQUIRED_CHECKS
from tests.enclaves.agent.figures import figures, figures_dataset, publish, question
from tests.enclaves.agent.relay import Line, Relay, entry
from tests.enclaves.worker.domain import (
    GRID,
    Row,
    both,
    build,
    dataset,
    head,
    part,
    reference_units,
    resident,
    rows,
)

NOW = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
NAMES = ("hospital", "social", "transport")
FOUR = ("education", *NAMES)
FIVE = ("education", "hospital", "housing", "social", "transport")
"""Rosters whose masked sums survive absence."""
KNOWN = {
    "education": range(10, 40),
    "hospital": range(30),
    "housing": range(0, 40, 3),
    "social": range(5, 40),
    "transport": range(0, 40, 2),
}
TERM = Term(not_before="2026-01-01T00:00:00Z", not_after="2027-01-01T00:00:00Z")
ZERO = "0" * 64


@dataclass
class Clock:
    """A clock that tests turn."""

    now: int = int(NOW.timestamp())

    def __call__(self) -> int:
        return self.now


@dataclass
class Party:
    """Private keys of one party."""

    identity: Ed25519PrivateKey
    sealing: SealingKey | None


@dataclass
class Domain:
    """One department's enclave with its rows beside it, for the reference."""

    department: str
    held: list[Row]
    store: DomainStore
    house: House
    agent: Agent
    mailbox: Mailbox


@dataclass
class District:
    """Everything; `pump` lets all processes take their mail until nobody has any."""

    directory: Path
    parties: dict[str, Party]
    trust: TrustRoot
    pin: str
    relay: Relay
    clock: Clock
    domains: dict[str, Domain]
    gate: Gate
    gate_house: GateHouse
    gate_mailbox: Mailbox
    scenario: Scenario
    model: Model
    authorization: Authorization
    encryption: Encryption | None = None
    """Key and weights that jobs in mode paillier cite (`tests.enclaves.agent.encrypted`)."""
    grants: dict[str, Grant] = field(default_factory=dict)

    # Time passes

    def pump(self, but: tuple[str, ...] = ()) -> None:
        boxes = {f"enclave-{name}": domain.mailbox for name, domain in self.domains.items()}
        boxes["gate"] = self.gate_mailbox
        while sum(box.take_pending() for name, box in boxes.items() if name not in but):
            pass

    def log(self, *entries: Any) -> int:
        """Append, checkpoint, and have the witnesses cosign."""
        index = self.relay.append(*entries)
        self.relay.call_witnesses()
        self.pump()
        return index

    # What people do

    def post(self, document: Document, *signers: str) -> Envelope:
        envelope = document.envelope(*(self.parties[name].identity for name in signers))
        Line(self.relay, signers[0]).post_document(envelope)
        return envelope

    def consent(
        self,
        people: list[str],
        *,
        scenario: str | None = None,
        recipient: str = "insurer",
        expires: datetime = NOW + timedelta(days=30),
        but: tuple[str, ...] = (),
    ) -> list[bytes]:
        """The consent service grants for `people`; enclaves in `but` are not told."""
        service = Line(self.relay, "consents")
        granted = [
            Grant(secrets.token_bytes(16), ResidentId(p), int(expires.timestamp()), secrets.token_bytes(32))
            for p in people
        ]
        self.grants |= {grant.id.hex(): grant for grant in granted}
        packed = pack(granted)
        batch = Consent(
            id=f"batch-{secrets.token_hex(4)}",
            service="consents",
            scenario=scenario or self.scenario.digest,
            recipient=recipient,
            scope="score",
            count=len(granted),
            grants=hashlib.sha256(packed).hexdigest(),
            granted_at=instant_text(NOW),
        )
        envelope = batch.envelope(self.parties["consents"].identity)
        for name in self.domains:
            enclave = f"enclave-{name}"
            if enclave in but:
                continue
            public = self.parties[enclave].sealing
            assert public is not None
            sealed = seal(public.public, packed, info=consent_info(envelope.digest, enclave))
            attachment = service.put_attachment(sealed, audience=(enclave,))
            service.send(enclave, "consent", {"consent": envelope.to_json()}, attachments=(attachment,))
        self.pump()
        return [grant.id for grant in granted]

    def withdraw(self, ids: list[bytes], *, mail: bool = True, log: bool = True) -> None:
        """Withdraw by the service's message, by the log, or both."""
        commitments = tuple(self.grants[item.hex()].commitment for item in ids)
        if mail:
            revocation = Revocation(
                id=f"withdrawal-{secrets.token_hex(4)}",
                target=RevocationTarget.CONSENT,
                digests=commitments,
                by="consents",
                reason=both("withdrawn"),
                at=instant_text(NOW),
            )
            envelope = revocation.envelope(self.parties["consents"].identity)
            for name in self.domains:
                Line(self.relay, "consents").send(
                    f"enclave-{name}", "withdrawal", {"revocation": envelope.to_json()}
                )
            self.pump()
        if log:
            self.log(entry(EntryType.WITHDRAWAL, commitments=commitments))

    def send_parts(self) -> None:
        for name in self.domains:
            enclave = f"enclave-{name}"
            linear = part(name)
            public = self.parties[enclave].sealing
            assert public is not None
            info = part_info(self.model.digest, name, enclave)
            sealed = seal(public.public, strict_json.canonical(linear.to_body()), info=info)
            line = Line(self.relay, "partner")
            attachment = line.put_attachment(sealed, audience=(enclave,))
            line.send(
                enclave,
                "model-part",
                {"model": self.model.digest, "department": name},
                attachments=(attachment,),
            )
        self.pump()

    def job(self, ids: list[bytes], *, mode: Mode = Mode.MASKED, vet: bool = False, **changes: Any) -> Job:
        """A signed, posted job over consent ids, with its intent in the cosigned log."""
        packed = b"".join(ids)
        line = Line(self.relay, "partner")
        line.put_attachment(packed, audience=[f"enclave-{name}" for name in self.domains])
        job = Job(
            id=f"job-{secrets.token_hex(4)}",
            job_kind="vet" if vet else "score",
            submitter="partner",
            purpose="underwriting",
            scenario=self.scenario.digest,
            authorization=None if vet else self.authorization.digest,
            model=self.model.digest,
            mode=mode,
            encryption=self.encryption if mode is Mode.PAILLIER else None,
            subjects=Subjects(count=len(ids), sha256=hashlib.sha256(packed).hexdigest()),
            recipient="examiner" if vet else "insurer",
            submitted_at=instant_text(NOW),
            expires_at=instant_text(NOW + timedelta(days=1)),
        )
        job = job.model_copy(update=changes)
        self.post(job, "partner")
        return job

    def ask(self, query: Query, values: tuple[ParameterValue, ...] = (), **changes: Any) -> Job:
        """A signed, posted aggregate job about `query`."""
        self.post(query, "partner")
        job = Job(
            id=f"job-{secrets.token_hex(4)}",
            job_kind="aggregate",
            submitter="partner",
            purpose="underwriting",
            scenario=self.scenario.digest,
            authorization=self.authorization.digest,
            model=None,
            query=query.digest,
            parameters=values,
            mode=Mode.MASKED,
            subjects=None,
            recipient="insurer",
            submitted_at=instant_text(NOW),
            expires_at=instant_text(NOW + timedelta(days=1)),
        ).model_copy(update=changes)
        self.post(job, "partner")
        return job

    def asked(self, select: str, *names: str, **more: Any) -> Job:
        """An aggregate job of `select` over the figures of `names`, all departments by default."""
        return self.ask(question(self.scenario.digest, select, names or tuple(self.domains), **more))

    def lanes(self, job: Job, query: Query) -> int:
        """What the coordinator works out of the question."""
        datasets = tuple(
            figures_or_rows for n in self.domains for figures_or_rows in (dataset(n), figures_dataset(n))
        )
        asked = asked_of(query, job.parameters, scenario=self.scenario, datasets=datasets)
        return 1 if asked.layout is None else asked.layout.lanes

    def table(self, plan: Plan, envelope: Envelope) -> dict[str, Any]:
        """The insurer opens what was handed over: {"format", "table", "report"}."""
        release = TableRelease.read(envelope)
        sealed, _ = self.relay.attachments[self.relay.said("handover", plan.sid.hex())[-1].attachments[0]]
        assert hashlib.sha256(sealed).hexdigest() == release.sealed.sha256
        key = self.parties["insurer"].sealing
        assert key is not None
        opened = json.loads(open_sealed(key, sealed, info=table_info(release.run, "insurer")))
        return {**opened, "table": base64.b64decode(opened["table"])}

    def review(
        self, envelope: Envelope, *reviewers: str, finding: Finding = Finding.APPROVE
    ) -> list[Envelope]:
        """Reviews by `reviewers`, by default the examiner's and one department's that took part."""
        copies = [copy.reviewer for copy in TableRelease.read(envelope).reviewers]
        asked = [name for name in self.domains if f"enclave-{name}" in copies]
        return [
            OutputReview(
                id=f"review-{who}-{secrets.token_hex(2)}",
                reviewer=who,
                release=envelope.digest,
                finding=finding,
                reason=both("read"),
                reviewed_at=instant_text(NOW),
            ).envelope(self.parties[who].identity)
            for who in reviewers or ("examiner", *asked[:1])
        ]

    def intent(self, job: Job) -> int:
        digests = {"job": job.digest, "scenario": job.scenario, **job.cited_work}
        if job.authorization:
            digests["authorization"] = job.authorization
        return self.log(entry(EntryType.INTENT, job=job.digest, scenario=job.scenario, digests=digests))

    # What the coordinator does, step by step

    def plan(
        self, job: Job, *, attempt: int = 1, intent: int | None = None, **changes: Any
    ) -> tuple[Plan, Body]:
        """A plan with its mail body; in mode bfv the gate is asked for a key first."""
        index = self.intent(job) if intent is None else intent
        he_key = None
        if job.mode is Mode.BFV:
            self.relay.mail("gate", "he-key-request", {"job": job.digest, "attempt": attempt})
            self.pump()
            he_key = self.relay.said("he-key")[-1].body["he_key"]
        recipient = self.trust.party(job.recipient)
        assert recipient is not None
        assert recipient.sealing_key is not None
        gate = self.trust.sole(Role.GATE)
        roster = expected_roster(self.scenario, self.trust)
        assert roster is not None
        lanes = None
        if job.query is not None:
            asked = Query.read(self.relay.documents[job.query])
            roster = tuple(member for member in roster if member.department in asked.departments)
            lanes = self.lanes(job, asked)
        plan = Plan(
            id=f"plan-{attempt}-{secrets.token_hex(2)}",
            job=job.digest,
            attempt=attempt,
            job_kind=JobKind(job.job_kind),
            scenario=job.scenario,
            authorization=job.authorization,
            model=job.model,
            mode=job.mode,
            encryption=job.encryption,
            roster=roster,
            gate="gate",
            gate_keyid=gate.key.keyid,
            recipient=job.recipient,
            recipient_sealing_key=hashlib.sha256(recipient.sealing_key.encode()).hexdigest(),
            query=job.query,
            subjects=job.subjects,
            lanes=lanes,
            he_key=None
            if he_key is None
            else hashlib.sha256(base64.b64decode(he_key["payload"])).hexdigest(),
            intent=index,
            expires_at=instant_text(NOW + timedelta(minutes=30)),
        ).model_copy(update=changes)
        return plan, {"plan": plan.envelope(self.parties["coordinator"].identity).to_json(), "he_key": he_key}

    def start(self, plan: Plan, body: Body, but: tuple[str, ...] = ()) -> None:
        for member in plan.roster:
            if member.enclave not in but:
                self.relay.mail(member.enclave, "plan", body, run=plan.sid.hex())
        self.relay.mail("gate", "plan", body, run=plan.sid.hex())
        self.pump()

    def relay_bundles(self, plan: Plan) -> None:
        items = [message.body for message in self.relay.said("bundle", plan.sid.hex())]
        self._to_roster(plan, "bundles", {"items": items})

    def relay_transcripts(self, plan: Plan, but: tuple[str, ...] = ()) -> None:
        """To all of the roster; departments in `but` have fallen silent after their shares."""
        items = [message.body["transcript"] for message in self.relay.said("transcript", plan.sid.hex())]
        self._to_roster(plan, "transcripts", {"items": items}, but=tuple(f"enclave-{name}" for name in but))

    def announce(
        self, plan: Plan, *names: str, to: tuple[str, ...] | None = None, sender: str = "coordinator"
    ) -> tuple[str, ...]:
        """Announce the survivors, by default all whose contribution is in, to each of them or to `to`."""
        run = plan.sid.hex()
        heard = {message.sender for message in self.relay.said("contribution", run)}
        survivors = tuple(sorted(f"enclave-{name}" for name in names) if names else sorted(heard))
        document = Survivors(id=f"survivors-{secrets.token_hex(2)}", run=run, survivors=survivors)
        body = {"survivors": document.envelope(self.parties[sender].identity).to_json()}
        for enclave in survivors if to is None else to:
            self.relay.mail(enclave, "survivors", body, run=run)
        self.pump()
        return survivors

    def relay_agreements(self, plan: Plan, *, to: tuple[str, ...] | None = None) -> None:
        run = plan.sid.hex()
        said = self.relay.said("agreement", run)
        items = [message.body["agreement"] for message in said]
        for enclave in [message.sender for message in said] if to is None else to:
            self.relay.mail(enclave, "agreements", {"items": items}, run=run)
        self.pump()

    def recover(self, plan: Plan) -> None:
        """The last two rounds over whoever has contributed."""
        self.announce(plan)
        self.relay_agreements(plan)

    def open_body(self, plan: Plan, body: Body) -> Body:
        run = plan.sid.hex()
        for message in self.relay.said("contribution", run):
            for vector in message.attachments:
                self.relay.attachments[vector][1].add("gate")
        late = {
            topic: [message.body[word] for message in self.relay.said(word, run)]
            for topic, word in (("agreements", "agreement"), ("unmaskings", "unmasking"))
        }
        return {
            **body,
            **(late if plan.recovers else {}),
            "bundles": [message.body for message in self.relay.said("bundle", run)],
            "transcripts": [message.body["transcript"] for message in self.relay.said("transcript", run)],
            "contributions": [
                message.body["contribution"] for message in self.relay.said("contribution", run)
            ],
        }

    def open(self, plan: Plan, body: Body) -> None:
        self.relay.mail("gate", "open", self.open_body(plan, body), run=plan.sid.hex())
        self.pump()

    def outcome(self, plan: Plan, reviews: list[Envelope] | None = None) -> Envelope:
        """Log the outcome of the announced release, have it cosigned, mail it; returns the release."""
        from policies.documents import envelope as dsse

        release = dsse.from_json(self.relay.said("release", plan.sid.hex())[-1].body["document"])
        digests = {"job": plan.job, "run": plan.sid.hex(), "release": release.digest}
        index = self.log(
            entry(EntryType.OUTCOME, job=plan.job, digests=digests, facts={"result": "released"})
        )
        if reviews is None and release.kind == TableRelease.kind:
            reviews = self.review(release)
        body = {"index": index, "reviews": [review.to_json() for review in reviews or []]}
        self.relay.mail("gate", "outcome", body, run=plan.sid.hex())
        self.pump()
        return release

    def run(self, job: Job) -> tuple[Plan, Envelope]:
        """A whole job by the book."""
        plan, body = self.plan(job)
        self.start(plan, body)
        self.relay_bundles(plan)
        self.relay_transcripts(plan)
        if plan.recovers:
            self.recover(plan)
        self.open(plan, body)
        assert not self.refusals(plan), self.refusals(plan)
        return plan, self.outcome(plan)

    def refusals(self, plan: Plan) -> list[str]:
        return [message.body["code"] for message in self.relay.said("refusal", plan.sid.hex())]

    def _to_roster(self, plan: Plan, topic: str, body: Body, but: tuple[str, ...] = ()) -> None:
        for member in plan.roster:
            if member.enclave in but:
                continue
            self.relay.mail(member.enclave, topic, body, run=plan.sid.hex())
        self.pump()

    # What the recipient sees, and what it should see

    def bands(self, plan: Plan, envelope: Envelope) -> list[int | None]:
        """The insurer opens what was handed over, checking every slot against the signed root."""
        release = Release.read(envelope)
        data, _ = self.relay.attachments[release.sealed.slots]
        count = plan.subjects.count
        size = (count + 7) // 8
        effective = np.unpackbits(np.frombuffer(data[:size], dtype=np.uint8))[:count].astype(bool)
        sealed = iter(data[at : at + 24] for at in range(size, len(data), 24))
        slots = [next(sealed) if holds else b"" for holds in effective]
        assert next(sealed, None) is None
        from policies.log.merkle import Tree

        tree = Tree(leaf_hash(slot) for slot in slots)
        key = self.parties["insurer"].sealing
        assert key is not None
        expiry = int(instant(release.sealed.expires_at).timestamp())
        binding = ScoreBinding(bytes.fromhex(release.run), "insurer", expiry)
        opener = SlotOpener(key, base64.b64decode(release.sealed.wrap), binding=binding)
        result: list[int | None] = []
        for number, slot in enumerate(slots):
            path = tree.inclusion_path(number)
            check_inclusion(
                leaf_hash(slot), number, size=count, path=path, root=bytes.fromhex(release.sealed.root)
            )
            result.append(opener.open_slot(slot, slot=number) if slot else None)
        return result

    def reference_band(self, person: str) -> int:
        """One person's band in plain Python."""
        total = self.model.intercept
        for name, domain in self.domains.items():
            linear = part(name)
            total += reference_units(person, domain.held, linear, head(linear))
        return sum(cut <= total for cut in self.model.cut_points)


Body = dict[str, Any]


def found(directory: Path, names: tuple[str, ...] = NAMES, *, bits: int = 32, **changes: Any) -> District:
    """Build the district with `bits` a person and year; `changes` replace members of the authorization."""
    clock = Clock()
    parties, trust = _trust(names)
    envelope = trust.envelope(parties["agency"].identity, parties["operator"].identity)
    relay = Relay(trust, parties["log"].identity)
    relay.append(entry(EntryType.TRUST_ROOT, digests={"trust-root": envelope.digest}))
    domains, gate_parts = (
        {},
        _gate(directory, parties, trust=trust, pin=envelope.digest, relay=relay, clock=clock),
    )
    for name in names:
        domains[name] = _domain(
            directory / name,
            name,
            parties=parties,
            trust=trust,
            pin=envelope.digest,
            relay=relay,
            clock=clock,
        )
    scenario, model, authorization = _papers(
        relay, parties, trust=trust, names=names, bits=bits, changes=changes
    )
    district = District(
        directory,
        parties,
        trust,
        envelope.digest,
        relay,
        clock,
        domains,
        *gate_parts,
        scenario,
        model,
        authorization,
    )
    relay.call_witnesses()
    district.pump()
    district.send_parts()
    return district


def inline(act: Callable[[], None]) -> None:
    """A lane that does its work at once."""
    act()


def restart(district: District, name: str) -> Domain:
    """The enclave of `name` after a crash: same files, nothing of its memory."""
    old = district.domains[name]
    domain = _domain(
        district.directory / name,
        name,
        parties=district.parties,
        trust=district.trust,
        pin=district.pin,
        relay=district.relay,
        clock=district.clock,
        store=old.store,
    )
    district.domains[name] = domain
    return domain


def restart_gate(district: District) -> None:
    district.gate, district.gate_house, district.gate_mailbox = _gate(
        district.directory,
        district.parties,
        trust=district.trust,
        pin=district.pin,
        relay=district.relay,
        clock=district.clock,
    )


def _trust(names: tuple[str, ...]) -> tuple[dict[str, Party], TrustRoot]:
    table: list[tuple[str, Role, str | None]] = [
        ("operator", Role.OPERATOR, None),
        ("coordinator", Role.COORDINATOR, "operator"),
        ("agency", Role.AGENCY, None),
        ("examiner", Role.EXAMINER, "agency"),
        ("gate", Role.GATE, "agency"),
        ("partner", Role.PARTNER, None),
        ("insurer", Role.INSURER, None),
        ("consents", Role.CONSENT_SERVICE, None),
        ("price-office", Role.AUTHORITY, None),
        *((name, Role.DEPARTMENT, None) for name in names),
        *((f"enclave-{name}", Role.ENCLAVE, name) for name in names),
    ]
    sealed = {Role.ENCLAVE, Role.GATE, Role.EXAMINER, Role.INSURER}
    parties = {
        name: Party(Ed25519PrivateKey.generate(), SealingKey.generate() if role in sealed else None)
        for name, role, _ in table
    }
    parties["log"] = Party(Ed25519PrivateKey.generate(), None)

    def line(name: str, role: Role, owner: str | None) -> PartyEntry:
        key = parties[name].sealing
        return PartyEntry(
            id=name,
            role=role,
            owner=owner,
            name=both(name),
            identity_key=public_key(parties[name].identity).to_base64(),
            sealing_key=None if key is None else base64.b64encode(key.public.raw).decode(),
            document=ZERO,
        )

    witnesses = (*(f"enclave-{name}" for name in names), "gate")
    trust = TrustRoot(
        id="trust-root",
        version=1,
        district=both("district"),
        log=LogIdentity(origin="test.example/log", key=public_key(parties["log"].identity).to_base64()),
        parties=tuple(line(*row) for row in table),
        witnesses=witnesses,
        quorum=2 * len(witnesses) // 3 + 1,
        term=TERM,
    )
    return parties, trust


def _domain(
    directory: Path,
    name: str,
    *,
    parties: dict[str, Party],
    trust: TrustRoot,
    pin: str,
    relay: Relay,
    clock: Clock,
    store: DomainStore | None = None,
) -> Domain:
    enclave, keys = f"enclave-{name}", parties[f"enclave-{name}"]
    assert keys.sealing is not None
    declared = dataset(name)
    held = rows(KNOWN[name], name)
    signed = tuple(d.envelope(parties[name].identity) for d in (declared, figures_dataset(name)))
    if store is None:
        store = build(directory / "store", declared, held)
        publish(store, name, figures(name))
    line = Line(relay, enclave)
    durable = Durable(directory / "state" / "enclave.sqlite")
    house = House(
        party=enclave,
        department=name,
        trust=trust,
        identity=keys.identity,
        sealing=keys.sealing,
        boot=BootKey.draw(enclave, keys.identity, now=NOW),
        wire=line,
        witness=Witness(
            WitnessMemory(directory / "state" / "witness.sqlite"),
            line,
            trust=trust,
            pin=pin,
            party=enclave,
            key=keys.identity,
            clock=clock,
        ),
        store=store,
        datasets=lambda: signed,
        sessions=Sessions(durable, TRANSITIONS),
        consents=ConsentStore(durable),
        ledger=CapacityLedger(durable),
        cohorts=Cohorts(durable),
        parts=PartStore(durable, department=name, enclave=enclave, key=keys.sealing),
        proven=ProvenKeys(durable),
        lineages=Lineages(durable, store.ledger_key("lineage")),
        answered=Answered(durable),
        commitments=Commitments(durable, keys.sealing),
        privacy=PrivacyLedger(durable, store.ledger_key("privacy")),
        durable=durable,
        clock=clock,
        # Nobody measures the pace here; it has tests of its own.
        sleep=lambda seconds: None,
    )
    agent = Agent(house, inline)
    return Domain(name, held, store, house, agent, Mailbox(line, durable, agent.take))


def _gate(
    directory: Path, parties: dict[str, Party], *, trust: TrustRoot, pin: str, relay: Relay, clock: Clock
) -> tuple[Gate, GateHouse, Mailbox]:
    keys = parties["gate"]
    assert keys.sealing is not None
    state = directory / "gate"
    line = Line(relay, "gate")
    durable = Durable(state / "gate.sqlite")
    house = GateHouse(
        party="gate",
        trust=trust,
        identity=keys.identity,
        sealing=keys.sealing,
        wire=line,
        witness=Witness(
            WitnessMemory(state / "witness.sqlite"),
            line,
            trust=trust,
            pin=pin,
            party="gate",
            key=keys.identity,
            clock=clock,
        ),
        sessions=Sessions(durable, GATE_TRANSITIONS),
        shelf=Shelf(durable, state / "sealed"),
        openings=Openings(durable),
        he_keys=HeKeys("gate", keys.identity),
        paillier_keys=PaillierKeys(durable, "gate", identity=keys.identity, sealing=keys.sealing),
        clock=clock,
    )
    gate = Gate(house, inline)
    return gate, house, Mailbox(line, durable, gate.take)


def _papers(
    relay: Relay,
    parties: dict[str, Party],
    *,
    trust: TrustRoot,
    names: tuple[str, ...],
    bits: int,
    changes: dict[str, Any],
) -> tuple[Scenario, Model, Authorization]:
    def post(document: Document, *signers: str) -> str:
        envelope = document.envelope(*(parties[name].identity for name in signers))
        Line(relay, "operator").post_document(envelope)
        return envelope.digest

    overall = post(
        OverallAuthorization(
            id="overall",
            agency="agency",
            operator="operator",
            agreement_number="A-1",
            clauses=tuple(Clause),
            services=("base",),
            term=TERM,
        ),
        "agency",
        "operator",
    )
    everybody = (*names, "agency", "operator", "partner")
    for name in names:
        post(dataset(name), name)
        post(figures_dataset(name), name)
    uses = (
        ("person", Use.PERSON),
        ("year", Use.FILTER),
        *((c, Use.FEATURE) for c in ("amount", "visits", "sex")),
    )
    scenario = Scenario(
        id="scenario",
        version=1,
        title=both("scenario"),
        purpose=Purpose(code="underwriting", text=both("p"), purpose_class=PurposeClass.COMMERCIAL),
        partner="partner",
        recipients=("insurer",),
        datasets=tuple(
            DatasetCitation(department=name, dataset=held.id, digest=held.digest)
            for name in names
            for held in (dataset(name), figures_dataset(name))
        ),
        data_list=tuple(
            ListedColumn(department=name, dataset=f"{name}-rows", column=column, use=use)
            for name in names
            for column, use in uses
        )
        + tuple(
            ListedColumn(department=name, dataset=f"{name}-figures", column=column.name, use=use)
            for name in names
            for column in figures_dataset(name).columns
            for use in column.uses
        ),
        modes=(Mode.MASKED, Mode.BFV),
        consent=ConsentBasis(service="consents"),
        limits=Limits(
            vet_jobs=10,
            score_jobs=20,
            fetches=1000,
            bits_per_subject_year=bits,
            model_versions_per_subject_year=2,
        ),
        price_class="score",
        pre_assessment=PreAssessment(assessor="a", assessed_at="2026-01-02T00:00:00Z", report=ZERO),
        overall=overall,
        term=TERM,
    )
    post(scenario, *everybody)
    model = Model(
        id="model",
        version=1,
        partner="partner",
        scenario=scenario.digest,
        title=both("model"),
        grid=GRID,
        intercept=3,
        cut_points=tuple(range(10, 10 + 16 * len(names), 16)),
        parts=tuple(head(part(name)) for name in names),
    )
    post(model, "partner")
    report = post(
        VettingReport(
            id="report",
            examiner="examiner",
            scenario=scenario.digest,
            model=model.digest,
            metrics=(ZERO,),
            checks=tuple(
                Check(check=c, figure="0", limit="1", verdict=Verdict.PASS, reason=both("ok"))
                for c in sorted(REQUIRED_CHECKS)
            ),
            verdict=Verdict.PASS,
            issued_at=instant_text(NOW),
        ),
        "examiner",
    )
    price = post(
        PriceFiling(
            id="price",
            price_class="score",
            product=both("score"),
            usage_form=UsageForm.API_CALL,
            currency="CNY",
            cap="2.00",
            price="1.00",
            assessment=ZERO,
            filings=(Filing(authority="price-office", number="1"),),
            term=TERM,
        ),
        "operator",
        "agency",
    )
    roster = expected_roster(scenario, trust)
    insurer = trust.party("insurer")
    assert roster is not None
    assert insurer is not None
    assert insurer.sealing_key is not None
    authorization = Authorization(
        id="authorization",
        version=1,
        scenario=scenario.digest,
        overall=overall,
        model=model.digest,
        vetting_report=report,
        price_filing=price,
        data_list=data_list_digest(scenario),
        job_kinds=(JobKind.SCORE, JobKind.AGGREGATE),
        queries=QueryTerms(free=True),
        modes=(Mode.MASKED, Mode.BFV),
        roster=roster,
        gate="gate",
        recipients=(
            Recipient(party="insurer", sealing_key=hashlib.sha256(insurer.sealing_key.encode()).hexdigest()),
        ),
        gate_sees_totals=True,
        min_log_size=0,
        term=TERM,
    ).model_copy(update=changes)
    post(authorization, *everybody)
    return scenario, model, authorization


__all__ = [
    "NAMES",
    "NOW",
    "Body",
    "District",
    "Target",
    "found",
    "replace",
    "resident",
    "restart",
    "restart_gate",
]
