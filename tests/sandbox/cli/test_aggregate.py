"""A question at the command line: submitted, refused with every reason, asked, reviewed by two, fetched by its recipient."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from enclaves.protocols.sealing import SealingKey
from policies.documents.job import Job
from policies.documents.query import Query
from tests.sandbox.asking import Questions, agree_on_queries, post_query
from tests.sandbox.cli.conftest import Call
from tests.sandbox.doubles import Cast
from tests.sandbox.kit import Site, key_of

AS = "--as"
SEED = hashlib.sha256(b"test sealing").digest()


@dataclass
class Desk:
    """A served coordinator with its cast, and folders for the parties that act."""

    site: Site
    questions: Questions
    cast: Cast

    def folder(self, name: str) -> Path:
        path = self.site.folder / name
        if not path.exists():
            path.mkdir()
            keys = {
                "identity_key": base64.b64encode(key_of(name).private_bytes_raw()).decode(),
                "sealing_key": base64.b64encode(SealingKey(SEED).seed).decode(),
            }
            (path / "keys.json").write_text(json.dumps(keys))
            (path / "keys.json").chmod(0o600)
            root = os.path.relpath(self.site.folder / "trust-root.json", path)
            (path / "client.toml").write_text(
                f'party = "{name}"\nurl = "{self.site.url}"\ntrust_root = "{root}"\n'
                f'pin = "{self.site.trust.digest}"\nkeys = "keys.json"\n'
            )
        return path

    def file(self, query: Query) -> Path:
        path = self.site.folder / f"{query.id}.json"
        path.write_text(json.dumps(query.to_body()))
        return path

    def job(self, query: str, *more: object) -> tuple[object, ...]:
        return (
            "job", "submit", "--scenario", self.questions.scenario.digest, "--query", query,
            "--authorization", self.questions.authorization.digest, "--recipient", "insurer",
            AS, self.folder("partner"), *more,
        )  # fmt: skip

    def play(self, job: str) -> None:
        rests = {"done", "refused", "failed", "review"}
        self.cast.play(lambda: self.site.endpoint("partner").job(job).state in rests)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    site = Site(Path(tmp_path_factory.mktemp("desk")))
    site.start()
    yield Desk(site, agree_on_queries(site), Cast(site))
    site.close()


@pytest.fixture
def desk(shared: Desk) -> Desk:
    shared.cast.gate.reviewers = ()
    shared.cast.catch_up()
    return shared


def ask(call: Call, desk: Desk, *more: object, query: Query | None = None) -> str:
    """Submit a query and a job at the command line and play it; returns the job."""
    file = desk.file(query or desk.questions.query("hospital"))
    submitted = call("query", "submit", file, "--json", AS, desk.folder("partner"))
    assert submitted.status == 0, submitted.err
    accepted = call(*desk.job(submitted.json["query"], "--json", *more))
    assert accepted.status == 0, accepted
    desk.play(accepted.json["job"])
    return str(accepted.json["job"])


def released(call: Call, desk: Desk, job: str) -> str:
    status = call("job", "status", job, "--json", AS, desk.folder("partner"))
    (release,) = status.json["releases"]
    return str(release)


def test_a_table_is_asked_for_and_fetched(call: Call, desk: Desk, tmp_path: Path) -> None:
    release = released(call, desk, ask(call, desk))
    fetch = (
        "table", "fetch", "--authorization", desk.questions.authorization.digest, "--release", release,
        AS, desk.folder("insurer"),
    )  # fmt: skip
    shown = call(*fetch, "--json")
    assert shown.status == 0, shown.err
    assert (shown.json["format"], shown.json["receipt"]["units"]) == ("json", 1)
    assert set(json.loads(shown.json["table"])) == {"totals"}
    assert shown.json["report"]["withheld_cells"] == 0
    lines = call(*fetch).out.splitlines()
    assert lines[0] == shown.json["table"]
    assert lines[-1] == "receipt: 1 × 20.00 CNY"
    out = tmp_path / "table.json"
    assert call(*fetch, "--out", out, "--json").json["file"] == str(out)
    assert out.read_text() == shown.json["table"]
    stranger = call(*fetch[:-1], desk.folder("partner"), "--json")
    assert (stranger.status, stranger.json["error"]["code"]) == (3, "table_not_found")
    wrong = call(*fetch[:-1], desk.folder("hospital"))
    assert wrong.status == 2


def test_a_release_of_a_table_is_shown(call: Call, desk: Desk) -> None:
    release = released(call, desk, ask(call, desk))
    shown = call("release", "show", release, "--json", AS, desk.folder("insurer"))
    assert (shown.status, shown.json["kind"], shown.json["signers"]) == (0, "table-release", ["gate"])


def test_a_refused_statement_is_explained_reason_by_reason_in_both_languages(call: Call, desk: Desk) -> None:
    bad = desk.questions.query("hospital", sql="SELECT sex, MAX(cost) AS m FROM visits GROUP BY sex")
    submitted = call("query", "submit", desk.file(bad), "--json", AS, desk.folder("partner"))
    asked = desk.job(submitted.json["query"])
    refused = call(*asked, "--json")
    assert refused.status == 3
    error: Any = refused.json["error"]
    assert error["code"] == "query_refused"
    assert [(reason["department"], reason["code"]) for reason in error["query"]] == [
        ("hospital", "AGGREGATE")
    ]
    told = {language: call(*asked, "--lang", language).err for language in ("zh", "en")}
    for language, member in (("en", "hint"), ("zh", "hint_zh")):
        assert f"hospital AGGREGATE (select visits.cost): {error['query'][0][member]}" in told[language]
    assert told["zh"] != told["en"]


def test_job_explain_shows_the_reasons_of_the_query(call: Call, desk: Desk) -> None:
    bad = post_query(desk.site, desk.questions.query("hospital", sql="SELECT sex FROM visits"))
    job: Job = desk.questions.job(bad)
    endpoint = desk.site.endpoint("partner")
    with pytest.raises(Exception, match=r"raw_export|query_refused"):
        endpoint.submit_job(job.envelope(key_of("partner")), scenario=job.scenario)
    explain = ("job", "explain", job.digest, AS, desk.folder("partner"))
    shown = call(*explain, "--json")
    assert shown.status == 0
    assert shown.json["reason"]["query"]
    told = call(*explain).out
    for reason in shown.json["reason"]["query"]:
        assert f"hospital {reason['code']}" in told


def test_two_reviewers_look_and_the_table_leaves(call: Call, desk: Desk) -> None:
    desk.cast.gate.reviewers = ("enclave-hospital", "examiner")
    job = ask(call, desk)
    release = released(call, desk, job)
    listed = call("output", "list", "--json", AS, desk.folder("hospital"))
    assert [(item["release"], item["state"], item["reviews"]) for item in listed.json["items"]] == [
        (release, "review", [])
    ]
    copies = [
        call("output", "show", release, "--json", AS, desk.folder(name)).json
        for name in ("enclave-hospital", "examiner")
    ]
    assert copies[0] == copies[1]
    assert set(json.loads(copies[0]["table"])) == {"totals"}
    assert call("output", "show", release, AS, desk.folder("hospital")).status == 2
    reason = ("--reason-zh", "已核对", "--reason-en", "checked")
    for name in ("hospital", "examiner"):
        said = call("output", "review", release, "approve", *reason, "--json", AS, desk.folder(name))
        assert said.status == 0, said
        assert said.json["finding"] == "approve"
    desk.play(job)
    assert call("output", "list", "--json", AS, desk.folder("hospital")).json["items"] == []
    everything = call("output", "list", "--all", AS, desk.folder("examiner"), "--lang", "zh").out
    assert f"{release}  done" in everything
    assert "hospital 通过: 已核对" in everything


def test_a_rejection_is_shown_to_the_submitter(call: Call, desk: Desk) -> None:
    desk.cast.gate.reviewers = ("enclave-hospital", "examiner")
    job = ask(call, desk)
    release = released(call, desk, job)
    review = ("output", "review", release, "reject", AS, desk.folder("examiner"))
    assert call(*review).status == 2
    assert call(*review, "--reason-zh", "单元格过细", "--reason-en", " ").status == 2
    assert call(*review, "--reason-zh", "单元格过细", "--reason-en", "cells too fine").status == 0
    explained = call("job", "explain", job, "--lang", "zh", AS, desk.folder("partner"))
    assert "review_rejected" in explained.out
    assert "单元格过细" in explained.out
    late = call("output", "review", release, "approve", "--reason-zh", "好", "--reason-en", "ok", "--json",
                AS, desk.folder("hospital"))  # fmt: skip
    assert (late.status, late.json["error"]["code"]) == (3, "review_not_allowed")


def test_a_template_is_asked_with_parameters(call: Call, desk: Desk) -> None:
    query = desk.questions.query(
        "hospital",
        sql="SELECT sex, COUNT(DISTINCT person) AS n FROM visits WHERE sex = {one} GROUP BY sex",
        parameters=[{"name": "one", "type": "text", "choices": ["f", "m"]}],
    )
    assert released(call, desk, ask(call, desk, "--parameter", "one=f", query=query))
    assert call(*desk.job(query.digest, "--parameter", "one")).status == 2
    assert call(*desk.job(query.digest, "--parameter", "one=f", "--parameter", "one=m")).status == 2
    other = call(*desk.job(query.digest, "--parameter", "one=x", "--json"))
    assert other.status == 3
    assert [reason["code"] for reason in other.json["error"]["query"]] == ["parameters_invalid"]


@pytest.mark.parametrize(
    "changed",
    [("--model", "ab" * 32), ("--mode", "bfv"), ("--consents", __file__)],
    ids=lambda options: options[0],
)
def test_a_job_asks_a_model_or_a_query_and_not_both(call: Call, desk: Desk, changed: tuple[str, str]) -> None:
    assert call(*desk.job("ab" * 32, *changed)).status == 2


def test_a_job_without_a_model_or_a_query_is_malformed(call: Call, desk: Desk) -> None:
    partner = desk.folder("partner")
    assert call("job", "submit", "--scenario", "ab" * 32, AS, partner).status == 2
    assert call("job", "submit", "--scenario", "ab" * 32, "--model", "ab" * 32, AS, partner).status == 2
