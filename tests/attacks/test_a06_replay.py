"""Attack A6: send a captured request again, or offer what was contributed to one run in another.

The attacker holds the exact bytes of a signed request and sends them a second time. The naive server verifies the signature
and executes. The same for a contribution: the naive coordinator believes any contribution that its enclave signed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from enclaves.transport.problem import Refused
from enclaves.transport.signatures import verify_request
from policies.keys import public_key
from sandbox.jobs import rows
from sandbox.store.tables import messages
from tests.sandbox.doubles import Cast
from tests.sandbox.inside import Inside, inside
from tests.sandbox.kit import key_of
from tests.sandbox.papers import agree, consents


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Inside]:
    with inside(tmp_path) as site:
        yield site


@dataclass
class NaiveServer:
    """Verifies each signature as it should, and remembers nothing."""

    site: Inside
    executed: list[bytes] = field(default_factory=list)

    def receive(self, request: httpx.Request) -> None:
        verify_request(
            method=request.method,
            authority=self.site.settings.authority,
            path=request.url.path,
            query=request.url.query.decode(),
            headers=request.headers.multi_items(),
            body=request.content,
            keys=self.site.district.identity_keys,
            now=datetime.now(UTC),
        )
        self.executed.append(request.content)


def order(site: Inside) -> httpx.Request:
    body = json.dumps({"topic": "note", "run": None, "body": {"pay": 1}, "attachments": []}).encode()
    return site.signed("insurer", "POST", "/v1/mailboxes/partner", body)


def test_the_naive_server_executes_a_captured_request_twice(site: Inside) -> None:
    naive, captured = NaiveServer(site), order(site)
    naive.receive(captured)
    naive.receive(captured)
    assert len(naive.executed) == 2


@pytest.mark.req("RQ-316")
def test_a_captured_request_is_refused_also_after_a_restart(site: Inside) -> None:
    captured = order(site)
    assert site.web.send(captured).status_code == 200
    kept = site.count(messages)
    for restart in (False, True):
        if restart:
            site.restart()
        again = site.web.send(captured)
        assert (again.status_code, again.json()["code"]) == (401, "request_replayed")
        assert site.count(messages) == kept


@pytest.mark.req("RQ-316")
def test_a_captured_request_under_another_idempotency_key_is_refused_too(site: Inside) -> None:
    captured = order(site)
    assert site.web.send(captured).status_code == 200
    captured.headers["idempotency-key"] = "another"
    assert site.web.send(captured).json()["code"] == "request_replayed"


@pytest.mark.parametrize("seconds", [121, 299, 301, 100_000])
def test_a_captured_request_does_not_come_back_when_its_nonce_is_forgotten(
    site: Inside, seconds: int
) -> None:
    captured = order(site)
    assert site.web.send(captured).status_code == 200
    site.offset = seconds
    for _ in range(30):
        site.tick()
    assert site.web.send(captured).status_code == 401


@pytest.mark.req("RQ-316")
def test_the_memory_of_a_request_survives_a_fault_in_handling_it(
    site: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    captured = order(site)
    with monkeypatch.context() as broken:
        broken.setattr("sandbox.api.mailboxes.send", lambda *_, **__: 1 / 0)
        assert site.web.send(captured).status_code == 503
    assert site.web.send(captured).json()["code"] == "request_replayed"


def test_a_request_changed_on_its_way_is_refused(site: Inside) -> None:
    captured = order(site)
    changed = site.web.build_request(
        "POST", captured.url, headers=captured.headers, content=captured.content.replace(b"1", b"9")
    )
    assert site.web.send(changed).status_code == 401
    elsewhere = site.web.build_request(
        "POST", site.url + "/v1/mailboxes/gate", headers=captured.headers, content=captured.content
    )
    assert site.web.send(elsewhere).status_code == 401


def test_a_request_signed_for_another_host_is_refused(site: Inside) -> None:
    captured = order(site)
    captured.headers["host"] = "elsewhere.example"
    assert site.web.send(captured).status_code == 401


@pytest.mark.req("RQ-316")
def test_a_contribution_to_one_run_is_refused_in_another(site: Inside) -> None:
    papers, cast = agree(site), Cast(site)
    hospital = cast.enclaves[0]
    runs = []
    for _ in range(2):
        ids = [grant.id for grant in consents(site, papers, 2)]
        site.endpoint("partner").put_attachment(b"".join(ids))
        job = papers.job(ids).envelope(key_of("partner"))
        digest = site.endpoint("partner").submit_job(job, scenario=papers.scenario.digest).job
        play(site, cast, digest)
        with site.district.database.read() as connection:
            runs.append(str(rows.get(connection, digest).run))
    envelope, vector = hospital.contribution(runs[0])
    # The naive check: the enclave's own boot key signed it. That holds, in whatever run it is offered.
    envelope.check_signed_by(public_key(hospital.boot_key))
    with pytest.raises(Refused, match="not_in_run"):
        site.endpoint(hospital.name).send(
            "coordinator",
            "contribution",
            {"contribution": envelope.to_json()},
            run=runs[1],
            attachments=[vector],
        )


def play(site: Inside, cast: Cast, digest: str) -> None:
    """Play until every enclave has been asked for its contribution."""
    ready = {"contributions", "opening", "awaiting-outcome", "handover", "done"}
    cast.play(lambda: site.endpoint("partner").job(digest).state in ready)
