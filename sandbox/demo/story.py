"""The promise from end to end: three departments' rows become an insurer's sealed, priced, proven scores.

Each function is one step and returns what the later ones need. Everything runs in real processes over loopback; nothing
here sees a row of a domain store. What is invented: the resident IDs, and that the parties belong to one district.
"""

from __future__ import annotations

import socket
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from policies.documents.authorization import Authorization, Mode, Scenario
from policies.documents.dataset import Dataset
from policies.documents.document import Document
from policies.documents.fields import Bilingual
from policies.documents.vetting import Verdict, VettingReport
from policies.resident import ResidentId
from sandbox.client.insurer import Score
from sandbox.client.member import Member
from sandbox.demo import declarations, partner
from sandbox.demo.cast import Cast
from sandbox.demo.narrator import Narrator
from sandbox.demo.processes import Processes
from sandbox.demo.rand import Sources
from sandbox.errors import SandboxError
from sandbox.founding import FoundedDistrict, create

SCORE_TITLE = Bilingual(
    zh="商业健康保险：次年医疗支出风险评分", en="Health insurance: risk score of next-year medical spending"
)
CLAIM_TITLE = Bilingual(zh="商业健康保险：理赔核验", en="Health insurance: claim verification")
CONSENTING_SHARE = 0.8
"""Applicants who consent: the first four of every five in the order of their invented IDs' check of consent."""


class StoryBroken(SandboxError):
    """A step of the demo that did not come out as it must."""

    code = "demo_failed"


@dataclass(frozen=True, slots=True)
class Agreements:
    """What was signed before any model: digests of the overall agreement and the price, and the scenario."""

    overall: str
    price: str
    scenario: Scenario
    other_scenario: Scenario


@dataclass(frozen=True, slots=True)
class Consents:
    """Consent ids by person, as the insurer holds them, and one applicant who did not consent."""

    by_person: dict[ResidentId, str]

    @property
    def ids(self) -> list[str]:
        return list(self.by_person.values())


@dataclass(frozen=True, slots=True)
class Approved:
    """A vetted model with the authorization that permits it."""

    model: str
    report: VettingReport
    authorization: Authorization


def found(directory: Path) -> FoundedDistrict:
    """Keys of every party, a trust root signed by agency and operator, settings for each process."""
    name = Bilingual(zh="福田区（演示）", en="Futian district (demo)")
    return create(directory, name=name, base_port=_free_port())


def register_data(processes: Processes, district: FoundedDistrict, sources: Sources) -> dict[str, Dataset]:
    """Each department signs its declaration and loads its file into its own encrypted store, by its own command."""
    files = {
        "hospital": sources.hospital,
        "social-insurance": sources.social_insurance,
        "health-insurance": sources.health_insurance,
    }
    declared = declarations.datasets(_now())
    for department, dataset in declared.items():
        home = district.folder(f"{department}-enclave") / "home"
        paper = district.folder(department) / f"{dataset.id}.dataset.json"
        paper.write_bytes(dataset.envelope(district.keys(department).identity).to_bytes())
        processes.run(("dataset", "register", str(paper), "--home", str(home), "--json"))
        processes.start(
            f"refresh-{department}",
            ("dataset", "refresh", dataset.id, str(files[department]), "--home", str(home), "--json"),
        )
    for department in declared:
        processes.finish(f"refresh-{department}")
    return declared


def start(processes: Processes, district: FoundedDistrict) -> None:
    """The coordinator first, then enclaves and gate, each a process of its own."""
    commands = district.processes()
    for name, argv in commands.items():
        processes.start(name, argv)
        if name == "coordinator":
            processes.wait_until(lambda: _answers(district.url), "a coordinator that answers")


def agree(cast: Cast, declared: dict[str, Dataset]) -> Agreements:
    """Catalogue, agreement, price, and the scenarios signed by every department in the list, agency, operator, partner."""
    now = _now()
    for department, dataset in declared.items():
        cast.departments[department].submit_document(dataset)
    overall = declarations.overall_authorization(now)
    price = declarations.price_filing(now)
    for document in (overall, price):
        sign(document, cast.agency, cast.operator)
    scenarios = [
        declarations.scenario(
            now, overall=overall.digest, cited=declared, scenario_id=name, purpose=purpose, title=title
        )
        for name, purpose, title in (
            ("scenario-medical-score", "insurance-risk-score", SCORE_TITLE),
            ("scenario-claim-check", "claim-verification", CLAIM_TITLE),
        )
    ]
    for scenario in scenarios:
        sign(scenario, cast.partner, *cast.signers)
    return Agreements(overall.digest, price.digest, *scenarios)


def gather_consents(cast: Cast, agreements: Agreements, sources: Sources) -> Consents:
    """Four of five applicants consent through the consent service; it seals who they are to the enclaves alone."""
    persons = [ResidentId.parse(person) for person in sources.applicants]
    consenting = [person for rank, person in enumerate(persons) if rank % 5 != 4]
    cast.consent_service.grant(
        agreements.scenario.digest, "insurer", consenting, _now() + timedelta(days=180)
    )
    handed = cast.consent_service.ids_for("insurer", scenario=agreements.scenario.digest)
    return Consents({consent.person: consent.id for consent in sorted(handed, key=lambda c: c.person)})


def vet(cast: Cast, fitted: partner.FittedModel, consents: Consents) -> tuple[str, VettingReport]:
    """The model is sealed to enclaves and examiner, measured inside the enclaves, judged by the examiner."""
    model = cast.partner.seal_and_submit_model(fitted.head, fitted.parts)
    job = cast.partner.submit_vet_job(fitted.head.scenario, model=model, consents=consents.ids)
    _check_done(cast.partner, job.job)
    cast.examiner.collect()
    return model, cast.examiner.judge(model, job=job.job)


def authorize(
    cast: Cast, agreements: Agreements, model: str, report: VettingReport, *, unsigned_by: str = ""
) -> Authorization:
    """The same parties sign the authorization that cites scenario, model and report; `unsigned_by` leaves one out."""
    document = declarations.authorization(
        _now(),
        trust=cast.agency.trust,
        approved=agreements.scenario,
        model=model,
        report=report.digest,
        price=agreements.price,
        log_size=0,
    )
    sign(document, cast.partner, *(member for member in cast.signers if member.party != unsigned_by))
    return document


def approve(cast: Cast, agreements: Agreements, consents: Consents, sources: Sources) -> Approved:
    """The partner's fitted model, vetted and authorized."""
    fitted = partner.fit(sources.customers, scenario=agreements.scenario.digest)
    model, report = vet(cast, fitted, consents)
    if report.verdict is not Verdict.PASS:
        failed = ", ".join(check.check for check in report.checks if check.verdict is not Verdict.PASS)
        raise StoryBroken(f"expected the fitted model to pass vetting, got {report.verdict} ({failed})")
    return Approved(model, report, authorize(cast, agreements, model, report))


def score(cast: Cast, approved: Approved, consents: Consents, mode: Mode) -> list[Score]:
    """One batch job, then one fetch per thousand people; every score is proven and opened by the insurer."""
    authorization = approved.authorization
    job = cast.insurer.submit_job(
        authorization.scenario,
        model=approved.model,
        consents=consents.ids,
        recipient="insurer",
        authorization=authorization.digest,
        mode=mode,
    )
    _check_done(cast.insurer, job.job)
    return list(cast.insurer.fetch(authorization.digest, consents.ids).scores)


def bands_of(scores: list[Score]) -> dict[str, int]:
    """How many people stand in each band."""
    counts = Counter(score.band for score in scores)
    return {str(band): counts[band] for band in sorted(counts)}


def tell_vetting(narrator: Narrator, report: VettingReport) -> None:
    """How the checks ended, and the figures that say most."""
    counted = Counter(check.verdict.value for check in report.checks)
    ended = ", ".join(f"{count} {name}" for name, count in counted.items())
    told = [check for check in report.checks if check.check in {"v2", "v3", "v5", "v6"}]
    narrator.result(f"{ended}; " + ", ".join(f"{check.check} {check.figure}" for check in told))


def _check_done(member: Member, job: str) -> None:
    status = member.wait(job, seconds=60, every=0.05)  # type: ignore[attr-defined]  # partner and insurer submit jobs
    if status.state != "done":
        raise StoryBroken(f"expected the job to be done, got {status.state}: {status.reason}")


def sign(document: Document, drafter: Member, *others: Member) -> None:
    """The drafter posts; every other party fetches, reads and signs with its own key."""
    digest = drafter.submit_document(document).digest
    for member in others:
        member.sign(digest)


def _answers(url: str) -> bool:
    host, port = url.removeprefix("http://").split(":")
    try:
        with socket.create_connection((host, int(port)), timeout=0.2):
            return True
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _now() -> datetime:
    return datetime.now(UTC)
