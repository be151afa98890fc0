"""Whole jobs through real handlers, workers, stores, signatures and log; bands against plain Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.documents import envelope as dsse
from policies.documents.authorization import Mode
from policies.documents.vetting import VetBands, VetMetrics
from tests.enclaves.agent.district import NAMES, District, found, resident

PEOPLE = [resident(number) for number in range(45)]
"""Residents 40 to 44 are known nowhere; every domain lacks some of the others."""


@pytest.fixture(scope="module", params=[1, 2, 3])
def district(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> District:
    return found(tmp_path_factory.mktemp("district"), NAMES[: request.param])


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
