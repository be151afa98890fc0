"""A real district from the partner's model to the insurer's invoice, at the command line, with every process running."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from policies.documents.job import Release
from sandbox.demo import story
from sandbox.demo.cast import Cast
from sandbox.demo.processes import Processes
from sandbox.demo.rand import write_sources
from sandbox.founding import FoundedDistrict
from tests.sandbox.cli.conftest import Call

AS = "--as"


@dataclass(frozen=True)
class Approved:
    """A district in which a model is vetted and authorized, and the digests that commands name."""

    district: FoundedDistrict
    scenario: str
    model: str
    authorization: str
    ids: tuple[str, ...]

    def folder(self, party: str) -> Path:
        return self.district.folder(party)

    def job(self, consents: Path, *more: object) -> tuple[object, ...]:
        return (
            "job", "submit", "--scenario", self.scenario, "--model", self.model, "--consents", consents,
            "--authorization", self.authorization, AS, self.folder("insurer"), *more,
        )  # fmt: skip


@pytest.fixture(scope="module")
def approved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Approved]:
    directory = tmp_path_factory.mktemp("story")
    sources = write_sources(directory / "sources")
    district = story.found(directory / "district")
    with Processes(directory / "logs") as processes:
        declared = story.register_data(processes, district, sources)
        story.start(processes, district)
        cast = Cast.of(district)
        members = (
            *cast.signers, cast.partner, cast.insurer, cast.consent_service, cast.examiner, cast.auditor,
        )  # fmt: skip
        with ExitStack() as lines:
            for member in members:
                lines.enter_context(member)
            agreements = story.agree(cast, declared)
            consents = story.gather_consents(cast, agreements, sources)
            found = story.approve(cast, agreements, consents, sources)
        ids = tuple(consents.ids[:60])
        yield Approved(district, agreements.scenario.digest, found.model, found.authorization.digest, ids)


@pytest.fixture
def consents(approved: Approved, tmp_path: Path) -> Path:
    path = tmp_path / "consents"
    path.write_text("\n".join(approved.ids))
    return path


@pytest.fixture(scope="module")
def done(approved: Approved, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """The one job of this story, submitted in a process of its own as a user would."""
    path = tmp_path_factory.mktemp("ids") / "consents"
    path.write_text("\n".join(approved.ids))
    argv = [str(word) for word in approved.job(path, "--wait", "--json")]
    ran = subprocess.run([sys.executable, "-m", "sandbox.cli.main", *argv], capture_output=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, b"")
    answer: dict[str, object] = json.loads(ran.stdout)
    assert answer["state"] == "done"
    return answer


def test_a_done_job_is_told_and_explained(call: Call, approved: Approved, done: dict[str, object]) -> None:
    for party in ("insurer", "hospital", "auditor"):
        status = call("job", "status", done["job"], "--json", AS, approved.folder(party))
        assert (status.status, status.json["state"], status.json["attempt"]) == (0, "done", 1)
    explained = call("job", "explain", done["job"], AS, approved.folder("insurer"))
    assert explained.out.strip() == "done: nothing was refused"
    assert (
        call("job", "cancel", done["job"], "--json", AS, approved.folder("insurer")).json["state"] == "done"
    )
    assert call("job", "status", done["job"], AS, approved.folder("consent-service")).status == 4


def test_scores_are_fetched_proven_and_paid(
    call: Call, approved: Approved, done: dict[str, object], consents: Path
) -> None:
    insurer = approved.folder("insurer")
    fetch = ("score", "fetch", "--authorization", approved.authorization, AS, insurer)
    fetched = call(*fetch, "--consents", consents, "--json")

    assert fetched.status == 0, fetched.err
    results = fetched.json["results"]
    assert [r["consent"] for r in results] == list(approved.ids)
    assert {r["release"] for r in results} == set(done["releases"])  # type: ignore[call-overload]  # a list of digests
    assert all(0 <= r["band"] < r["bands"] for r in results)
    assert [receipt["units"] for receipt in fetched.json["receipts"]] == [len(approved.ids)]
    one = call(*fetch, "--consent", approved.ids[0])
    assert one.out.startswith(f"{approved.ids[0]}  band {results[0]['band'] + 1} of {results[0]['bands']}")

    period = _release(call, approved, done)["issued_at"][:7]
    assert call("usage", period, "--json", AS, insurer).json["events"]
    invoice = call("invoice", period, "--json", AS, insurer)
    assert sum(line["units"] for line in invoice.json["lines"]) == len(approved.ids) + 1
    assert (
        call("invoice", period, "--recipient", "insurer", "--json", AS, approved.folder("operator")).json
        == invoice.json
    )


def _release(call: Call, approved: Approved, done: dict[str, object]) -> dict[str, str]:
    digest = done["releases"][0]  # type: ignore[index]  # a list of digests
    shown = call("release", "show", digest, "--json", AS, approved.folder("auditor"))
    assert shown.status == 0, shown.err
    assert shown.json["signers"] == ["gate"]
    body: dict[str, str] = shown.json["body"]
    return body


def test_the_release_is_shown_with_the_gates_signature(
    call: Call, approved: Approved, done: dict[str, object]
) -> None:
    release = Release.from_body(dict(_release(call, approved, done)))
    assert (release.job, release.model, release.recipient) == (done["job"], approved.model, "insurer")
    assert call("release", "show", approved.scenario, AS, approved.folder("auditor")).status == 2


@pytest.mark.parametrize(
    ("language", "heading", "reason"),
    [
        ("zh", "拒绝: purpose_mismatch", "作业目的与场景目的不一致"),
        ("en", "refused: purpose_mismatch", "the job's purpose is not"),
    ],
)
def test_another_purpose_is_refused_with_reason_place_and_change(
    call: Call, approved: Approved, consents: Path, language: str, heading: str, reason: str
) -> None:
    asked = approved.job(consents, "--purpose", "marketing", "--lang", language)
    plain = call(*asked)
    spoken = call(*asked, "--json").json["error"]

    assert (plain.status, plain.out) == (3, "")
    assert plain.err.splitlines()[0] == heading
    assert reason in plain.err
    assert "job.purpose" in plain.err
    assert (spoken["code"], spoken["status"], spoken["where"]) == ("purpose_mismatch", 403, "job.purpose")
    assert set(spoken["reason"]) == set(spoken["change"]) == {"zh", "en"}


def test_a_withdrawn_consent_is_refused_at_the_next_fetch(
    call: Call, approved: Approved, done: dict[str, object]
) -> None:
    last, insurer = approved.ids[-1], approved.folder("insurer")
    assert call("consent", "withdraw", last, AS, approved.folder("consent-service")).status == 0
    refused = call(
        "score", "fetch", "--authorization", approved.authorization, "--consent", last, "--json", AS, insurer
    )
    assert (refused.status, refused.json["error"]["code"]) == (3, "consent_withdrawn")


def test_the_log_is_verified_offline_and_a_tampered_one_is_refused(
    call: Call, approved: Approved, done: dict[str, object], tmp_path: Path
) -> None:
    export, auditor = tmp_path / "log.jsonl", approved.folder("auditor")
    exported = call("ledger", "export", export, "--json", AS, auditor)
    assert exported.status == 0, exported.err
    offline = (
        "ledger", "verify", export, "--trust-root", approved.district.directory / "trust-root.json",
        "--pin", approved.district.pin,
    )  # fmt: skip
    verified = call(*offline, "--json")
    assert verified.json == exported.json
    entries = [call("ledger", "prove", index, "--json", AS, auditor).json for index in range(3)]
    assert [entry["index"] for entry in entries] == [0, 1, 2]
    assert all(len(entry["cosigned_by"]) >= approved.district.trust.quorum for entry in entries)

    text = export.read_text()
    assert str(done["job"]) in text
    export.write_text(text.replace(str(done["job"]), "ab" * 32))
    tampered = call(*offline)
    assert tampered.status == 3
    assert tampered.err.startswith("refused: ledger_refused: ")
    assert tampered.err.count("\n") == 1


def test_suspension_by_one_department_refuses_the_next_job(
    call: Call, approved: Approved, done: dict[str, object], consents: Path
) -> None:
    stopped = call(
        "scenario", "suspend", approved.scenario, "--reason-zh", "事件", "--reason-en", "incident",
        AS, approved.folder("hospital"),
    )  # fmt: skip
    assert stopped.status == 0, stopped.err
    refused = call(*approved.job(consents, "--json"))
    assert (refused.status, refused.json["error"]["code"]) == (3, "suspended")
