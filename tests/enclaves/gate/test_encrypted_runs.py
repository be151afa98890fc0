"""Whole jobs in mode paillier through real handlers, workers, stores, signatures and log; bands against plain integers."""

from __future__ import annotations

from pathlib import Path

import pytest

from enclaves.protocols.paillier.keys import secret_to_wire
from policies.documents import envelope as dsse
from policies.documents import strict_json
from policies.documents.authorization import Mode
from policies.documents.vetting import Verdict, VetBands, VetMetrics
from policies.vetting import judge
from tests.enclaves.agent.district import NAMES, District, resident, restart_gate
from tests.enclaves.agent.encrypted import encrypted_district, hidden_part, reference_band
from tests.enclaves.protocols.paillier.kit import full
from tests.enclaves.worker.domain import reference_units

PEOPLE = [resident(number) for number in range(45)]
"""Residents 40 to 44 are known nowhere; every domain lacks some of the others."""


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return encrypted_district(tmp_path_factory.mktemp("district"))


def test_bands_are_those_of_plain_integers_for_present_absent_and_withdrawn_people(
    district: District,
) -> None:
    ids = district.consent(PEOPLE)
    withdrawn = ids[3::10]
    district.withdraw(withdrawn)
    plan, release = district.run(district.job(ids, mode=Mode.PAILLIER))
    expected = [
        None if consent in withdrawn else reference_band(district, person)
        for person, consent in zip(PEOPLE, ids, strict=True)
    ]
    assert district.bands(plan, release) == expected
    assert len({band for band in expected if band is not None}) > 1


def test_the_same_key_opens_after_a_restart_of_the_gate_and_its_factors_are_nowhere_in_the_clear(
    district: District,
) -> None:
    restart_gate(district)
    people = PEOPLE[:6]
    plan, release = district.run(district.job(district.consent(people), mode=Mode.PAILLIER))
    assert district.bands(plan, release) == [reference_band(district, person) for person in people]
    state = b"".join(path.read_bytes() for path in (district.directory / "gate").iterdir() if path.is_file())
    assert secret_to_wire(full())[:192] not in state
    assert secret_to_wire(full())[192:] not in state


def test_a_vet_job_tells_band_counts_and_features_alone(district: District) -> None:
    ids = district.consent(PEOPLE)
    plan, body = district.plan(district.job(ids, mode=Mode.PAILLIER, vet=True))
    district.start(plan, body)
    district.relay_bundles(plan)
    district.relay_transcripts(plan)
    district.open(plan, body)
    assert district.refusals(plan) == []
    (message,) = district.relay.said("release", plan.sid.hex())
    bands = VetBands.read(dsse.from_json(message.body["document"]))
    plain = [reference_band(district, person) for person in PEOPLE]
    counts = [plain.count(band) for band in range(district.model.bands)]
    assert list(bands.counts) == [0 if count < 10 else 5 * ((count + 2) // 5) for count in counts]
    metrics = [
        VetMetrics.read(dsse.from_json(m.body["metrics"]))
        for m in district.relay.said("metrics", plan.sid.hex())
    ]
    assert [m.department for m in metrics] == list(district.domains)
    assert district.encryption is not None
    assert [m.weights for m in metrics] == [item.digest for item in district.encryption.weights]
    for item in metrics:
        assert (item.variance, item.unique, item.finite) == (None, None, None)
        assert all(f.effect is None and f.sweep is None and f.leaks == () for f in item.features)
        assert all(f.persons >= 10 and f.distinct is not None for f in item.features)
    # With the parts, which the examiner alone has, the model is judged; nothing passes in silence.
    checks = {
        check.check: check.verdict
        for check in judge(
            district.model, [hidden_part(name) for name in district.domains], metrics=metrics, bands=bands
        )
    }
    assert {checks[name] for name in ("v3", "v4", "v5")} <= {Verdict.OVERRIDE, Verdict.REJECT}


def test_no_department_holds_a_weight(district: District) -> None:
    for name, domain in district.domains.items():
        part = hidden_part(name)
        assert (
            domain.house.durable.rows("SELECT * FROM parts WHERE model = ?", (district.model.digest,)) == []
        )
        readable = [
            data for data, readers in district.relay.attachments.values() if f"enclave-{name}" in readers
        ]
        readable += [envelope.body for envelope in district.relay.documents.values()]
        assert readable
        assert not any(b'"weight"' in data for data in readable)
        assert not any(strict_json.canonical(part.to_body()) in data for data in readable)


def test_in_whole_points_every_mode_gives_the_same_bands(tmp_path: Path) -> None:
    district = encrypted_district(tmp_path, NAMES[:2], whole_points=True)
    people = PEOPLE[:12]
    parts = {name: hidden_part(name, whole_points=True) for name in district.domains}
    expected = []
    for person in people:
        total = district.model.intercept
        for name, domain in district.domains.items():
            head = district.model.part(name)
            assert head is not None
            # The reference of modes masked and bfv: each domain rounds.
            total += reference_units(person, domain.held, parts[name], head)
        expected.append(sum(cut <= total for cut in district.model.cut_points))
    plan, release = district.run(district.job(district.consent(people), mode=Mode.PAILLIER))
    assert district.bands(plan, release) == expected
