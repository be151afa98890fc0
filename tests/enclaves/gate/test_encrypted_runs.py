"""Whole jobs in mode paillier through real handlers, workers, stores, signatures and log; bands against plain integers."""

from __future__ import annotations

import pytest

from policies.documents.authorization import Mode
from tests.enclaves.agent.district import District, resident
from tests.enclaves.agent.encrypted import encrypted_district, reference_band

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
