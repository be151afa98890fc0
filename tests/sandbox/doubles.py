"""Enclaves and a gate for the coordinator's tests: they speak the real documents, sign with real keys, and compute nothing.

The vectors are plain little-endian words of fixed partials, so that the gate's sums can be checked by hand; what the
coordinator must do with them is the same as with masked ones.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from enclaves.protocols.sealing import SealingPublicKey
from enclaves.protocols.sealing import seal as seal_message
from enclaves.transport.mailbox import Message
from enclaves.transport.sealed_mail import table_info, table_review_info
from policies.documents import envelope as dsse
from policies.documents.envelope import Envelope
from policies.documents.fields import instant_text
from policies.documents.job import HeKey, Job, Plan, Release, Sealed, TableRelease
from policies.documents.model import Model
from policies.documents.run import Boot, Bundle, Contribution, Transcript, transcript_digest
from policies.documents.strict_json import Json, canonical, digest
from policies.documents.vetting import VetBands
from policies.keys import public_key
from policies.log.merkle import leaf_hash, root
from policies.log.note import Note, check_signature, cosign
from tests.sandbox.kit import DEPARTMENTS, SEALING, WITNESSES, Site, key_of

CELLS = 2
CONTENT_KEY = hashlib.sha256(b"content key").digest()


@dataclass
class Double:
    """A process with a mailbox."""

    site: Site
    name: str
    seen: int = 0
    silent: bool = False
    heard: list[Message] = field(default_factory=list)

    def turn(self) -> int:
        """Handle what waits; returns how many messages there were."""
        if self.silent:
            return 0
        messages = self.site.endpoint(self.name).receive(self.seen)
        for message in messages:
            self.seen = message.seq
            self.heard.append(message)
            self.handle(message)
        return len(messages)

    def handle(self, message: Message) -> None:
        if message.topic == "log" and self.name in WITNESSES:
            cosign_latest(self.site, self.name)


def cosign_latest(site: Site, witness: str) -> None:
    endpoint = site.endpoint(witness)
    note = endpoint.latest()
    head = check_signature(
        Note.parse(note.note), origin=site.trust.log.origin, log_key=public_key(key_of("log")).raw
    )
    endpoint.post_cosignature(head.size, cosign(head, key_of(witness), name=witness, at=int(time.time())))


@dataclass
class EnclaveDouble(Double):
    """Answers plan, bundles and transcripts; `accepts` names the slots it refuses."""

    rejects: frozenset[int] = frozenset()
    partial: int = 4
    refuse_plan: str | None = None
    cells: bytes = b""
    """Sealed keys of the cells, for an aggregate of one domain."""
    boot_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    plans: dict[str, Plan] = field(default_factory=dict)

    @property
    def department(self) -> str:
        return self.name.removeprefix("enclave-")

    @property
    def boot(self) -> Envelope:
        boot = Boot(
            id=f"boot-{self.name}",
            party=self.name,
            key=public_key(self.boot_key).to_base64(),
            started_at="2026-11-24T00:00:00Z",
        )
        return boot.envelope(key_of(self.name))

    def handle(self, message: Message) -> None:
        super().handle(message)
        match message.topic:
            case "plan":
                self._plan(message)
            case "bundles":
                self._bundles(message)
            case "transcripts":
                self._contribute(str(message.run))

    def _plan(self, message: Message) -> None:
        plan = Plan.read(dsse.from_json(message.body["plan"]))
        self.plans[str(message.run)] = plan
        if self.refuse_plan is not None:
            text: Json = {"zh": "不", "en": "no"}
            body: dict[str, Json] = {
                "code": self.refuse_plan,
                "policy": "p",
                "reason": text,
                "change": text,
                "where": "job",
            }
            self.site.endpoint(self.name).send("coordinator", "refusal", body, run=message.run)
            return
        bits = bytearray((plan.accepting + 7) // 8)
        for slot in range(plan.accepting):
            if slot not in self.rejects:
                bits[slot // 8] |= 1 << (7 - slot % 8)
        endpoint = self.site.endpoint(self.name)
        accepts = endpoint.put_attachment(bytes(bits))
        boot = self.boot
        bundle = Bundle(
            id=f"bundle-{self.name}",
            run=str(message.run),
            department=self.department,
            enclave=self.name,
            boot=boot.digest,
            ephemeral_key=base64.b64encode(hashlib.sha256(self.name.encode()).digest()).decode(),
            accepts=accepts,
        ).envelope(self.boot_key)
        items: dict[str, Json] = {"bundle": bundle.to_json(), "boot": boot.to_json()}
        endpoint.send("coordinator", "bundle", items, run=message.run, attachments=[accepts])

    def _bundles(self, message: Message) -> None:
        items = message.body["items"]
        digests = [dsse.from_json(item["bundle"]).digest for item in items]  # type: ignore[union-attr,index,call-overload]  # JSON by protocol
        transcript = Transcript(
            id=f"transcript-{self.name}",
            run=str(message.run),
            enclave=self.name,
            transcript=transcript_digest(str(message.run), digests),
        )
        body = {"transcript": transcript.envelope(self.boot_key).to_json()}
        self.site.endpoint(self.name).send("coordinator", "transcript", body, run=message.run)
        self.transcript = transcript.transcript

    def contribution(self, run: str) -> tuple[Envelope, str]:
        """The signed contribution of this enclave to `run`, and the vector's digest."""
        endpoint, plan = self.site.endpoint(self.name), self.plans[run]
        words = self.partial.to_bytes(8, "little") * plan.slots
        vector = endpoint.put_attachment(words)
        cells = endpoint.put_attachment(self.cells) if plan.query is not None and self.cells else None
        document = Contribution(
            id=f"contribution-{self.name}",
            run=run,
            department=self.department,
            enclave=self.name,
            transcript=self.transcript,
            permit=hashlib.sha256(b"permit").hexdigest(),
            vectors=(vector,),
            receiver_key=None,
            cells=cells,
            commitment=hashlib.sha256(words).hexdigest(),
        )
        return document.envelope(self.boot_key), vector

    def _contribute(self, run: str) -> None:
        envelope, vector = self.contribution(run)
        cells = Contribution.read(envelope).cells
        attachments = [vector, *([cells] if cells else [])]
        body = {"contribution": envelope.to_json()}
        self.site.endpoint(self.name).send(
            "coordinator", "contribution", body, run=run, attachments=attachments
        )


@dataclass
class GateDouble(Double):
    """Adds, bands, seals, releases; hands over when the outcome is cosigned."""

    reviewers: tuple[str, ...] = ()
    """Who must look at a table before it leaves."""
    changes: dict[str, Json] = field(default_factory=dict)
    """Members of a table's release in which the gate lies."""
    held: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    def handle(self, message: Message) -> None:
        super().handle(message)
        match message.topic:
            case "he-key-request":
                self._key(message)
            case "open":
                self._open(message)
            case "outcome":
                self._hand_over(message)

    def _key(self, message: Message) -> None:
        endpoint = self.site.endpoint(self.name)
        context = endpoint.put_attachment(b"public context of " + str(message.body).encode())
        key = HeKey(
            id=f"he-key-{str(message.body['job'])[:8]}-{message.body['attempt']}",
            gate=self.name,
            job=str(message.body["job"]),
            attempt=int(str(message.body["attempt"])),
            context=context,
        )
        body = {"he_key": key.envelope(key_of(self.name)).to_json()}
        endpoint.send("coordinator", "he-key", body, attachments=[context])

    def _open(self, message: Message) -> None:
        endpoint, run = self.site.endpoint(self.name), str(message.run)
        plan = Plan.read(dsse.from_json(message.body["plan"]))
        if plan.query is not None:
            self._release_table(message, plan)
            return
        job = Job.read(endpoint.get_document(plan.job))
        model = Model.read(endpoint.get_document(plan.scored_model))
        if job.job_kind == "vet":
            self._release_bands(plan, model)
            return
        bitmap, totals = self._opened(message, plan.listed_subjects.count)
        expires_at = instant_text(datetime.now(UTC) + timedelta(days=30))
        wrap, seal_slot = self.sealer(plan, expires_at)
        slots, leaves = b"", []
        for slot, total in enumerate(totals):
            if not bitmap[slot // 8] >> (7 - slot % 8) & 1:
                leaves.append(leaf_hash(b""))
                continue
            sealed = seal_slot(slot, sum(cut <= total for cut in model.cut_points))
            slots += sealed
            leaves.append(leaf_hash(sealed))
        attachment = endpoint.put_attachment(bitmap + slots, audience=["coordinator"])
        release = Release(
            id=f"release-{run[:8]}",
            gate=self.name,
            run=run,
            job=plan.job,
            authorization=str(plan.authorization),
            model=plan.scored_model,
            recipient=plan.recipient,
            recipient_sealing_key=plan.recipient_sealing_key,
            bands=model.bands,
            sealed=Sealed(
                count=plan.listed_subjects.count,
                wrap=wrap,
                root=root(leaves).hex(),
                slots=attachment,
                expires_at=expires_at,
            ),
            issued_at=instant_text(datetime.now(UTC)),
        )
        envelope = release.envelope(key_of(self.name))
        self.held[run] = (envelope.digest, bytes.fromhex(attachment))
        endpoint.send("coordinator", "release", {"document": envelope.to_json()}, run=run)

    def sealer(self, plan: Plan, expires_at: str) -> tuple[str, Callable[[int, int], bytes]]:
        """The wrapped content key (base64) of a run's slots, and what seals a band into a slot."""
        return "d3JhcA==", seal

    def _opened(
        self, message: Message, count: int, *, accepting: int | None = None
    ) -> tuple[bytes, list[int]]:
        endpoint = self.site.endpoint(self.name)
        totals, bitmap = [0] * count, bytes([255] * (((accepting or count) + 7) // 8))
        for item in message.body["bundles"]:  # type: ignore[union-attr]  # JSON by protocol
            accepts = Bundle.read(dsse.from_json(item["bundle"])).accepts  # type: ignore[index,call-overload]  # JSON by protocol
            bitmap = bytes(a & b for a, b in zip(bitmap, endpoint.get_attachment(accepts), strict=True))
        for item in message.body["contributions"]:  # type: ignore[union-attr]  # JSON by protocol
            vector = Contribution.read(dsse.from_json(item)).vectors[0]
            words = endpoint.get_attachment(vector)
            for slot in range(count):
                totals[slot] += int.from_bytes(words[8 * slot : 8 * slot + 8], "little")
        return bitmap, totals

    def table(self, message: Message, plan: Plan) -> TableRelease:
        """The sums of all lanes, sealed to the recipient and to every reviewer; what is sealed is put as attachments."""
        endpoint, run = self.site.endpoint(self.name), str(message.run)
        _, totals = self._opened(message, plan.slots, accepting=plan.accepting)
        text = json.dumps({"totals": totals})
        report: dict[str, Json] = {"cells": CELLS, "withheld_cells": 0}
        payload = canonical(
            {"format": "json", "table": base64.b64encode(text.encode()).decode(), "report": report}
        )
        key = SealingPublicKey(base64.b64decode(SEALING))
        sealed = seal_message(key, payload, info=table_info(run, plan.recipient))
        copies: list[Json] = [
            {
                "reviewer": name,
                "sha256": endpoint.put_attachment(
                    seal_message(key, payload, info=table_review_info(run, name))
                ),
            }
            for name in sorted(self.reviewers)
        ]
        now = datetime.now(UTC)
        body: dict[str, Json] = {
            "id": f"table-{run[:8]}",
            "gate": self.name,
            "run": run,
            "job": plan.job,
            "authorization": plan.authorization,
            "query": plan.query,
            "recipient": plan.recipient,
            "recipient_sealing_key": plan.recipient_sealing_key,
            "cells": CELLS,
            "report": digest(report),
            "sealed": {
                "sha256": endpoint.put_attachment(sealed, audience=["coordinator"]),
                "size": len(sealed),
                "expires_at": instant_text(now + timedelta(days=30)),
            },
            "review": bool(copies),
            "reviewers": copies,
            "issued_at": instant_text(now),
        }
        return TableRelease.from_body(body | self.changes)

    def _release_table(self, message: Message, plan: Plan) -> None:
        release, run = self.table(message, plan), str(message.run)
        envelope = release.envelope(key_of(self.name))
        self.held[run] = (envelope.digest, bytes.fromhex(release.sealed.sha256))
        copies = [copy.sha256 for copy in release.reviewers]
        body = {"document": envelope.to_json()}
        self.site.endpoint(self.name).send("coordinator", "release", body, run=run, attachments=copies)

    def _release_bands(self, plan: Plan, model: Model) -> None:
        bands = VetBands(
            id="bands",
            gate=self.name,
            job=plan.job,
            model=plan.scored_model,
            persons=50,
            counts=(50, 0, 0, 0),
        )
        envelope = bands.envelope(key_of(self.name))
        self.held[plan.sid.hex()] = (envelope.digest, b"")
        body = {"document": envelope.to_json()}
        self.site.endpoint(self.name).send("coordinator", "release", body, run=plan.sid.hex())

    def _hand_over(self, message: Message) -> None:
        digest, attachment = self.held[str(message.run)]
        attachments = [attachment.hex()] if attachment else []
        self.site.endpoint(self.name).send(
            "coordinator", "handover", {"release": digest}, run=message.run, attachments=attachments
        )


def seal(slot: int, band: int) -> bytes:
    """A sealed slot of 24 bytes, as an AEAD under a content key would make it."""
    return AESGCM(CONTENT_KEY).encrypt(slot.to_bytes(12, "big"), band.to_bytes(8, "big"), b"")


def unseal(slot: int, sealed: bytes) -> int:
    return int.from_bytes(AESGCM(CONTENT_KEY).decrypt(slot.to_bytes(12, "big"), sealed, b""), "big")


@dataclass
class Cast:
    """All processes of a district but the coordinator."""

    site: Site
    enclaves: list[EnclaveDouble] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.enclaves = [EnclaveDouble(self.site, f"enclave-{name}") for name in DEPARTMENTS]
        self.gate = GateDouble(self.site, "gate")

    def catch_up(self) -> Cast:
        """Let everyone skip what earlier stories left in the mailboxes, and cosign the log as it stands."""
        for double in (*self.enclaves, self.gate):
            while page := self.site.endpoint(double.name).receive(double.seen):
                double.seen = page[-1].seq
            cosign_latest(self.site, double.name)
        return self

    def play(self, until: Callable[[], bool], *, seconds: float = 20) -> None:
        """Let everyone take turns until `until` holds."""
        deadline = time.monotonic() + seconds
        while not until():
            if time.monotonic() > deadline:
                raise AssertionError("expected the story to end in time")
            if not sum(double.turn() for double in (*self.enclaves, self.gate)):
                time.sleep(0.05)

    def run(self, job: Job, consent_ids: list[bytes] | None = None, *, seconds: float = 20) -> str:
        """Submit `job` and play until it has ended, or people must look at what comes of it; returns its digest."""
        endpoint = self.site.endpoint(job.submitter)
        if consent_ids:
            endpoint.put_attachment(b"".join(consent_ids))
        digest = endpoint.submit_job(job.envelope(key_of(job.submitter)), scenario=job.scenario).job
        rests = {"done", "refused", "failed", "cancelled", "review"}
        self.play(lambda: endpoint.job(digest).state in rests, seconds=seconds)
        return digest
