"""Mutated model parts in the examiner's mailbox: left aside, whatever they are made of, and the honest one still counts.

`make long` sends 3,000.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from enclaves.protocols.sealing import seal
from enclaves.transport.endpoint import Endpoint
from enclaves.transport.party import sealing_key
from enclaves.transport.sealed_mail import part_info
from policies.documents import strict_json
from policies.errors import PolicyError
from sandbox.client import Examiner, Partner
from tests.enclaves.protocols.mutating import mutants
from tests.enclaves.transport.little_coordinator import LittleCoordinator
from tests.fuzzing.json_mutants import mutated
from tests.sandbox.client.paper import Signed, model, scenario

Open = Callable[[str], Endpoint]
HEAD, PARTS = model(scenario().digest)
BODY = PARTS[1].to_body()
PLAIN = strict_json.canonical(BODY)


class Sender:
    """Puts messages straight into the examiner's mailbox, as a coordinator could, sealed as anybody could."""

    def __init__(self, signed: Signed, coordinator: LittleCoordinator, digest: str, *, seed: int) -> None:
        self._public = sealing_key(signed.district.trust.party("examiner"), "the examiner")
        self._coordinator, self._line = coordinator, coordinator.mail
        self._digest, self._chance = digest, random.Random(seed)

    def mail(self, line: Endpoint, data: bytes, item: dict[str, Any], *, torn: bool = False) -> None:
        """One message through the wire, and then changed where it lies, so that no client of ours has had its say."""
        sealed = seal(self._public, data, info=part_info(self._digest, "hospital", "examiner"))
        if torn:
            sealed = next(mutants(sealed, count=1, seed=self._chance.getrandbits(32)))
        attachment = line.put_attachment(sealed, audience=("examiner",))
        line.send("examiner", "model-part", {"model": self._digest}, attachments=(attachment,))
        kept = self._coordinator.mail["examiner"][-1]
        kept["body"] = item["body"]
        kept["attachments"] = [attachment if each == "this" else each for each in item["attachments"]]

    def mutant(self) -> tuple[bytes, dict[str, Any], bool]:
        chance = self._chance
        item: dict[str, Any] = {
            "body": {"model": self._digest, "department": "hospital"},
            "attachments": ["this"],
        }
        match chance.randrange(4):
            case 0:
                data = _canonical(mutated(BODY, chance))
                return (data, item, False) if data != PLAIN else (PLAIN, item, True)
            case 1:
                return next(mutants(PLAIN, count=1, seed=chance.getrandbits(32))), item, False
            case 2:
                return PLAIN, item, True
            case _:
                other = copy.deepcopy(item)
                while other == item:
                    body = mutated(item["body"], chance)
                    # What the client reads of an answer is an object; numbers beyond it are refused before.
                    other["body"] = body if _is_read(body) else {}
                    if chance.random() < 0.3:
                        other["attachments"] = chance.choice(([], ["0" * 64], ["0" * 64, "this"]))
                    if _says(other) == _says(item):
                        other = copy.deepcopy(item)
                return PLAIN, other, False


def _canonical(value: Any) -> bytes:
    try:
        return strict_json.canonical(value)
    except PolicyError:
        return b"[]"


def _is_read(body: Any) -> bool:
    try:
        return isinstance(
            strict_json.parse(strict_json.canonical({"messages": [{"body": body}]})), dict
        ) and isinstance(body, dict)
    except PolicyError:
        return False


def _says(item: dict[str, Any]) -> tuple[Any, ...]:
    """What the examiner reads of a message: other members say nothing."""
    return item["body"].get("model"), item["body"].get("department"), item["attachments"][:2]


@pytest.fixture
def play(
    signed: Signed, endpoint: Open, coordinator: LittleCoordinator, tmp_path: Path
) -> Callable[[int, int], None]:
    def run(count: int, seed: int) -> None:
        envelope = signed.scenario()
        coordinator.documents[envelope.digest] = envelope
        line = endpoint("partner")
        digest = Partner(line, signed.district.keys("partner")).submit_document(HEAD).digest
        examiner = Examiner(endpoint("examiner"), signed.district.keys("examiner"), folder=tmp_path)
        sender = Sender(signed, coordinator, digest, seed=seed)
        for _ in range(count):
            data, item, torn = sender.mutant()
            sender.mail(line, data, item, torn=torn)
            assert examiner.collect() == [], item
        assert [path.suffix for path in tmp_path.rglob("*.json*")] == []
        honest = {"body": {"model": digest, "department": "hospital"}, "attachments": ["this"]}
        sender.mail(line, PLAIN, honest)
        assert examiner.collect() == [digest]

    return run


def test_no_mutated_part_counts_at_the_examiner(play: Callable[[int, int], None]) -> None:
    play(80, 1)


@pytest.mark.long
def test_no_mutated_part_counts_at_the_examiner_in_three_thousand(play: Callable[[int, int], None]) -> None:
    play(3_000, 2)
