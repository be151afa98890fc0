"""The examiner: opens the sealed parts, reads the domains' metrics and the gate's band counts, signs the verdict.

An officer's key of the agency, not the gate's. Parts stay in the examiner's folder; the report holds figures and
reasons, never a weight. A check that only an override lets pass is overridden by the examiner's word alone, which the
report then says.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final, Self

from enclaves.protocols.errors import SealBroken
from enclaves.protocols.sealing import SealingKey, open_sealed
from enclaves.transport.channel import now_utc
from enclaves.transport.endpoint import Endpoint, Malformed, Message, NotFound
from enclaves.transport.party import PartyConfig, PartyKeys
from enclaves.transport.sealed_mail import graph_info, part_info
from policies.authorization import check_signed
from policies.documents.authorization import Scenario
from policies.documents.dataset import Use
from policies.documents.document import Document
from policies.documents.encrypted import Encryption
from policies.documents.job import Job
from policies.documents.model import LinearPart, Model, OnnxPart, Part
from policies.documents.strict_json import JsonRefused, canonical, parse_object
from policies.documents.trust import Role
from policies.documents.vetting import Check, Verdict, VetBands, VetMetrics, VettingReport
from policies.errors import PolicyError
from policies.vetting import judge, refused, verdict
from sandbox.client.encrypting import encrypt_parts, encryption_digests, request_key
from sandbox.client.errors import InputMalformed, NothingYet
from sandbox.client.member import AnyDocument, Member, fresh_id

PARTS: Final = "parts"
_CURSOR: Final = "mailbox-cursor"
_EVERY_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Findings:
    """What a vet job brought: the domains' metrics in department order and the gate's band counts."""

    job: str
    metrics: tuple[VetMetrics, ...]
    bands: VetBands


class Examiner(Member):
    """The agency's model examiner."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.EXAMINER})

    def __init__(
        self, endpoint: Endpoint, keys: PartyKeys, *, folder: Path, clock: Callable[[], datetime] = now_utc
    ) -> None:
        super().__init__(endpoint, keys, clock=clock)
        self._folder = folder / PARTS
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    @classmethod
    def open(cls, directory: Path) -> Self:
        config = PartyConfig.load(directory / "client.toml")
        keys = PartyKeys.load(config.keys)
        return cls(config.endpoint(keys), keys, folder=directory)

    def collect(self, *, wait: int = 0) -> list[str]:
        """Open the sealed parts that have arrived; digests of the models they belong to.

        A message that does not open, or whose part is not the one the model's head names, is left aside: anybody may send
        one, only the partner's counts. While the coordinator cannot answer, nothing is left aside.
        """
        models = []
        while messages := self.endpoint.receive(self._cursor(), wait=wait):
            wait = 0
            for message in messages:
                if message.topic == "model-part" and (model := self._accept(message)):
                    models.append(model)
                self._write(self._folder / _CURSOR, str(message.seq).encode())
        return list(dict.fromkeys(models))

    def parts(self, model: str) -> list[Part]:
        """The collected parts of a model in department order; NothingYet while one is missing."""
        found = []
        for head in self.document(Model, model).parts:
            path = self._part_path(model, head.department)
            if not path.exists():
                raise NothingYet(f"expected the part of `{head.department}`, got none yet")
            found.append(read_part(path.read_bytes(), head.digest))
        return found

    def graph(self, model: str, department: str) -> bytes:
        """The collected ONNX graph of a department's part."""
        path = self._part_path(model, department).with_suffix(".onnx")
        if not path.exists():
            raise NothingYet(f"expected the graph of `{department}`, got none yet")
        return path.read_bytes()

    def findings(self, model: str, *, job: str | None = None) -> Findings:
        """Metrics and band counts of a vet job of `model`, signatures checked; the latest job unless one is named.

        Raises NothingYet until every domain and the gate have answered.
        """
        departments = [head.department for head in self.document(Model, model).parts]
        bands = self._signed(VetBands, model, job)
        metrics = self._signed(VetMetrics, model, job)
        for found in reversed(bands):
            of_job = {m.department: m for m in metrics if m.job == found.job}
            if set(of_job) == set(departments):
                return Findings(found.job, tuple(of_job[d] for d in departments), found)
        raise NothingYet("expected metrics of every domain and band counts of the gate, got some of them")

    def encrypt(self, model: str, *, seconds: float = 60) -> Encryption:
        """Encrypt a model's collected parts for mode paillier, asking the gate for its key; what jobs and agreements cite.

        Raises NothingYet if the gate has not answered within `seconds`, InputMalformed for what cannot be encrypted.
        """
        parts = self.parts(model)
        request_key(self, model)
        deadline = time.monotonic() + seconds
        while True:
            try:
                return encrypt_parts(self, model, parts)
            except NothingYet:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_EVERY_S)

    def judge(self, model: str, *, job: str | None = None, accept_overrides: bool = False) -> VettingReport:
        """Judge a model from its parts and findings, sign and post the report.

        With `accept_overrides` the examiner vouches for checks that need it; without, such a model is rejected. A model of
        which an enclave found that a graph fails the static checks is rejected without band counts: it was never run.
        """
        if faulty := self._faulty(model, job):
            return self._report(model, faulty, refused(faulty), Verdict.REJECT)
        head, findings = self.document(Model, model), self.findings(model, job=job)
        self._check_scenario(findings.job, head)
        self._check_own_weights(model, findings)
        scenario = self.document(Scenario, head.scenario)
        checks = judge(
            head,
            self.parts(model),
            metrics=findings.metrics,
            bands=findings.bands,
            listed=[(c.department, c.dataset, c.column) for c in scenario.data_list if c.use is Use.FEATURE],
            limits=scenario.limits,
        )
        found = verdict(checks)
        if found is Verdict.OVERRIDE and not accept_overrides:
            found = Verdict.REJECT
        return self._report(model, (*findings.metrics, findings.bands), checks, found)

    def _report(
        self, model: str, cited: Sequence[VetMetrics | VetBands], checks: tuple[Check, ...], found: Verdict
    ) -> VettingReport:
        report = VettingReport(
            id=fresh_id("vetting"),
            examiner=self.party,
            scenario=self.document(Model, model).scenario,
            model=model,
            metrics=tuple(document.digest for document in cited),
            checks=checks,
            verdict=found,
            issued_at=self.now_text(),
        )
        self.submit_document(report)
        return report

    def _faulty(self, model: str, job: str | None) -> list[VetMetrics]:
        """Metrics that say a graph fails the static checks: its enclave refused the vet job, so no bands will come."""
        found = [m for m in self._signed(VetMetrics, model, job) if m.graph is not None and m.graph.faults]
        for metrics in found:
            self._check_scenario(metrics.job, self.document(Model, model))
        return found

    def _check_scenario(self, job: str, head: Model) -> None:
        if self.document(Job, job).scenario != head.scenario:
            raise InputMalformed("expected a vet job under the model's scenario, got another")

    def _check_own_weights(self, model: str, findings: Findings) -> None:
        """What an enclave computed with under encryption must be what this examiner encrypted of this model."""
        cited = {metrics.weights for metrics in findings.metrics} - {None}
        if cited and cited != set(encryption_digests(self, model, cited)):
            raise InputMalformed("expected a vet job over weights that this examiner encrypted, got others")

    def _signed(self, kind: type[AnyDocument], model: str, job: str | None) -> list[AnyDocument]:
        """Documents of a kind about a model (and job), each signed by whom it names, oldest first."""
        found = []
        for line in self.endpoint.documents(kind.kind):
            envelope = self.endpoint.get_document(line.digest)
            document: Document = kind.read(envelope)
            if getattr(document, "model", None) == model and job in (None, getattr(document, "job", None)):
                check_signed(envelope, document, self.trust)
                found.append(kind.read(envelope))
        return found

    def _accept(self, message: Message) -> str | None:
        """The model whose part `message` brought, or None if it brought nothing that counts."""
        model, department = message.body.get("model"), message.body.get("department")
        if not isinstance(model, str) or not isinstance(department, str) or not message.attachments:
            return None
        try:
            head = self.document(Model, model)
            named = head.part(department)
            if named is None or message.sender != head.partner:
                return None
            sealed = [self.endpoint.get_attachment(sha256) for sha256 in message.attachments[:2]]
            data = open_sealed(self._sealing(), sealed[0], info=part_info(model, department, self.party))
            part = read_part(data, named.digest)
            path = self._part_path(model, department)
            if isinstance(part, OnnxPart):
                info = graph_info(model, department, self.party)
                self._write(path.with_suffix(".onnx"), _graph(self._sealing(), sealed[1:], info, part.graph))
        except (PolicyError, SealBroken, InputMalformed, NotFound, Malformed):
            return None
        self._write(path, data)
        return model

    def _part_path(self, model: str, department: str) -> Path:
        return self._folder / f"{model}-{department}.json"

    def _cursor(self) -> int:
        path = self._folder / _CURSOR
        return int(path.read_text()) if path.exists() else 0

    def _write(self, path: Path, data: bytes) -> None:
        """Replace a file at once, so that a crash leaves the old one or the new one."""
        draft = path.with_name(path.name + ".new")
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)

    def _sealing(self) -> SealingKey:
        if self.keys.sealing is None:
            raise InputMalformed("expected a sealing key in the examiner's key file, got none")
        return self.keys.sealing


def read_part(data: bytes, digest: str) -> Part:
    """A part from its canonical JSON, checked against the digest in the model's head; raises InputMalformed."""
    try:
        body = parse_object(data)
        part: Part = (OnnxPart if body.get("form") == "onnx" else LinearPart).from_body(body)
        if canonical(part.to_body()) != data or part.digest != digest:
            raise InputMalformed("expected the part that the model's head names, got another")
    except JsonRefused as error:
        raise InputMalformed(f"part: {error}") from None
    return part


def _graph(key: SealingKey, sealed: list[bytes], info: bytes, sha256: str) -> bytes:
    if len(sealed) != 1:
        raise InputMalformed("expected a graph with an ONNX part, got none")
    graph = open_sealed(key, sealed[0], info=info)
    if hashlib.sha256(graph).hexdigest() != sha256:
        raise InputMalformed("expected the graph that the part names, got another")
    return graph
