"""The coordinator leads a run that recovers: whom it announces, how many it waits for, and what no longer ends the run."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from enclaves.transport.mailbox import Message
from enclaves.transport.problem import ProblemRaised
from policies.documents import envelope as dsse
from policies.documents.envelope import Envelope
from policies.documents.run import Contribution
from policies.documents.survivors import Agreement, Survivors, Unmasking
from policies.documents.trust import Role
from tests.sandbox import asking, doubles, kit
from tests.sandbox.asking import Questions, agree_on_queries, post_query
from tests.sandbox.doubles import Cast, EnclaveDouble, cosign_latest
from tests.sandbox.inside import Inside, inside
from tests.sandbox.kit import key_of

FOUR = ("education", *kit.DEPARTMENTS)
ENCLAVES = tuple(f"enclave-{name}" for name in FOUR)
TIMEOUT_S = 30
SIGNATURE = base64.b64encode(bytes(64)).decode()


@dataclass
class Recovering(EnclaveDouble):
    """Says what a run that recovers asks for; `mute` are the topics it no longer answers."""

    mute: frozenset[str] = frozenset()
    survivors: dict[str, tuple[str, ...]] = field(default_factory=dict)
    transcripts: dict[str, str] = field(default_factory=dict)

    def handle(self, message: Message) -> None:
        if message.topic in self.mute:
            return
        super().handle(message)
        if message.topic == "bundles":
            self.transcripts[str(message.run)] = self.transcript
        elif message.topic == "survivors":
            envelope = dsse.from_json(message.body["survivors"])
            self.survivors[str(message.run)] = Survivors.read(envelope).survivors
            self.say("agreement", Agreement, message, signature=SIGNATURE)
        elif message.topic == "agreements" and message.run in self.survivors:
            self.say("unmasking", Unmasking, message, shares="c2hhcmVz")

    def say(self, topic: str, kind: type[Agreement | Unmasking], message: Message, **more: str) -> None:
        run = str(message.run)
        said = kind.from_body(
            {
                "id": f"{topic}-{self.name}",
                "run": run,
                "enclave": self.name,
                "transcript": self.transcripts[run],
                "survivors": list(self.survivors[run]),
                **more,
            }
        )
        self.send(run, topic, said.envelope(self.boot_key))

    def send(self, run: str, topic: str, envelope: Envelope) -> None:
        self.site.endpoint(self.name).send("coordinator", topic, {topic: envelope.to_json()}, run=run)

    def lose(self, run: str, code: str = "session_lost") -> None:
        text: Any = {"zh": "不", "en": "no"}
        body = {"code": code, "policy": "p", "reason": text, "change": text, "where": "run"}
        self.site.endpoint(self.name).send("coordinator", "refusal", body, run=run)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """A district of four departments; the fourth is no witness."""
    parties = (*kit.PARTIES, ("education", Role.DEPARTMENT, None), (ENCLAVES[0], Role.ENCLAVE, "education"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kit, "PARTIES", parties)
        for module in (asking, doubles):
            patch.setattr(module, "DEPARTMENTS", FOUR)
        patch.setattr(asking, "AGREED", (*FOUR, "agency", "operator", "partner"))
        with inside(Path(tmp_path_factory.mktemp("surviving"))) as site:
            yield site


@pytest.fixture(scope="module")
def questions(site: Inside) -> Questions:
    return agree_on_queries(site)


@pytest.fixture
def cast(site: Inside) -> Cast:
    cast = Cast(site)
    cast.enclaves = [Recovering(site, name) for name in ENCLAVES]
    for member in (*cast.enclaves, cast.gate):
        while page := site.endpoint(member.name).receive(member.seen):
            member.seen = page[-1].seq
        if member.name in kit.WITNESSES:
            cosign_latest(site, member.name)
    return cast


def submitted(site: Inside, questions: Questions) -> str:
    query = post_query(site, questions.query(*FOUR))
    job = questions.job(query)
    return site.endpoint("partner").submit_job(job.envelope(key_of("partner")), scenario=job.scenario).job


def state(site: Inside, digest: str) -> str:
    return site.endpoint("partner").job(digest).state


def play(site: Inside, cast: Cast, digest: str) -> None:
    """Everyone takes turns until nobody has anything to do."""
    while sum(double.turn() for double in (*cast.enclaves, cast.gate)):
        pass


def opened(cast: Cast) -> list[str]:
    """Whose contributions went to the gate last."""
    message = [m for m in cast.gate.heard if m.topic == "open"][-1]
    body: Any = message.body
    assert len(body["agreements"]) == len(body["unmaskings"]) == 3
    return sorted(Contribution.read(dsse.from_json(item)).enclave for item in body["contributions"])


def double(cast: Cast, place: int) -> Recovering:
    found = cast.enclaves[place]
    assert isinstance(found, Recovering)
    return found


def test_all_contributions_are_survivors_and_three_of_four_suffice_to_help(
    site: Inside, questions: Questions, cast: Cast
) -> None:
    double(cast, 1).mute = frozenset({"survivors"})
    digest = submitted(site, questions)
    play(site, cast, digest)
    assert state(site, digest) == "done"
    assert opened(cast) == sorted(ENCLAVES)


def test_silence_after_the_shares_ends_with_the_others_when_the_time_is_up(
    site: Inside, questions: Questions, cast: Cast
) -> None:
    double(cast, 2).mute = frozenset({"transcripts"})
    digest = submitted(site, questions)
    play(site, cast, digest)
    assert state(site, digest) == "contributions"
    site.offset += TIMEOUT_S
    site.tick()
    assert state(site, digest) == "survivors"
    # What the one that is left out says from now on ends nothing.
    run = next(iter(double(cast, 2).plans))
    double(cast, 2).lose(run, code="query_timeout")
    play(site, cast, digest)
    assert (state(site, digest), site.endpoint("partner").job(digest).attempt) == ("done", 1)
    assert opened(cast) == sorted(set(ENCLAVES) - {ENCLAVES[2]})
    assert double(cast, 2).heard[-1].topic in {"abort", "log"}


def test_two_of_four_are_too_few_and_a_new_attempt_follows(
    site: Inside, questions: Questions, cast: Cast
) -> None:
    for place in (1, 2):
        double(cast, place).mute = frozenset({"transcripts"})
    digest = submitted(site, questions)
    play(site, cast, digest)
    site.offset += TIMEOUT_S
    site.tick()
    assert (state(site, digest), site.endpoint("partner").job(digest).attempt) == ("keys", 2)


def test_a_later_attempt_announces_whom_the_first_announced(
    site: Inside, questions: Questions, cast: Cast
) -> None:
    """Attack A10: with all four the second time, the difference would be the part of one."""
    double(cast, 2).mute = frozenset({"transcripts"})
    for place in (0, 1, 3):
        double(cast, place).mute = frozenset({"agreements"})
    digest = submitted(site, questions)
    play(site, cast, digest)
    site.offset += TIMEOUT_S
    site.tick()
    play(site, cast, digest)
    assert state(site, digest) == "unmasking"
    # One session is lost now, which others can make up for; that all stay silent they cannot.
    double(cast, 0).lose(next(iter(double(cast, 0).plans)))
    assert state(site, digest) == "unmasking"
    site.offset += TIMEOUT_S
    site.tick()
    for place in range(4):
        double(cast, place).mute = frozenset()
    play(site, cast, digest)
    assert (state(site, digest), site.endpoint("partner").job(digest).attempt) == ("done", 2)
    assert opened(cast) == sorted(set(ENCLAVES) - {ENCLAVES[2]})


def test_an_agreement_on_others_than_the_announced_is_refused(
    site: Inside, questions: Questions, cast: Cast
) -> None:
    double(cast, 0).mute = frozenset({"survivors"})
    digest = submitted(site, questions)
    play(site, cast, digest)
    run = next(iter(double(cast, 0).plans))
    said = Agreement(
        id="agreement-x",
        run=run,
        enclave=ENCLAVES[0],
        transcript=double(cast, 0).transcripts[run],
        survivors=tuple(sorted(ENCLAVES[:3])),
        signature=SIGNATURE,
    )
    with pytest.raises(ProblemRaised):
        double(cast, 0).send(run, "agreement", said.envelope(double(cast, 0).boot_key))
