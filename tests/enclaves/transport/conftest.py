"""A founded district and a little coordinator that serves it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from enclaves.transport.endpoint import Endpoint
from policies.documents.fields import Bilingual
from sandbox.founding import FoundedDistrict, create
from tests.enclaves.transport.little_coordinator import LittleCoordinator


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> FoundedDistrict:
    directory: Path = tmp_path_factory.mktemp("district") / "d"
    return create(directory, name=Bilingual(zh="福田区", en="Futian"))


@pytest.fixture
def coordinator(founded: FoundedDistrict) -> Iterator[LittleCoordinator]:
    little = LittleCoordinator(founded.trust, founded.keys("coordinator").identity)
    with little.running():
        yield little


@pytest.fixture
def endpoint(founded: FoundedDistrict, coordinator: LittleCoordinator) -> Iterator[Callable[..., Endpoint]]:
    opened: list[Endpoint] = []

    def open_as(party: str, **options: object) -> Endpoint:
        found = Endpoint(
            coordinator.url,
            party=party,
            identity_key=founded.keys(party).identity,
            trust=founded.trust,
            **{"pause": lambda _: None, **options},  # type: ignore[arg-type]  # options of Channel
        )
        opened.append(found)
        return found

    yield open_as
    for one in opened:
        one.close()
