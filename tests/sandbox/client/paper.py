"""The paper of a small founded district: scenario, model, authorization, and a release sealed by hand as the gate seals."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from enclaves.protocols.sealing import ScoreBinding, SlotSealer
from policies.authorization import data_list_digest
from policies.documents.authorization import (
    Authorization,
    ConsentBasis,
    DatasetCitation,
    JobKind,
    Limits,
    ListedColumn,
    Mode,
    PreAssessment,
    Purpose,
    PurposeClass,
    Recipient,
    RosterMember,
    Scenario,
)
from policies.documents.dataset import Use
from policies.documents.document import Document, Term
from policies.documents.envelope import Envelope
from policies.documents.fields import Bilingual, instant, instant_text
from policies.documents.job import Delivery, Job, Receipt, Release, Sealed, Subjects
from policies.documents.model import Feature, LinearPart, Model, PartHead
from policies.log.merkle import Tree, leaf_hash, root
from policies.resident import ResidentId, check_character
from sandbox.client.receipts import deliveries_digest
from sandbox.founding import FoundedDistrict

DEPARTMENTS = ("health-insurance", "hospital", "social-insurance")
NOW = datetime.now(UTC)
TERM = Term(
    not_before=instant_text(NOW - timedelta(minutes=1)), not_after=instant_text(NOW + timedelta(days=90))
)
ZEROS = "00" * 32
SIGNERS = (*DEPARTMENTS, "agency", "operator", "partner")


def both(text: str) -> Bilingual:
    return Bilingual(zh=text, en=text)


def persons(count: int) -> list[ResidentId]:
    """People who do not exist: 990000 is no division code."""
    firsts = [f"99000019700101{number:03}" for number in range(count)]
    return [ResidentId(first + check_character(first)) for first in firsts]


def scenario() -> Scenario:
    lines = [
        ListedColumn(department=d, dataset="visits", column=column, use=use)
        for d in DEPARTMENTS
        for column, use in (("person", Use.PERSON), ("cost", Use.FEATURE), ("days", Use.FEATURE))
    ]
    return Scenario(
        id="scenario",
        version=1,
        title=both("score"),
        purpose=Purpose(code="underwriting", text=both("score"), purpose_class=PurposeClass.COMMERCIAL),
        partner="partner",
        recipients=("insurer",),
        datasets=tuple(DatasetCitation(department=d, dataset="visits", digest=ZEROS) for d in DEPARTMENTS),
        data_list=tuple(lines),
        modes=(Mode.MASKED, Mode.BFV),
        consent=ConsentBasis(service="consent-service"),
        limits=Limits(vet_jobs=5, score_jobs=5, fetches=1000),
        price_class="score",
        pre_assessment=PreAssessment(assessor="office", assessed_at=TERM.not_before, report=ZEROS),
        overall=ZEROS,
        term=TERM,
    )


def part(department: str) -> LinearPart:
    return LinearPart(
        id=f"part-{department}",
        department=department,
        dataset="visits",
        features=tuple(
            Feature(column=column, weight=weight, low="0", high="10", fill="0")
            for column, weight in (("cost", "1.5"), ("days", "1.25"))
        ),
    )


def model(scenario_digest: str) -> tuple[Model, tuple[LinearPart, ...]]:
    parts = tuple(part(department) for department in DEPARTMENTS)
    head = Model(
        id="model",
        version=1,
        partner="partner",
        scenario=scenario_digest,
        title=both("model"),
        grid="0.5",
        intercept=0,
        cut_points=(40, 80),
        parts=tuple(
            PartHead(department=p.department, dataset=p.dataset, digest=p.digest, default=0, low=0, high=55)
            for p in parts
        ),
    )
    return head, parts


@dataclass(frozen=True)
class Signed:
    """A founded district with its documents, signed by those who must."""

    district: FoundedDistrict

    def by(self, document: Document, *parties: str) -> Envelope:
        return document.envelope(*(self.district.keys(party).identity for party in parties))

    def scenario(self) -> Envelope:
        return self.by(scenario(), *SIGNERS)

    def authorization(self) -> Authorization:
        trust = self.district.trust
        insurer = trust.party("insurer")
        assert insurer is not None
        assert insurer.sealing_key is not None
        enclaves = [(d, trust.enclave_of(d)) for d in DEPARTMENTS]
        return Authorization(
            id="authorization",
            version=1,
            scenario=scenario().digest,
            overall=ZEROS,
            model=model(scenario().digest)[0].digest,
            vetting_report=ZEROS,
            price_filing=ZEROS,
            data_list=data_list_digest(scenario()),
            job_kinds=(JobKind.SCORE,),
            modes=(Mode.MASKED,),
            roster=tuple(
                RosterMember(department=d, enclave=e.id, keyid=e.key.keyid) for d, e in enclaves if e
            ),
            gate="gate",
            recipients=(Recipient(party="insurer", sealing_key=sealing_digest(insurer.sealing_key)),),
            gate_sees_totals=False,
            min_log_size=0,
            term=TERM,
        )

    def job(self, ids: list[bytes]) -> Job:
        return Job(
            id="job",
            job_kind="score",
            submitter="partner",
            purpose="underwriting",
            scenario=scenario().digest,
            authorization=self.authorization().digest,
            model=self.authorization().model,
            mode=Mode.MASKED,
            subjects=Subjects(count=len(ids), sha256=hashlib.sha256(b"".join(ids)).hexdigest()),
            recipient="insurer",
            submitted_at=TERM.not_before,
            expires_at=TERM.not_after,
        )


@dataclass(frozen=True)
class SealedRun:
    """A release with its slots: what the coordinator holds after a run."""

    release: Release
    slots: list[bytes]

    def proof(self, slot: int) -> list[str]:
        tree = Tree(map(leaf_hash, self.slots))
        return [node.hex() for node in tree.inclusion_path(slot)]


def sealed_run(
    signed: Signed, ids: list[bytes], bands: list[int], *, empty: set[int] = frozenset()
) -> SealedRun:  # type: ignore[assignment]  # a frozenset is an empty set
    """Seal one band a slot to the insurer; the slots in `empty` are outside the effective set."""
    run, expires_at = "5a" * 32, TERM.not_after
    insurer = signed.district.keys("insurer")
    assert insurer.sealing is not None
    binding = ScoreBinding(bytes.fromhex(run), "insurer", int(instant(expires_at).timestamp()))
    sealer = SlotSealer(insurer.sealing.public, binding)
    slots = [
        b"" if slot in empty else sealer.seal_slots(bytes([band]), start=slot)
        for slot, band in enumerate(bands)
    ]
    public = base64.b64encode(insurer.sealing.public.raw).decode()
    release = Release(
        id="release",
        gate="gate",
        run=run,
        job=signed.job(ids).digest,
        authorization=signed.authorization().digest,
        model=signed.authorization().model,
        recipient="insurer",
        recipient_sealing_key=sealing_digest(public),
        bands=3,
        sealed=Sealed(
            count=len(slots) - len(empty),
            wrap=base64.b64encode(sealer.wrapped_key).decode(),
            root=root(map(leaf_hash, slots)).hex(),
            slots=ZEROS,
            expires_at=expires_at,
        ),
        issued_at=TERM.not_before,
    )
    return SealedRun(release, slots)


def receipt(signed: Signed, delivered: list[Delivery], **changed: object) -> Envelope:
    values: dict[str, object] = {
        "id": "receipt",
        "operator": "operator",
        "recipient": "insurer",
        "authorization": signed.authorization().digest,
        "deliveries": deliveries_digest(delivered),
        "units": len(delivered),
        "unit_price": "1.86",
        "currency": "CNY",
        "delivered_at": TERM.not_before,
    } | changed
    return signed.by(Receipt(**values), "coordinator")  # type: ignore[arg-type]  # members of a receipt


def sealing_digest(public: str) -> str:
    return hashlib.sha256(public.encode()).hexdigest()
