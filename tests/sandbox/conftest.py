"""Fixtures of the coordinator's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.kit import Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One coordinator, served by its own process for the tests of a module."""
    site = Site(Path(tmp_path_factory.mktemp("site")))
    site.start()
    yield site
    site.close()
