"""Aggregate jobs played to their end against the real application: the same route as a score, a table at the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from enclaves.transport.mailbox import Message
from enclaves.transport.problem import Malformed, NotFound, Refused
from policies.documents import envelope as dsse
from policies.documents.authorization import Limits, QueryTerms
from policies.documents.job import Plan
from policies.documents.run import Contribution
from policies.log.entry import EntryType
from sandbox.store.tables import jobs, sealed_tables
from tests.sandbox.asking import Questions, agree_on_queries, post_query
from tests.sandbox.doubles import Cast
from tests.sandbox.inside import Inside, inside
from tests.sandbox.kit import DEPARTMENTS, key_of
from tests.sandbox.papers import digest_of, signed


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    with inside(Path(tmp_path_factory.mktemp("aggregates"))) as site:
        yield site


@pytest.fixture(scope="module")
def questions(site: Inside) -> Questions:
    return agree_on_queries(site)


def plan_of(cast: Cast) -> Plan:
    return next(plan for enclave in cast.enclaves for plan in enclave.plans.values())


def submit(site: Inside, questions: Questions, query: Any, **changes: object) -> str:
    job = questions.job(query, **changes)
    return site.endpoint("partner").submit_job(job.envelope(key_of("partner")), scenario=job.scenario).job


def refusal(site: Inside, questions: Questions, query: Any, **changes: object) -> Any:
    with pytest.raises(Refused) as refused:
        submit(site, questions, query, **changes)
    return refused.value.problem


def test_a_table_over_several_domains_is_released_and_kept_for_its_recipient(
    site: Inside, questions: Questions
) -> None:
    query, kept = post_query(site, questions.query(*DEPARTMENTS)), site.count(sealed_tables)
    cast = Cast(site).catch_up()
    digest = cast.run(questions.job(query))
    status = site.endpoint("partner").job(digest)
    assert (status.state, status.attempt, len(status.releases)) == ("done", 1, 1)
    plan = plan_of(cast)
    assert (plan.query, plan.model, plan.subjects) == (query.digest, None, None)
    assert plan.lanes is not None
    # Counts and sums of two cells and the universe at the least.
    assert plan.lanes > 2 * 2
    entries = [entry for entry in site.entries() if entry.job == digest]
    assert [entry.type for entry in entries] == [EntryType.INTENT, EntryType.OUTCOME]
    assert entries[0].digests["query"] == query.digest
    assert "model" not in entries[0].digests
    assert entries[1].digests["release"] == status.releases[0]
    assert site.count(sealed_tables) == kept + 1


@pytest.mark.parametrize("asked", [("hospital",), ("hospital", "social", "transport")])
def test_only_the_enclaves_of_the_departments_asked_take_part(
    site: Inside, questions: Questions, asked: tuple[str, ...]
) -> None:
    query = post_query(site, questions.query(*asked))
    cast = Cast(site).catch_up()
    cast.run(questions.job(query))
    assert tuple(member.department for member in plan_of(cast).roster) == asked
    heard = {e.department for e in cast.enclaves if any(m.topic == "plan" for m in e.heard)}
    assert heard == set(asked)


def test_the_keys_of_cells_go_to_the_gate_and_to_nobody_else(site: Inside, questions: Questions) -> None:
    query = post_query(site, questions.query("hospital"))
    cast = Cast(site).catch_up()
    hospital = next(enclave for enclave in cast.enclaves if enclave.department == "hospital")
    hospital.cells = b"keys sealed to the gate"
    cast.run(questions.job(query))
    opened = next(m for m in cast.gate.heard if m.topic == "open")
    cells = Contribution.read(dsse.from_json(opened.body["contributions"][0])).cells  # type: ignore[index]  # JSON by protocol
    assert cells is not None
    assert site.endpoint("gate").get_attachment(cells) == hospital.cells
    for name in ("enclave-social", "insurer", "partner", "coordinator"):
        with pytest.raises(NotFound):
            site.endpoint(name).get_attachment(cells)


def test_keys_of_cells_that_somebody_else_put_are_refused(site: Inside, questions: Questions) -> None:
    query = post_query(site, questions.query("hospital"))
    cast = Cast(site).catch_up()
    hospital = next(enclave for enclave in cast.enclaves if enclave.department == "hospital")
    hospital.cells = b"keys"
    stolen = site.endpoint("enclave-social").put_attachment(b"another's", audience=["enclave-hospital"])
    contribute = hospital.contribution

    def lying(run: str) -> Any:
        envelope, vector = contribute(run)
        changed = Contribution.read(envelope).model_copy(update={"cells": stolen})
        return changed.envelope(hospital.boot_key), vector

    hospital.contribution = lying  # type: ignore[method-assign]  # an enclave that lies
    with pytest.raises(NotFound, match="put by `enclave-hospital`"):
        cast.run(questions.job(query))


@pytest.mark.req("RQ-169")
def test_a_statement_outside_the_class_is_refused_with_every_reason_of_every_department(
    site: Inside, questions: Questions
) -> None:
    bad = "SELECT sex, MAX(cost) AS m, COUNT(DISTINCT name) AS c FROM visits GROUP BY sex"
    query = questions.query("hospital", "social", "transport", sql=bad)
    post_query(site, query)
    before = site.count(jobs)
    problem = refusal(site, questions, query)
    assert problem.code == "query_refused"
    assert problem.policy == "query-refused"
    assert {reason.department for reason in problem.query} == set(DEPARTMENTS)
    codes = {reason.code for reason in problem.query if reason.department == "hospital"}
    assert codes >= {"AGGREGATE", "UNKNOWN_COLUMN"}
    assert all(set(reason.hint) == {"zh", "en"} and reason.where for reason in problem.query)
    assert site.count(jobs) == before + 1
    refused = [entry for entry in site.entries() if entry.type is EntryType.REFUSAL]
    assert refused[-1].facts["code"] == "query_refused"
    status = site.endpoint("partner").job(str(refused[-1].job))
    assert isinstance(status.reason, dict)
    assert status.reason["query"] == [reason.to_json() for reason in problem.query]


@pytest.mark.req("RQ-308")
def test_a_statement_for_rows_is_refused_as_raw_export(site: Inside, questions: Questions) -> None:
    query = post_query(site, questions.query("hospital", sql="SELECT * FROM visits"))
    problem = refusal(site, questions, query)
    assert problem.code == "raw_export"
    assert "STAR" in {reason.code for reason in problem.query}


def test_a_refusal_for_another_cause_says_nothing_of_the_statement(
    site: Inside, questions: Questions
) -> None:
    query = post_query(site, questions.query("hospital"))
    assert refusal(site, questions, query, purpose="marketing").query == ()


def test_values_that_do_not_fit_are_told(site: Inside, questions: Questions) -> None:
    sql = "SELECT sex, COUNT(DISTINCT person) AS n FROM visits WHERE sex = {one} GROUP BY sex"
    parameters = [{"name": "one", "type": "text", "choices": ["f", "m"]}]
    query = post_query(site, questions.query("hospital", sql=sql, parameters=parameters))
    problem = refusal(site, questions, query, parameters=[{"name": "one", "value": "x"}])
    assert [reason.code for reason in problem.query] == ["parameters_invalid"]
    assert problem.query[0].department is None
    cast = Cast(site).catch_up()
    done = cast.run(questions.job(query, parameters=[{"name": "one", "value": "m"}]))
    assert site.endpoint("partner").job(done).state == "done"


def test_two_domains_need_the_signers_word(site: Inside, questions: Questions) -> None:
    query = post_query(site, questions.query("hospital", "social"))
    assert refusal(site, questions, query).code == "domains_too_few"
    accepted = agree_on_queries(site, name="two", terms=QueryTerms(free=True, bilateral=True))
    query = post_query(site, accepted.query("hospital", "social"))
    digest = Cast(site).catch_up().run(accepted.job(query))
    assert site.endpoint("partner").job(digest).state == "done"


def test_an_authorization_of_templates_permits_them_alone(site: Inside) -> None:
    questions = agree_on_queries(
        site, name="templates", terms=QueryTerms(free=False, templates=(digest_of("template"),))
    )
    query = post_query(site, questions.query("hospital"))
    assert refusal(site, questions, query).code == "query_not_authorized"


def test_aggregate_jobs_end_with_their_quota(site: Inside) -> None:
    limits = Limits(vet_jobs=1, score_jobs=1, aggregate_jobs=1, fetches=10)
    questions = agree_on_queries(site, name="few", limits=limits)
    query = post_query(site, questions.query("hospital"))
    submit(site, questions, query)
    assert refusal(site, questions, query).where == "scenario.limits.aggregate_jobs"


def test_a_query_that_is_not_there_or_another_partys_is_refused(site: Inside, questions: Questions) -> None:
    query = questions.query("hospital")
    refusal(site, questions, query)
    with pytest.raises(Refused, match="signatures_missing"):
        site.endpoint("insurer").post_document(signed(query, "insurer"))
    posted = post_query(site, query)
    assert submit(site, questions, posted)


def test_an_aggregate_is_masked(site: Inside, questions: Questions) -> None:
    query, before = post_query(site, questions.query("hospital")), site.count(jobs)
    with pytest.raises(Malformed, match="masked"):
        submit(site, questions, query, mode="bfv")
    assert site.count(jobs) == before


def test_a_job_with_subjects_and_a_query_cannot_be_written(site: Inside, questions: Questions) -> None:
    query = post_query(site, questions.query("hospital"))
    body = questions.job(query).to_body() | {"subjects": {"count": 1, "sha256": digest_of("x")}}
    envelope = dsse.sign("job", body, key_of("partner"))
    with pytest.raises(Malformed):
        site.endpoint("partner").submit_job(envelope, scenario=questions.scenario.digest)


@pytest.mark.parametrize(
    "changes",
    [
        {"recipient": "partner"},
        {"recipient_sealing_key": digest_of("another key")},
        {"query": digest_of("another query")},
        {"authorization": digest_of("another authorization")},
        {"job": digest_of("another job")},
        {"run": digest_of("another run")},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_release_that_names_another_than_the_plan_is_refused(
    site: Inside, questions: Questions, changes: dict[str, Any]
) -> None:
    query, kept = post_query(site, questions.query("hospital")), site.count(sealed_tables)
    cast = Cast(site).catch_up()
    cast.gate.changes = changes
    with pytest.raises(Refused, match="release_mismatch"):
        cast.run(questions.job(query))
    job = site.endpoint("partner").job(plan_of(cast).job)
    assert (job.state, job.releases) == ("opening", ())
    assert site.count(sealed_tables) == kept


def test_a_release_of_scores_ends_no_aggregate(
    site: Inside, questions: Questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = post_query(site, questions.query("hospital"))
    cast = Cast(site).catch_up()
    bands: dict[str, Any] = {
        "id": "bands",
        "gate": "gate",
        "job": digest_of("j"),
        "model": digest_of("m"),
        "persons": 50,
        "counts": [50, 0],
    }

    def scores(message: Message, _: Plan) -> None:
        envelope = dsse.sign("vet-bands", bands, key_of("gate"))
        site.endpoint("gate").send(
            "coordinator", "release", {"document": envelope.to_json()}, run=message.run
        )

    monkeypatch.setattr(cast.gate, "_release_table", scores)
    with pytest.raises(Malformed):
        cast.run(questions.job(query))


@pytest.mark.parametrize("attached", ["none", "another", "shorter"])
def test_a_handover_of_other_bytes_is_refused(
    site: Inside, questions: Questions, monkeypatch: pytest.MonkeyPatch, attached: str
) -> None:
    query, kept = post_query(site, questions.query("hospital")), site.count(sealed_tables)
    cast = Cast(site).catch_up()

    def hand_over(message: Message) -> None:
        digest, _ = cast.gate.held[str(message.run)]
        endpoint = site.endpoint("gate")
        other = [] if attached == "none" else [endpoint.put_attachment(b"other bytes")]
        endpoint.send("coordinator", "handover", {"release": digest}, run=message.run, attachments=other)

    if attached == "shorter":
        cast.gate.changes = {
            "sealed": {
                "sha256": site.endpoint("gate").put_attachment(b"short"),
                "size": 6,
                "expires_at": "2030-01-01T00:00:00Z",
            }
        }
    else:
        monkeypatch.setattr(cast.gate, "_hand_over", hand_over)
    with pytest.raises(Refused, match="release_mismatch"):
        cast.run(questions.job(query))
    assert site.count(sealed_tables) == kept
