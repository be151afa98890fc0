"""The signed line over real HTTP: what is tried again, what is believed, what is raised."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from enclaves.transport.endpoint import Endpoint, Malformed, NotFound, Refused, Unavailable
from enclaves.transport.errors import ResponseRefused, TransportError
from sandbox.founding import FoundedDistrict
from tests.enclaves.transport.little_coordinator import Declined, LittleCoordinator

Open = Callable[..., Endpoint]


def test_a_message_arrives_with_the_sender_that_signed(endpoint: Open) -> None:
    partner, insurer = endpoint("partner"), endpoint("insurer")

    seq = partner.send("insurer", "model-part", {"model": "x"}, attachments=["ab" * 32])
    (message,) = insurer.receive()

    assert (message.seq, message.sender, message.topic) == (seq, "partner", "model-part")
    assert message.body == {"model": "x"}
    assert message.attachments == ("ab" * 32,)
    assert message.run is None


@pytest.mark.parametrize("fault", ["drop", "gateway", "busy", "drop-answer"])
def test_a_lost_write_is_sent_again_with_its_key_and_a_new_nonce_and_happens_once(
    endpoint: Open, coordinator: LittleCoordinator, fault: str
) -> None:
    coordinator.faults[:] = [fault, fault]

    endpoint("partner").send("insurer", "model-part", {})

    assert len(coordinator.mail["insurer"]) == 1
    keys = {key for *_, key in coordinator.calls}
    nonces = [verified.nonce for _, _, verified, _ in coordinator.calls]
    assert len(keys) == 1
    assert len(set(nonces)) == len(nonces)


def test_two_writes_have_keys_of_their_own(endpoint: Open, coordinator: LittleCoordinator) -> None:
    partner = endpoint("partner")
    partner.send("insurer", "a", {})
    partner.send("insurer", "a", {})

    assert len(coordinator.mail["insurer"]) == 2


def test_tries_end_and_pauses_grow(endpoint: Open, coordinator: LittleCoordinator) -> None:
    pauses: list[float] = []
    coordinator.faults[:] = ["busy"] * 9

    with pytest.raises(Unavailable):
        endpoint("partner", pause=pauses.append, tries=4).receive()

    assert len(coordinator.faults) == 5
    assert len(pauses) == 3
    assert 0.05 <= pauses[0] <= 0.15
    assert 0.2 <= pauses[2] <= 0.6


def test_nobody_listening_is_unavailable(founded: FoundedDistrict) -> None:
    line = Endpoint(
        "http://127.0.0.1:9",
        party="partner",
        identity_key=founded.keys("partner").identity,
        trust=founded.trust,
        pause=lambda _: None,
        tries=2,
    )
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9"):
        line.receive()
    line.close()


def test_an_answer_changed_on_the_way_is_not_believed(endpoint: Open, coordinator: LittleCoordinator) -> None:
    coordinator.alter = lambda body: body.replace(b'"messages": []', b'"messages":[] ')

    with pytest.raises(ResponseRefused):
        endpoint("partner").receive()


def test_an_unsigned_answer_is_not_believed(endpoint: Open, coordinator: LittleCoordinator) -> None:
    coordinator.faults[:] = ["unsigned"]

    with pytest.raises(ResponseRefused):
        endpoint("partner").receive()


def test_an_answer_signed_by_another_key_is_not_believed(
    endpoint: Open, coordinator: LittleCoordinator
) -> None:
    coordinator.key = Ed25519PrivateKey.generate()

    with pytest.raises(ResponseRefused):
        endpoint("partner").receive()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("malformed", Malformed),
        ("idempotency_conflict", Malformed),
        ("request_replayed", Refused),
        ("consent_missing", Refused),
        ("not_found", NotFound),
        ("unavailable", Unavailable),
        ("fault", Unavailable),
    ],
)
def test_each_problem_is_raised_as_its_class(
    endpoint: Open, coordinator: LittleCoordinator, code: str, expected: type[Exception]
) -> None:
    def decline(*_: object) -> object:
        raise Declined(code)

    coordinator.routes[("GET", "/v1/mailbox")] = decline
    with pytest.raises(expected) as raised:
        endpoint("partner", tries=1).receive()
    assert raised.value.code == code  # type: ignore[attr-defined]  # a ProblemRaised


def test_a_denial_carries_policy_reason_change_and_place(
    endpoint: Open, coordinator: LittleCoordinator
) -> None:
    def decline(*_: object) -> object:
        raise Declined(
            "purpose_mismatch",
            policy="p-7",
            reason={"zh": "用途不符", "en": "another purpose"},
            change={"zh": "改用途", "en": "repeat the purpose"},
            where="job.purpose",
        )

    coordinator.routes[("GET", "/v1/mailbox")] = decline
    with pytest.raises(Refused) as raised:
        endpoint("partner").receive()
    problem = raised.value.problem
    assert (problem.policy, problem.where) == ("p-7", "job.purpose")
    assert problem.text("zh") == "用途不符"
    assert problem.change["en"] == "repeat the purpose"


def test_a_wrong_clock_is_refused_and_says_so(endpoint: Open) -> None:
    line = endpoint("partner", clock=lambda: datetime.now(UTC) - timedelta(minutes=10))

    # The refusal is signed by a clock ten minutes ahead: neither side believes the other.
    with pytest.raises(ResponseRefused, match="clocks"):
        line.receive()


def test_a_key_that_is_not_the_partys_is_refused_at_the_start(founded: FoundedDistrict) -> None:
    with pytest.raises(TransportError, match="pins"):
        Endpoint(
            "http://127.0.0.1:9",
            party="partner",
            identity_key=founded.keys("insurer").identity,
            trust=founded.trust,
        )
    with pytest.raises(TransportError, match="pins"):
        Endpoint(
            "http://127.0.0.1:9",
            party="nobody",
            identity_key=founded.keys("insurer").identity,
            trust=founded.trust,
        )
