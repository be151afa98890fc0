"""What the demo tries that must fail: each attempt is made for real, by the party that would make it.

An attempt that succeeds breaks the demo. The codes are those the system gave, from coordinator, enclave, or verifier.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from enclaves.transport.jobs import JobStatus
from enclaves.transport.problem import ProblemRaised
from policies.documents.authorization import Mode
from policies.documents.fields import Bilingual, instant_text
from policies.documents.halts import SuspensionTarget
from policies.documents.job import Job, Subjects
from policies.documents.vetting import Verdict
from policies.errors import PolicyError
from sandbox.client.auditor import verify_offline
from sandbox.client.member import fresh_id
from sandbox.demo import partner
from sandbox.demo.cast import Cast
from sandbox.demo.replay import send_twice
from sandbox.demo.story import Agreements, Approved, Consents, StoryBroken, authorize, vet
from sandbox.errors import SandboxError
from sandbox.founding import FoundedDistrict

RAW_ROWS: Final = "SELECT person, inpatient_spending FROM visits"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An attempt and the code it was refused with."""

    attempt: str
    zh: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Stand:
    """Everything the attempts start from: what the demo has built honestly."""

    cast: Cast
    district: FoundedDistrict
    agreements: Agreements
    approved: Approved
    consents: Consents


def attempt_all(stand: Stand, *, suspend: bool) -> list[Refusal]:
    """Every attempt in turn; with `suspend` also the last one, which closes the authorization for good."""
    refused = [
        _attempt(
            "a job that carries SQL for raw rows", "作业夹带查询原始数据的语句", lambda: _raw_rows(stand)
        ),
        _attempt(
            "a job under another scenario's authorization",
            "借用其他场景的授权",
            lambda: _other_scenario(stand),
        ),
        _attempt(
            "an authorization that one department did not sign",
            "缺少一个数源部门签名",
            lambda: _unsigned(stand),
        ),
        _attempt(
            "a model that is one person's drug spending", "以单一特征冒充模型", lambda: _unit_vector(stand)
        ),
        _attempt("a score of a person who did not consent", "未经本人同意取分", lambda: _no_consent(stand)),
        _attempt("a score after the person withdrew", "本人撤回同意后取分", lambda: _withdrawn(stand)),
        _attempt("a request sent a second time", "重放已签名的请求", lambda: _replayed(stand)),
        _attempt("a log with one entry rewritten", "篡改存证日志", lambda: _tampered(stand)),
    ]
    if suspend:
        refused.append(
            _attempt(
                "a job after a department suspended it", "数源部门暂停后提交作业", lambda: _suspended(stand)
            )
        )
    return refused


def _attempt(attempt: str, zh: str, act: Callable[[], Refusal | None]) -> Refusal:
    try:
        refused = act()
    except ProblemRaised as problem:
        refused = Refusal("", "", problem.code, problem.problem.text("zh"))
    except (SandboxError, PolicyError) as error:
        refused = Refusal("", "", error.code, str(error))
    if refused is None:
        raise StoryBroken(f"expected a refusal of {attempt}, got none")
    return Refusal(attempt, zh, refused.code, refused.reason)


def _job(
    stand: Stand,
    *,
    job_kind: str = "score",
    sql: str | None = None,
    scenario: str = "",
    authorization: str = "",
    model: str = "",
) -> Refusal | None:
    """A job as the insurer would sign it, with one thing changed; None only if it was accepted and done."""
    now = datetime.now(UTC)
    approved, insurer = stand.approved, stand.cast.insurer
    honest = stand.agreements.scenario
    subjects = b"".join(map(bytes.fromhex, stand.consents.ids))
    sha256 = insurer.endpoint.put_attachment(subjects, audience=[f"{d}-enclave" for d in honest.departments])
    job = Job(
        id=fresh_id("job"),
        job_kind=job_kind,
        sql=sql,
        submitter=insurer.party,
        purpose=honest.purpose.code,
        scenario=scenario or honest.digest,
        authorization=authorization or approved.authorization.digest,
        model=model or approved.model,
        mode=Mode.MASKED,
        subjects=Subjects(count=len(stand.consents.ids), sha256=sha256),
        recipient=insurer.party,
        submitted_at=instant_text(now),
        expires_at=instant_text(now + timedelta(hours=1)),
    )
    status = insurer.endpoint.submit_job(job.envelope(insurer.keys.identity), scenario=job.scenario)
    status = insurer.wait(status.job, seconds=60, every=0.05)
    return None if status.state == "done" else _of_status(status)


def _of_status(status: JobStatus) -> Refusal:
    """A refusal that came from an enclave or the gate after the job was taken in."""
    if not isinstance(status.reason, Mapping):
        return Refusal("", "", str(status.reason or status.state), status.state)
    reason = status.reason.get("reason")
    text = reason.get("zh") if isinstance(reason, dict) else None
    return Refusal("", "", str(status.reason.get("code")), str(text or status.reason.get("detail") or ""))


def _raw_rows(stand: Stand) -> Refusal | None:
    return _job(stand, job_kind="sql", sql=RAW_ROWS)


def _other_scenario(stand: Stand) -> Refusal | None:
    return _job(stand, scenario=stand.agreements.other_scenario.digest)


def _unsigned(stand: Stand) -> Refusal | None:
    approved = stand.approved
    authorization = authorize(
        stand.cast, stand.agreements, approved.model, approved.report, unsigned_by="hospital"
    )
    return _job(stand, authorization=authorization.digest)


def _unit_vector(stand: Stand) -> Refusal | None:
    """Vetted for real; even an authorization that everybody signs by mistake does not help."""
    fitted = partner.unit_vector(scenario=stand.agreements.scenario.digest)
    model, report = vet(stand.cast, fitted, stand.consents)
    if report.verdict is not Verdict.REJECT:
        raise StoryBroken(f"expected the unit-vector model to be rejected, got {report.verdict}")
    authorization = authorize(stand.cast, stand.agreements, model, report)
    return _job(stand, authorization=authorization.digest, model=model)


def _no_consent(stand: Stand) -> None:
    stand.cast.insurer.fetch_one(stand.approved.authorization.digest, secrets.token_hex(16))


def _withdrawn(stand: Stand) -> None:
    consent = stand.consents.ids[0]
    stand.cast.consent_service.withdraw([consent])
    stand.cast.insurer.fetch_one(stand.approved.authorization.digest, consent)


def _replayed(stand: Stand) -> Refusal | None:
    code, detail = send_twice(stand.district, "insurer", "/v1/documents?kind=scenario")
    return None if code is None else Refusal("", "", code, detail)


def _tampered(stand: Stand) -> None:
    """The operator rewrites who fetched what; the auditor verifies the export offline."""
    export = stand.district.directory / "tampered-log.jsonl"
    stand.cast.auditor.export(export)
    _rewrite_one_entry(export)
    trust_root = (stand.district.directory / "trust-root.json").read_bytes()
    verify_offline(export, trust_root, stand.district.pin)


def _suspended(stand: Stand) -> Refusal | None:
    hospital = stand.cast.departments["hospital"]
    hospital.suspend(
        SuspensionTarget.AUTHORIZATION,
        Bilingual(zh="数据质量核查期间暂停", en="suspended while data quality is checked"),
        digest=stand.approved.authorization.digest,
    )
    return _job(stand)


def _rewrite_one_entry(export: Path) -> None:
    """Replace the last letter `a` of one entry's digest by `b`, as an operator with the database would."""
    lines = export.read_text().splitlines()
    at = len(lines) // 2
    lines[at] = lines[at].translate(str.maketrans("ab", "ba"))
    export.write_text("\n".join(lines) + "\n")
