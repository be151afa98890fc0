"""A founded district, its papers, and a coordinator of a hundred lines behind real HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from enclaves.transport.endpoint import Endpoint
from policies.documents.fields import Bilingual
from sandbox.founding import FoundedDistrict, create
from tests.enclaves.transport.little_coordinator import LittleCoordinator
from tests.sandbox.client.paper import Signed


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> FoundedDistrict:
    return create(tmp_path_factory.mktemp("district") / "d", name=Bilingual(zh="福田区", en="Futian"))


@pytest.fixture
def signed(founded: FoundedDistrict) -> Signed:
    return Signed(founded)


@pytest.fixture
def coordinator(founded: FoundedDistrict) -> Iterator[LittleCoordinator]:
    little = LittleCoordinator(founded.trust, founded.keys("coordinator").identity)
    with little.running():
        yield little


@pytest.fixture
def endpoint(founded: FoundedDistrict, coordinator: LittleCoordinator) -> Iterator[Callable[[str], Endpoint]]:
    opened: list[Endpoint] = []

    def open_as(party: str) -> Endpoint:
        found = Endpoint(
            coordinator.url,
            party=party,
            identity_key=founded.keys(party).identity,
            trust=founded.trust,
            pause=lambda _: None,
            tries=2,
        )
        opened.append(found)
        return found

    yield open_as
    for one in opened:
        one.close()
