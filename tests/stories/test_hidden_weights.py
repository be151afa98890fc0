"""Mode paillier with real processes over loopback: a model that no department sees is encrypted, vetted, agreed on, scored.

RAND's people, a small cohort, keys of production size drawn by the gate. That bands are those of plain integers is proved in
`tests/enclaves/gate/test_encrypted_runs.py`.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from enclaves.transport.endpoint import Refused
from policies import fixed_point
from policies.documents.authorization import Authorization, Mode, Scenario
from policies.documents.model import LinearPart, Model
from policies.documents.vetting import Verdict
from policies.resident import ResidentId
from sandbox.client.errors import NothingYet
from sandbox.client.insurer import Score
from sandbox.demo import declarations, partner, story
from sandbox.demo.cast import Cast
from sandbox.demo.processes import Processes
from sandbox.demo.rand import Sources, write_sources

COHORT = 320
SCORED = 25


@contextmanager
def running() -> Iterator[tuple[Cast, Scenario, str, Sources]]:
    """Three departments with their rows, the coordinator, the gate, and a scenario that permits the mode."""
    directory = Path(tempfile.mkdtemp(prefix="domicile-hidden-"))
    try:
        with Processes(directory / "logs") as processes:
            sources = write_sources(directory / "sources")
            district = story.found(directory / "district")
            declared = story.register_data(processes, district, sources)
            story.start(processes, district)
            cast = Cast.of(district)
            agreed = story.agree(cast, declared)
            scenario = agreed.scenario.model_copy(
                update={"id": "scenario-hidden", "modes": (Mode.MASKED, Mode.PAILLIER)}
            )
            story.sign(scenario, cast.partner, *cast.signers)
            yield cast, scenario, agreed.price, sources
            others = (cast.examiner, cast.partner, cast.insurer, cast.consent_service, cast.auditor)
            for member in (*cast.signers, *others):
                member.close()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def hidden(fitted: partner.FittedModel) -> tuple[Model, tuple[LinearPart, ...]]:
    """The fitted model with three bands, and a blind in every part."""
    parts = tuple(part.model_copy(update={"blind": secrets.token_hex(32)}) for part in fitted.parts)
    heads = tuple(
        head.model_copy(update={"digest": part.digest})
        for head, part in zip(fitted.head.parts, parts, strict=True)
    )
    cuts = fitted.head.cut_points
    return fitted.head.model_copy(update={"parts": heads, "cut_points": (cuts[2], cuts[5])}), parts


def consents(cast: Cast, scenario: Scenario, people: list[str]) -> list[str]:
    until = datetime.now(UTC) + timedelta(days=30)
    persons = [ResidentId.parse(person) for person in people]
    cast.consent_service.grant(scenario.digest, "insurer", persons, until)
    return [c.id for c in cast.consent_service.ids_for("insurer", scenario=scenario.digest)]


def authorization(cast: Cast, scenario: Scenario, model: str, report: str, price: str) -> Authorization:
    plain = declarations.authorization(
        datetime.now(UTC),
        trust=cast.agency.trust,
        approved=scenario,
        model=model,
        report=report,
        price=price,
        log_size=0,
    )
    return Authorization.from_body(
        {
            **plain.to_body(),
            "modes": ["paillier"],
            "encryption": cast.examiner.encrypt(model).model_dump(mode="json"),
        }
    )


@pytest.mark.req("RQ-002")
def test_a_hidden_model_is_vetted_agreed_on_and_scored() -> None:
    with running() as (cast, scenario, price, sources):
        head, parts = hidden(partner.fit(sources.customers, scenario=scenario.digest))
        ids = consents(cast, scenario, sources.applicants[:COHORT])
        model = cast.partner.seal_and_submit_model(head, parts, hidden=True)
        with pytest.raises(NothingYet):
            cast.partner.submit_vet_job(scenario.digest, model=model, consents=ids, mode=Mode.PAILLIER)

        # The examiner encrypts; a department has no part that it could open.
        assert cast.examiner.collect() == [model]
        cast.examiner.encrypt(model)
        job = cast.partner.submit_vet_job(scenario.digest, model=model, consents=ids, mode=Mode.PAILLIER)
        assert cast.partner.wait(job.job, seconds=240).state == "done"
        report = cast.examiner.judge(model, job=job.job, accept_overrides=True)
        verdicts = {check.check: check.verdict for check in report.checks}
        assert report.verdict is Verdict.OVERRIDE, report.checks
        assert {name for name, found in verdicts.items() if found is Verdict.OVERRIDE} >= {"v3", "v4", "v5"}

        agreed = authorization(cast, scenario, model, report.digest, price)
        story.sign(agreed, cast.partner, *cast.signers)
        with pytest.raises(Refused, match="protection_missing"):
            cast.insurer.submit_job(
                scenario.digest,
                model=model,
                consents=ids[:SCORED],
                recipient="insurer",
                authorization=agreed.digest,
            )
        scored = cast.insurer.submit_job(
            scenario.digest,
            model=model,
            consents=ids[:SCORED],
            recipient="insurer",
            authorization=agreed.digest,
            mode=Mode.PAILLIER,
        )
        assert cast.insurer.wait(scored.job, seconds=240).state == "done"
        scores = cast.insurer.fetch(agreed.digest, ids[:SCORED]).scores
        assert len(scores) == SCORED
        assert all(isinstance(score, Score) and score.bands == 3 for score in scores)
        assert len({score.band for score in scores}) > 1
        assert fixed_point.difference(head, features=len(partner.FEATURES)) == 2
