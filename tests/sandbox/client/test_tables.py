"""A fetched table counts only if it proves itself: every link of the chain is broken once. Copies and reviews likewise."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from enclaves.protocols.sealing import SealingKey, seal
from enclaves.transport.endpoint import FetchedTable, Malformed, NotFound, Refused
from enclaves.transport.party import PartyKeys
from enclaves.transport.sealed_mail import table_info, table_review_info
from policies.documents.fields import Bilingual
from policies.documents.job import TableRelease
from policies.documents.query import ResultFormat
from policies.documents.review import Finding
from policies.documents.strict_json import canonical, digest
from sandbox.client import Insurer, Partner, Reviewer
from sandbox.client.errors import InputMalformed, ReceiptRefused, ReleaseRefused
from sandbox.client.tables import OpenedTable, TableRecipient
from tests.sandbox.asking import Questions, agree_on_queries
from tests.sandbox.doubles import CELLS, Cast
from tests.sandbox.inside import Inside, inside
from tests.sandbox.kit import key_of

SEALING_KEY = SealingKey(hashlib.sha256(b"test sealing").digest())
KIND = {"insurer": Insurer, "other-insurer": Insurer, "partner": Partner}
REASON = Bilingual(zh="已核对", en="checked")


def keys(name: str, *, sealing: SealingKey | None = SEALING_KEY) -> PartyKeys:
    return PartyKeys(key_of(name), sealing)


@dataclass
class Desk:
    """A site where questions may be asked, and the parties' own classes over it."""

    site: Inside
    questions: Questions
    cast: Cast

    def recipient(self, name: str) -> TableRecipient:
        return KIND[name](self.site.endpoint(name), keys(name))

    @property
    def insurer(self) -> Insurer:
        return Insurer(self.site.endpoint("insurer"), keys("insurer"))

    @property
    def partner(self) -> Partner:
        return Partner(self.site.endpoint("partner"), keys("partner"))

    def reviewer(self, name: str) -> Reviewer:
        return Reviewer(self.site.endpoint(name), keys(name))

    @property
    def authorization(self) -> str:
        return self.questions.authorization.digest

    def ask(self, *, recipient: str = "insurer") -> str:
        """Submit a query and a job as the partner's SDK does, play it; returns the job."""
        self.cast.catch_up()
        query = self.partner.submit_query(self.questions.query("hospital"))
        status = self.partner.submit_aggregate_job(
            self.questions.scenario.digest,
            authorization=self.authorization,
            query=query,
            recipient=recipient,
        )
        rests = {"done", "refused", "failed", "review"}
        self.cast.play(lambda: self.site.endpoint("partner").job(status.job).state in rests)
        return status.job

    def release_of(self, job: str) -> str:
        (release,) = self.site.endpoint("partner").job(job).releases
        return release


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with inside(Path(tmp_path_factory.mktemp("desk"))) as site:
        yield Desk(site, agree_on_queries(site), Cast(site))


@pytest.fixture
def desk(shared: Desk) -> Desk:
    shared.cast.gate.reviewers = ()
    return shared


@pytest.fixture(scope="module")
def release(shared: Desk) -> str:
    return shared.release_of(shared.ask())


def test_a_table_is_opened_with_its_report_and_receipt(desk: Desk, release: str) -> None:
    insurer = desk.insurer
    opened = insurer.fetch_table(desk.authorization, release)
    assert opened.format is ResultFormat.JSON
    assert set(json.loads(opened.text)) == {"totals"}
    assert opened.report == {"cells": CELLS, "withheld_cells": 0}
    assert opened.receipt is not None
    assert (opened.receipt.units, opened.receipt.unit_price) == (1, "20.00")
    assert insurer.receipts.receipts == (opened.receipt,)


def test_a_partner_that_the_authorization_names_is_a_recipient_too(desk: Desk) -> None:
    release = desk.release_of(desk.ask(recipient="partner"))
    assert desk.partner.fetch_table(desk.authorization, release).report["cells"] == CELLS
    with pytest.raises(Refused, match="table_not_found"):
        desk.insurer.fetch_table(desk.authorization, release)


def test_a_party_the_authorization_does_not_name_asks_for_nothing(desk: Desk, release: str) -> None:
    with pytest.raises(InputMalformed, match="names this party"):
        desk.recipient("other-insurer").fetch_table(desk.authorization, release)
    other = Insurer(desk.site.endpoint("insurer"), keys("insurer", sealing=SealingKey(bytes(32))))
    with pytest.raises(InputMalformed, match="sealing key"):
        other.fetch_table(desk.authorization, release)
    none = Insurer(desk.site.endpoint("insurer"), keys("insurer", sealing=None))
    with pytest.raises(InputMalformed, match="sealing key"):
        none.fetch_table(desk.authorization, release)


def resigned(found: FetchedTable, **changes: Any) -> FetchedTable:
    """The answer with a release in which a gate that lies signed something else."""
    body = TableRelease.read(found.release).to_body() | changes
    return replace(found, release=TableRelease.from_body(body).envelope(key_of("gate")))


def flipped(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


LIES: dict[str, tuple[Callable[[FetchedTable], FetchedTable], type[Exception]]] = {
    "a flipped byte": (lambda f: replace(f, sealed=flipped(f.sealed)), ReleaseRefused),
    "a shorter table": (lambda f: replace(f, sealed=f.sealed[:-1]), ReleaseRefused),
    "another recipient": (lambda f: resigned(f, recipient="partner"), ReleaseRefused),
    "another key": (lambda f: resigned(f, recipient_sealing_key="ab" * 32), ReleaseRefused),
    "another authorization": (lambda f: resigned(f, authorization="ab" * 32), ReleaseRefused),
    "another release of the gate": (lambda f: resigned(f, cells=3), ReleaseRefused),
    "nobody's signature": (
        lambda f: replace(f, release=TableRelease.read(f.release).envelope(key_of("operator"))),
        ReleaseRefused,
    ),
    "no receipt of this": (lambda f: replace(f, receipt=f.release), ReceiptRefused),
}


@pytest.mark.req("RQ-316", "RQ-317")
@pytest.mark.parametrize("lie", LIES)
def test_a_table_that_lies_is_refused(
    desk: Desk, release: str, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    change, error = LIES[lie]
    insurer = desk.insurer
    honest = insurer.endpoint.fetch_table
    monkeypatch.setattr(insurer.endpoint, "fetch_table", lambda *args, **more: change(honest(*args, **more)))
    with pytest.raises(error):
        insurer.fetch_table(desk.authorization, release)


PAYLOADS: dict[str, Any] = {
    "no report": {"format": "json", "table": "e30="},
    "another report": {"format": "json", "table": "e30=", "report": {"cells": 9}},
    "a report of another kind": {"format": "json", "table": "e30=", "report": 7},
    "an unknown format": {"format": "xlsx", "table": "e30=", "report": {"cells": 1}},
    "no text": {"format": "csv", "table": "/w==", "report": {"cells": 1}},
    "no base64": {"format": "json", "table": "{}", "report": {"cells": 1}},
    "one member more": {"format": "json", "table": "e30=", "report": {"cells": 1}, "rows": []},
}


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_is_sealed_must_be_a_table_with_the_report_the_gate_signed(
    desk: Desk, release: str, monkeypatch: pytest.MonkeyPatch, payload: str
) -> None:
    insurer = desk.insurer
    found = insurer.endpoint.fetch_table(desk.authorization, release)
    said = TableRelease.read(found.release)
    sealed = seal(SEALING_KEY.public, canonical(PAYLOADS[payload]), info=table_info(said.run, "insurer"))
    lie = resigned(
        found,
        report=digest({"cells": 1}),
        sealed=said.sealed.model_dump() | {"sha256": hashlib.sha256(sealed).hexdigest(), "size": len(sealed)},
    )
    monkeypatch.setattr(
        "sandbox.client.tables.checked_release", lambda envelope, *_: TableRelease.read(envelope)
    )
    monkeypatch.setattr(insurer.endpoint, "fetch_table", lambda *_, **__: replace(lie, sealed=sealed))
    with pytest.raises(ReleaseRefused):
        insurer.fetch_table(desk.authorization, release)


def test_no_two_bindings_of_tables_share_an_info() -> None:
    run, other = "00" * 32, "01" * 32
    infos = [
        make(r, receiver)
        for make in (table_info, table_review_info)
        for r in (run, other)
        for receiver in ("insurer", "examiner")
    ]
    assert len(set(infos)) == len(infos)
    assert table_info(run, "insurer") == b"domicile-table/1\0" + bytes(32) + b"\0insurer"
    assert table_review_info(run, "examiner") == b"domicile-table-review/1\0" + bytes(32) + b"\0examiner"


def test_arrow_bytes_are_no_text() -> None:
    table = OpenedTable("ab" * 32, ResultFormat.ARROW, b"\xff", {})
    with pytest.raises(InputMalformed, match="arrow"):
        _ = table.text


def test_reviewers_see_their_copies_say_their_word_and_the_table_leaves(desk: Desk) -> None:
    desk.cast.gate.reviewers = ("enclave-hospital", "examiner")
    job = desk.ask()
    release = desk.release_of(job)
    examiner, hospital, enclave = map(desk.reviewer, ("examiner", "hospital", "enclave-hospital"))
    waiting = [one for one in examiner.outputs() if one.waits]
    assert [(one.digest, one.reviews) for one in waiting] == [(release, ())]
    assert [one.digest for one in hospital.outputs() if one.waits] == [release]
    assert desk.reviewer("social").outputs() == []
    copies = [examiner.copy(release), enclave.copy(release)]
    assert copies[0].table == copies[1].table
    assert copies[0].receipt is None
    hospital.post_review(release, Finding.APPROVE, REASON)
    (one,) = [one for one in examiner.outputs() if one.digest == release]
    assert [(said.reviewer, said.finding) for said in one.reviews] == [("hospital", Finding.APPROVE)]
    examiner.post_review(release, Finding.APPROVE, REASON)
    desk.cast.play(lambda: desk.site.endpoint("partner").job(job).state == "done")
    assert desk.insurer.fetch_table(desk.authorization, release).table == copies[0].table
    (one,) = [one for one in examiner.outputs() if one.digest == release]
    assert (one.state, one.waits) == ("done", False)


def test_a_reviewers_copy_is_opened_where_its_key_lies(desk: Desk) -> None:
    desk.cast.gate.reviewers = ("enclave-hospital", "examiner")
    release = desk.release_of(desk.ask())
    for name in ("hospital", "social", "enclave-social"):
        with pytest.raises(InputMalformed, match="copy sealed to"):
            desk.reviewer(name).copy(release)
    with pytest.raises(InputMalformed, match="role"):
        Reviewer(desk.site.endpoint("insurer"), keys("insurer"))
    with pytest.raises(Refused):
        desk.reviewer("enclave-hospital").post_review(release, Finding.APPROVE, REASON)
    with pytest.raises(NotFound):
        desk.reviewer("examiner").post_review("ab" * 32, Finding.APPROVE, REASON)


def test_a_copy_that_is_not_the_released_one_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.cast.gate.reviewers = ("enclave-hospital", "examiner")
    release = desk.release_of(desk.ask())
    examiner = desk.reviewer("examiner")
    honest = examiner.endpoint.get_attachment
    monkeypatch.setattr(examiner.endpoint, "get_attachment", lambda sha256: flipped(honest(sha256)))
    with pytest.raises(ReleaseRefused):
        examiner.copy(release)


def test_a_refused_statement_is_told_to_the_submitter(desk: Desk) -> None:
    query = desk.partner.submit_query(desk.questions.query("hospital", sql="SELECT MAX(cost) FROM visits"))
    with pytest.raises(Refused) as refused:
        desk.partner.submit_aggregate_job(
            desk.questions.scenario.digest,
            authorization=desk.authorization,
            query=query,
            recipient="insurer",
        )
    told = refused.value.problem.query
    assert {reason.department for reason in told} == {"hospital"}
    assert {reason.text("zh") for reason in told} != {reason.text("en") for reason in told}


def test_values_no_parameter_can_have_are_malformed(desk: Desk) -> None:
    with pytest.raises(InputMalformed, match="parameters"):
        desk.partner.submit_aggregate_job(
            desk.questions.scenario.digest,
            authorization=desk.authorization,
            query="ab" * 32,
            recipient="insurer",
            parameters={"No Name": "x"},
        )


def test_an_answer_without_its_members_is_not_believed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = desk.site.endpoint("insurer")
    monkeypatch.setattr(endpoint, "post_json", lambda *_, **__: {"sealed": base64.b64encode(b"x").decode()})
    with pytest.raises(Exception, match="answer") as raised:
        endpoint.fetch_table("ab" * 32, "ab" * 32)
    assert not isinstance(raised.value, (KeyError, TypeError, Malformed))
