"""A delivered score counts only if it proves itself: every link of the chain is broken once."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from enclaves.transport.endpoint import Endpoint, FetchRefused, Refused
from policies.authorization import SignaturesMissing
from policies.documents.envelope import Envelope
from policies.documents.job import Delivery
from sandbox.client import Insurer
from sandbox.client.errors import InputMalformed, ReceiptRefused, ReleaseRefused
from sandbox.client.insurer import Score
from sandbox.client.receipts import ReceiptBook
from tests.enclaves.transport.little_coordinator import Declined, LittleCoordinator
from tests.sandbox.client.paper import SealedRun, Signed, receipt, sealed_run

Open = Callable[[str], Endpoint]
IDS = [bytes([number]) * 16 for number in range(1, 6)]
BANDS = [0, 1, 2, 1, 0]
WITHDRAWN = 3


class Shelf:
    """What the coordinator hands over; a test changes one thing of it."""

    def __init__(self, signed: Signed, run: SealedRun, coordinator: LittleCoordinator) -> None:
        self.signed, self.run, self.coordinator = signed, run, coordinator
        self.release = signed.by(run.release, "gate")
        self.receipt: Callable[[list[Delivery]], Envelope | None] = lambda found: receipt(signed, found)
        self.change: Callable[[dict[str, object]], dict[str, object]] = dict
        self.reorder = False
        coordinator.routes[("POST", "/v1/scores/fetch")] = self.fetch

    def put(self, envelope: Envelope) -> None:
        self.coordinator.documents[envelope.digest] = envelope

    def fetch(self, call: object) -> object:
        asked = call.json["consents"]  # type: ignore[attr-defined]  # a Call
        results: list[dict[str, object]] = []
        for consent in asked:
            slot = next((k for k, known in enumerate(IDS) if known.hex() == consent), None)
            if slot is None or slot == WITHDRAWN:
                if len(asked) == 1:
                    raise Declined("consent_withdrawn")
                results.append({"consent": consent, "status": "refused", "code": "consent_withdrawn"})
                continue
            found: dict[str, object] = {
                "consent": consent,
                "status": "sealed",
                "release": self.release.digest,
                "slot": slot,
                "sealed": base64.b64encode(self.run.slots[slot]).decode(),
                "proof": self.run.proof(slot),
            }
            results.append(self.change(found))
        deliveries = [
            Delivery(release=str(r["release"]), slot=int(str(r["slot"])))
            for r in results
            if int(str(r.get("slot", -1))) >= 0
        ]
        signed_receipt = self.receipt(deliveries) if deliveries else None
        return {
            "results": results[::-1] if self.reorder else results,
            "releases": {self.release.digest: self.release.to_json()},
            "receipt": signed_receipt.to_json() if signed_receipt else None,
        }


@pytest.fixture
def shelf(signed: Signed, coordinator: LittleCoordinator) -> Shelf:
    shelf = Shelf(signed, sealed_run(signed, IDS, BANDS, empty={WITHDRAWN}), coordinator)
    shelf.put(signed.scenario())
    shelf.put(signed.by(signed.authorization(), *SIGNED_BY))
    shelf.put(signed.by(signed.job(IDS), "partner"))
    subjects = b"".join(IDS)
    coordinator.attachments[signed.job(IDS).subjects.sha256] = (subjects, {"partner", "insurer"})
    return shelf


SIGNED_BY = ("health-insurance", "hospital", "social-insurance", "agency", "operator", "partner")


@pytest.fixture
def insurer(signed: Signed, endpoint: Open, shelf: Shelf) -> Insurer:
    return Insurer(endpoint("insurer"), signed.district.keys("insurer"))


def authorization(shelf: Shelf) -> str:
    return shelf.signed.authorization().digest


def all_ids() -> list[str]:
    return [consent.hex() for consent in IDS]


@pytest.mark.req("RQ-317")
def test_scores_come_in_the_order_asked_for_with_a_receipt(insurer: Insurer, shelf: Shelf) -> None:
    fetched = insurer.fetch(authorization(shelf), all_ids())

    bands = [result.band if isinstance(result, Score) else result.code for result in fetched.results]
    assert bands == [0, 1, 2, "consent_withdrawn", 0]
    assert fetched.refused == (FetchRefused(IDS[WITHDRAWN].hex(), "consent_withdrawn"),)
    assert [r.units for r in fetched.receipts] == [4]
    assert insurer.receipts.receipts == fetched.receipts
    assert {score.bands for score in fetched.scores} == {3}


def test_one_score_is_one_call_and_one_refusal_is_raised(insurer: Insurer, shelf: Shelf) -> None:
    assert insurer.fetch_one(authorization(shelf), IDS[2].hex()).band == 2

    with pytest.raises(Refused) as refused:
        insurer.fetch_one(authorization(shelf), IDS[WITHDRAWN].hex())
    assert refused.value.problem.code == "consent_withdrawn"


def flipped(text: object) -> str:
    data = bytearray(base64.b64decode(str(text)))
    data[0] ^= 1
    return base64.b64encode(bytes(data)).decode()


CHANGES: dict[str, Callable[[Shelf], object]] = {
    "sealed bytes": lambda s: setattr(s, "change", lambda r: r | {"sealed": flipped(r["sealed"])}),
    "proof": lambda s: setattr(s, "change", lambda r: r | {"proof": r["proof"][::-1]}),  # type: ignore[index]
    "proof cut": lambda s: setattr(s, "change", lambda r: r | {"proof": r["proof"][1:]}),  # type: ignore[index]
    # Another person's slot with all its own proofs: the gate signed it, but for somebody else.
    "another slot": lambda s: setattr(
        s,
        "change",
        lambda r: (
            r
            | {
                "slot": 2,
                "sealed": base64.b64encode(s.run.slots[2]).decode(),
                "proof": s.run.proof(2),
            }
        ),
    ),
    "slot outside": lambda s: setattr(s, "change", lambda r: r | {"slot": 7}),
    "negative slot": lambda s: setattr(s, "change", lambda r: r | {"slot": -1}),
    "answers swapped": lambda s: setattr(s, "reorder", True),
    "release unsigned": lambda s: setattr(s, "release", s.signed.by(s.run.release)),
    "release by the agency": lambda s: setattr(s, "release", s.signed.by(s.run.release, "agency")),
    "release of another authorization": lambda s: resign(s, authorization="ab" * 32),
    "release of another model": lambda s: resign(s, model="ab" * 32),
    "release to another recipient": lambda s: resign(s, recipient="partner"),
    "release to another key": lambda s: resign(s, recipient_sealing_key="ab" * 32),
    "release of another run": lambda s: resign(s, run="ab" * 32),
    "release with fewer bands": lambda s: resign(s, bands=2),
}


def resign(shelf: Shelf, **changed: object) -> None:
    """The gate signs another release: what a forged or mistaken one would look like."""
    shelf.release = shelf.signed.by(shelf.run.release.model_copy(update=changed), "gate")


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_score_that_does_not_prove_itself_is_refused(
    insurer: Insurer, shelf: Shelf, change: Callable[[Shelf], object]
) -> None:
    change(shelf)

    with pytest.raises(ReleaseRefused):
        insurer.fetch(authorization(shelf), [IDS[0].hex(), IDS[2].hex()])
    assert insurer.receipts.receipts == ()


def test_subjects_other_than_the_job_counts_are_refused(insurer: Insurer, shelf: Shelf) -> None:
    sha256 = shelf.signed.job(IDS).subjects.sha256
    shelf.coordinator.attachments[sha256] = (b"".join(IDS[::-1]), {"insurer"})

    with pytest.raises(Exception, match="attachment asked for"):
        insurer.fetch_one(authorization(shelf), IDS[0].hex())


def test_an_authorization_that_not_everybody_signed_delivers_nothing(insurer: Insurer, shelf: Shelf) -> None:
    shelf.put(shelf.signed.by(shelf.signed.authorization(), *SIGNED_BY[1:]))

    with pytest.raises(SignaturesMissing, match="health-insurance"):
        insurer.fetch_one(authorization(shelf), IDS[0].hex())


RECEIPTS: dict[str, dict[str, object]] = {
    "recipient": {"recipient": "partner"},
    "authorization": {"authorization": "ab" * 32},
    "more units": {"units": 9},
    "fewer units": {"units": 1},
    "deliveries": {"deliveries": "ab" * 32},
}


@pytest.mark.parametrize("changed", RECEIPTS.values(), ids=RECEIPTS.keys())
def test_a_receipt_of_something_else_is_refused(
    insurer: Insurer, shelf: Shelf, changed: dict[str, object]
) -> None:
    shelf.receipt = lambda found: receipt(shelf.signed, found, **changed)

    with pytest.raises(ReceiptRefused):
        insurer.fetch(authorization(shelf), all_ids()[:3])


def test_scores_without_a_receipt_are_refused(insurer: Insurer, shelf: Shelf) -> None:
    shelf.receipt = lambda _: None

    with pytest.raises(ReceiptRefused):
        insurer.fetch(authorization(shelf), all_ids())


def test_a_receipt_by_another_key_is_refused(insurer: Insurer, shelf: Shelf) -> None:
    honest = shelf.receipt
    shelf.receipt = lambda found: Envelope(
        (envelope := honest(found) or shelf.release).payload_type, envelope.body
    ).signed_by(shelf.signed.district.keys("operator").identity)

    with pytest.raises(ReceiptRefused):
        insurer.fetch(authorization(shelf), all_ids())


def test_receipts_survive_the_process(signed: Signed, endpoint: Open, shelf: Shelf, tmp_path: Path) -> None:
    path = tmp_path / "receipts.jsonl"
    one = Insurer(endpoint("insurer"), signed.district.keys("insurer"), receipts=ReceiptBook(path))
    one.fetch(authorization(shelf), all_ids())
    one.fetch_one(authorization(shelf), IDS[0].hex())

    assert [receipt.units for receipt in ReceiptBook(path).receipts] == [4, 1]


def test_only_an_insurer_fetches(signed: Signed, endpoint: Open) -> None:
    with pytest.raises(InputMalformed, match="role"):
        Insurer(endpoint("partner"), signed.district.keys("partner"))
