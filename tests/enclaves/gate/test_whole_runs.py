"""Whole jobs through real handlers, workers, stores, signatures and log; bands against plain Python."""

from __future__ import annotations

import pytest

from policies.documents import envelope as dsse
from policies.documents.authorization import Mode
from policies.documents.vetting import VetBands, VetMetrics
from tests.enclaves.agent.district import FOUR, NAMES, District, found, resident

PEOPLE = [resident(number) for number in range(45)]
"""Residents 40 to 44 are known nowhere; every domain lacks some of the others."""


@pytest.fixture(scope="module", params=[NAMES[:1], NAMES[:2], NAMES, FOUR], ids=len)
def district(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> District:
    return found(tmp_path_factory.mktemp("district"), request.param)


@pytest.mark.parametrize("mode", [Mode.MASKED, Mode.BFV])
def test_bands_are_those_of_plain_arithmetic(district: District, mode: Mode) -> None:
    ids = district.consent(PEOPLE)
    withdrawn = ids[3::10]
    district.withdraw(withdrawn)
    plan, release = district.run(district.job(ids, mode=mode))
    expected = [
        None if consent in withdrawn else district.reference_band(person)
        for person, consent in zip(PEOPLE, ids, strict=True)
    ]
    assert district.bands(plan, release) == expected
    assert len({band for band in expected if band is not None}) > 1


def test_a_vet_job_tells_rounded_band_counts_and_metrics_and_nothing_else(district: District) -> None:
    ids = district.consent(PEOPLE)
    before = set(district.relay.attachments)
    job = district.job(ids, vet=True)
    plan, body = district.plan(job)
    district.start(plan, body)
    district.relay_bundles(plan)
    district.relay_transcripts(plan)
    if plan.recovers:
        district.recover(plan)
    district.open(plan, body)
    assert district.refusals(plan) == []
    district.outcome(plan)
    (message,) = district.relay.said("release", plan.sid.hex())
    bands = VetBands.read(dsse.from_json(message.body["document"]))
    plain = [district.reference_band(person) for person in PEOPLE]
    counts = [plain.count(band) for band in range(district.model.bands)]
    assert bands.persons == 45
    assert list(bands.counts) == [0 if count < 10 else 5 * ((count + 2) // 5) for count in counts]
    metrics = [
        VetMetrics.read(dsse.from_json(m.body["metrics"]))
        for m in district.relay.said("metrics", plan.sid.hex())
    ]
    assert [m.department for m in metrics] == list(district.domains)
    assert all(f.persons % 5 == 0 for m in metrics for f in m.features)
    (handover,) = district.relay.said("handover", plan.sid.hex())
    assert handover.attachments == ()
    # The gate put nothing at all.
    assert not [
        sha
        for sha in set(district.relay.attachments) - before
        if "coordinator" in district.relay.attachments[sha][1]
    ]


def test_a_vet_job_debits_no_capacity(district: District) -> None:
    # The cohort of the test above: a closer one would be refused (enclaves.agent.cohorts).
    people = PEOPLE
    for _ in range(3):
        ids = district.consent(people)
        plan, body = district.plan(district.job(ids, vet=True))
        district.start(plan, body)
        district.relay_bundles(plan)
        district.relay_transcripts(plan)
        assert district.refusals(plan) == []
    for domain in district.domains.values():
        spent = domain.house.ledger._durable.rows("SELECT count(*) FROM debits WHERE job = ?", (plan.job,))
        assert spent == [(0,)]
