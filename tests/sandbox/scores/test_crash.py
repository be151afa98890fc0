"""kill -9 of the served coordinator during fetches: nothing acknowledged is lost, nothing is billed twice."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from enclaves.transport.endpoint import Endpoint
from enclaves.transport.problem import Unavailable
from policies.documents import envelope as dsse
from policies.documents.strict_json import Json
from policies.log.entry import Entry, EntryType
from tests.sandbox.doubles import Cast
from tests.sandbox.kit import Site
from tests.sandbox.papers import Papers, agree, consents

ROUNDS = 3
CLIENTS = 2


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    site.start()
    yield site
    site.close()


class Client(threading.Thread):
    """Fetches one score after the other; a request that got no answer is asked again under its key, until one comes."""

    def __init__(self, site: Site, papers: Papers, asked: list[str], *, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.receipts: dict[str, str] = {}
        self.repeats = 0
        self._asked, self._papers = asked, papers
        # A client of its own: the threads of a test share nothing but the server.
        self._site = Site.__new__(Site)
        self._site.__dict__ = {**site.__dict__, "_endpoints": {}}
        self.ended = threading.Event()

    def run(self) -> None:
        endpoint = self._site.endpoint("insurer", tries=1)
        number = 0
        while not self.ended.is_set():
            key = f"{self.name}-{number}"
            body: dict[str, Json] = {
                "authorization": self._papers.authorization.digest,
                "consents": [self._asked[number % len(self._asked)]],
            }
            # A request that was sent is asked to its end, so that what was done and what was answered can be compared.
            while (answer := self._ask(endpoint, body, key)) is None:
                time.sleep(0.05)
            self.receipts[key] = dsse.from_json(answer["receipt"]).digest
            number += 1
        endpoint.close()

    def _ask(self, endpoint: Endpoint, body: dict[str, Json], key: str) -> dict[str, Json] | None:
        try:
            return endpoint.post_json("/v1/scores/fetch", body, idempotency_key=key)
        except Unavailable:
            self.repeats += 1
            return None


@pytest.mark.req("RQ-140", "RQ-317")
def test_no_delivery_is_lost_or_billed_twice_when_the_server_is_killed(site: Site) -> None:
    papers = agree(site)
    ids = [grant.id for grant in consents(site, papers, 20)]
    Cast(site).run(papers.job(ids), ids, seconds=60)
    clients = [Client(site, papers, [i.hex() for i in ids], name=f"client-{n}") for n in range(CLIENTS)]
    for client in clients:
        client.start()
    dice = random.Random(20)
    for _ in range(ROUNDS):
        time.sleep(dice.uniform(0.3, 0.8))
        site.kill()
        site.start()
    time.sleep(0.5)
    for client in clients:
        client.ended.set()
    for client in clients:
        client.join(timeout=30)
    acknowledged = [digest for client in clients for digest in client.receipts.values()]
    assert sum(client.repeats for client in clients) > 0
    assert len(set(acknowledged)) == len(acknowledged) > ROUNDS
    _check_books(site, set(acknowledged))


def _check_books(site: Site, acknowledged: set[str]) -> None:
    """Usage, log and invoice say the same, and exactly what was acknowledged."""
    month = time.strftime("%Y-%m", time.gmtime())
    operator, after = site.endpoint("operator"), 0
    billed: list[str] = []
    while True:
        page = operator.get_json("/v1/usage", params={"period": month, "after": after})
        events = page["events"]
        assert isinstance(events, list)
        billed += [str(event["data"]["receipt"]) for event in events]  # type: ignore[index,call-overload]  # JSON by protocol
        if page["next"] is None:
            break
        after = int(str(page["next"]))
    assert sorted(billed) == sorted(acknowledged)
    assert _delivered(site) == sorted(acknowledged)
    lines = operator.invoice("insurer", month)["lines"]
    assert isinstance(lines, list)
    assert [line["units"] for line in lines] == [len(acknowledged)]  # type: ignore[index,call-overload]  # JSON by protocol


def _delivered(site: Site) -> list[str]:
    """The receipts the evidence log names, once its head covers the last of them."""
    auditor = site.endpoint("auditor")
    time.sleep(1.5)
    size, found = auditor.latest().size, list[str]()
    for start in range(0, size, 5000):
        entries = [Entry.parse(data) for data in auditor.entries(start, min(size, start + 5000))]
        found += [e.digests["receipt"] for e in entries if e.type is EntryType.DELIVERY]
    return sorted(found)
