"""One district for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.log.district import District


@pytest.fixture
def district(tmp_path: Path) -> Iterator[District]:
    district = District(tmp_path / "coordinator.db")
    yield district
    district.close()
