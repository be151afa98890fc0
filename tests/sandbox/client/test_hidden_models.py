"""A model for mode paillier goes to the examiner alone, and only if its digests give nothing away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from enclaves.transport.endpoint import Endpoint
from policies.documents.model import LinearPart, Model
from sandbox.client import Examiner, Partner
from sandbox.client.errors import InputMalformed, NothingYet
from tests.enclaves.transport.little_coordinator import LittleCoordinator
from tests.sandbox.client.paper import Signed, model, scenario

Open = Callable[[str], Endpoint]
HEAD, PARTS = model(scenario().digest)


@pytest.fixture
def partner(signed: Signed, endpoint: Open, coordinator: LittleCoordinator) -> Partner:
    envelope = signed.scenario()
    coordinator.documents[envelope.digest] = envelope
    return Partner(endpoint("partner"), signed.district.keys("partner"))


def hidden() -> tuple[Model, tuple[LinearPart, ...]]:
    parts = tuple(part.model_copy(update={"blind": "ab" * 32}) for part in PARTS)
    heads = [
        head.model_copy(update={"digest": part.digest}) for head, part in zip(HEAD.parts, parts, strict=True)
    ]
    return HEAD.model_copy(update={"parts": tuple(heads)}), parts


def test_hidden_parts_go_to_the_examiner_and_to_no_department(
    partner: Partner, signed: Signed, endpoint: Open, coordinator: LittleCoordinator, tmp_path: Path
) -> None:
    head, parts = hidden()
    digest = partner.seal_and_submit_model(head, parts, hidden=True)
    assert set(coordinator.mail) == {"examiner"}
    assert all(readers == {"partner", "examiner"} for _, readers in coordinator.attachments.values())
    examiner = Examiner(endpoint("examiner"), signed.district.keys("examiner"), folder=tmp_path)
    assert examiner.collect() == [digest]
    assert examiner.parts(digest) == list(parts)
    # The gate has not answered; nothing is encrypted under a key that nobody signed.
    with pytest.raises(NothingYet):
        examiner.encrypt(digest, seconds=0)
    assert [message["topic"] for message in coordinator.mail["gate"]] == ["paillier-key-request"]


def test_a_part_without_a_blind_or_beyond_its_ends_is_not_sent(
    partner: Partner, coordinator: LittleCoordinator
) -> None:
    with pytest.raises(InputMalformed, match="blind"):
        partner.seal_and_submit_model(HEAD, PARTS, hidden=True)
    head, parts = hidden()
    narrow = tuple(item.model_copy(update={"high": 40}) for item in head.parts)
    with pytest.raises(InputMalformed, match="not clipped"):
        partner.seal_and_submit_model(
            head.model_copy(update={"parts": narrow, "cut_points": (40, 80)}), parts, hidden=True
        )
    assert coordinator.mail == {}
