"""Mutated messages to the coordinator's inbox: each is a problem of its own or changes nothing, and every job still ends.

The real application and database, whole jobs played by enclaves and a gate that speak the real documents. Before each
message to the coordinator come its mutants, sent by its sender or by another party, signed on the wire as the profile wants:
of structure, types, sizes, runs, senders, topics; replays; envelopes altered, or signed anew by whoever they are of.
`make long` sends 20,000; `DOMICILE_FUZZ_INBOX=2:4` takes only those stories.
"""

from __future__ import annotations

import copy
import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from enclaves.transport.endpoint import Endpoint
from policies.documents import envelope as dsse
from policies.documents.envelope import EnvelopeRefused
from policies.documents.strict_json import JsonRefused
from tests.fuzzing.json_mutants import encoded, mutated
from tests.fuzzing.meaning import Keys
from tests.fuzzing.slices import chosen
from tests.sandbox.asking import agree_on_queries, post_query
from tests.sandbox.doubles import Cast
from tests.sandbox.inside import Inside
from tests.sandbox.kit import DEPARTMENTS, PARTIES, key_of
from tests.sandbox.papers import agree, consents

Item = dict[str, Any]
KINDS = ("masked", "bfv", "vet", "aggregate")
STORIES, PER_MESSAGE = 5, 140
FIRST_SEED = 20_261_126
TOPICS = [
    "he-key",
    "bundle",
    "transcript",
    "contribution",
    "metrics",
    "release",
    "handover",
    "refusal",
    "plan",
    "open",
    "nonsense",
]
# What ties a document to its run: altered and signed anew by the right party, it is still another's.
BOUND = {
    "bundle": {"run", "enclave", "department", "boot"},
    "transcript": {"run", "enclave", "transcript"},
    "contribution": {"run", "enclave", "department"},
    "release": {"gate", "run", "job", "authorization", "model", "recipient", "recipient_sealing_key"},
    "table-release": {"gate", "run", "job", "authorization", "query", "recipient", "recipient_sealing_key"},
    "vet-bands": {"gate", "job", "model"},
    "he-key": {"gate", "job", "attempt"},
    "boot": {"party", "key"},
}
ANSWERED = frozenset({200, 201, 202, 400, 401, 403, 404, 409, 413, 422})


@dataclass
class Attacks:
    """Mutants of each message before it is sent; what was refused, what changed nothing, what should not have been."""

    site: Inside
    chance: random.Random
    count: int
    cast: Cast
    kind: str = ""
    tally: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    heard: list[Item] = field(default_factory=list)

    def listen(self) -> None:
        """From now on every message to the coordinator comes after its mutants."""
        for double in (*self.cast.enclaves, self.cast.gate):
            self._hook(double.name, self.site.endpoint(double.name))

    def _hook(self, name: str, endpoint: Endpoint) -> None:
        send = endpoint.send

        def attacked(to: str, topic: str, body: Mapping[str, Any], **more: Any) -> int:
            item = {
                "sender": name,
                "topic": topic,
                "run": more.get("run"),
                "body": copy.deepcopy(dict(body)),
                "attachments": list(more.get("attachments", ())),
            }
            self._attack(item)
            return send(to, topic, body, **more)

        setattr(endpoint, "send", attacked)  # noqa: B010 - the one method of one client

    def _attack(self, honest: Item) -> None:
        keys = self._keys()
        meant = keys.meaning(self._plain(honest))
        before = self.site.state()
        for number in range(self.count):
            item = self._signed(honest) if number % 4 == 3 else self._drawn(honest)
            if item is None or keys.meaning(self._plain(item)) == meant or self._refuses(item):
                continue
            before = self._judge(item, before)
        self.heard.append(honest)

    def _plain(self, item: Item) -> Item:
        """A vet job hands over no bytes: what else comes with the word says nothing."""
        return {**item, "attachments": []} if self.kind == "vet" and item.get("topic") == "handover" else item

    def _judge(self, item: Item, before: dict[str, Any]) -> dict[str, Any]:
        sender = item.get("sender")
        name = sender if isinstance(sender, str) and sender in {party for party, *_ in PARTIES} else "insurer"
        message = {member: value for member, value in item.items() if member != "sender"}
        answer = self.site.ask(name, "POST", "/v1/mailboxes/coordinator", encoded(message))
        self.tally[str(answer.status_code)] += 1
        after = self.site.state()
        kept = {"answers"} if answer.status_code >= 400 else {"answers", "messages"}
        changed = {table for table in after if after[table] != before[table]} - kept
        if answer.status_code not in ANSWERED or changed:
            self.findings.append(
                f"{answer.status_code} {answer.text[:200]} {sorted(changed)}: {str(item)[:3000]}"
            )
        elif answer.status_code >= 400:
            problem = answer.json()
            if (
                not re.fullmatch("[a-z][a-z0-9_]*", problem["code"])
                or problem["status"] != answer.status_code
            ):
                self.findings.append(f"no problem: {answer.text[:300]}")
        return after

    # Mutants

    def _drawn(self, honest: Item) -> Item | None:
        chance, item = self.chance, copy.deepcopy(honest)
        match chance.randrange(9):
            case 0:
                item["sender"] = chance.choice([party for party, *_ in PARTIES])
            case 1:
                item["topic"] = chance.choice(TOPICS)
            case 2:
                item["run"] = chance.choice(self._runs(item))
            case 3 if self.heard:
                return copy.deepcopy(chance.choice(self.heard))
            case 4 if self.heard:
                other = copy.deepcopy(chance.choice(self.heard))
                for member in chance.sample(sorted(item), chance.randint(1, 3)):
                    item[member] = other[member]
            case 5:
                digests = [digest for each in self.heard for digest in each["attachments"]] + ["0" * 64]
                item["attachments"] = chance.choices(digests, k=chance.randint(0, 3))
            case _:
                sender = item.pop("sender")
                changed = mutated(item, chance, pool=self.heard[-6:])
                if not isinstance(changed, dict):
                    return None
                return {**changed, "sender": sender}
        return item

    def _runs(self, item: Item) -> list[Any]:
        run = item["run"] or "ab" * 32
        return [
            None,
            "",
            run.upper(),
            run[:-1],
            "0" * 64,
            run[::-1],
            7,
            *(each["run"] for each in self.heard),
        ]

    def _signed(self, honest: Item) -> Item | None:
        """A document altered where it is bound and signed anew by its own party, or not altered and signed by another."""
        item = copy.deepcopy(honest)
        holders = list(_envelopes(item["body"]))
        if not holders:
            return None
        holder = self.chance.choice(holders)
        read = dsse.from_json(holder)
        body = json.loads(read.body)
        key = self._signer(read.kind, item["sender"])
        if self.chance.random() < 0.3:
            key = key_of(
                self.chance.choice(
                    [p for p, *_ in PARTIES if key_of(p).private_bytes_raw() != key.private_bytes_raw()]
                )
            )
        else:
            drawn = mutated(body, self.chance, edits=1)
            body, old = drawn if isinstance(drawn, dict) else {}, body
            if not any(body.get(name) != old.get(name) for name in BOUND.get(read.kind, ())):
                return None
        try:
            made = dsse.sign(read.kind, body, key)
        except (JsonRefused, EnvelopeRefused):
            return None
        holder.clear()
        holder.update(made.to_json())
        return item

    def _signer(self, kind: str, sender: str) -> Ed25519PrivateKey:
        if kind in {"bundle", "transcript", "contribution"}:
            return next(double.boot_key for double in self.cast.enclaves if double.name == sender)
        return key_of(sender)

    def _refuses(self, item: Item) -> bool:
        """A refusal with any code by a party of the run is what it says, and ends the run: no mutant."""
        body = item.get("body")
        code = body.get("code") if isinstance(body, dict) else None
        return item.get("topic") == "refusal" and isinstance(code, str)

    def _keys(self) -> Keys:
        private = [key_of(party) for party, *_ in PARTIES] + [
            double.boot_key for double in self.cast.enclaves
        ]
        return Keys(key.public_key().public_bytes_raw() for key in private)


def _envelopes(value: Any) -> Iterator[Item]:
    if isinstance(value, dict):
        if "payloadType" in value:
            yield value
        else:
            for inner in value.values():
                yield from _envelopes(inner)


def play(folder: Path, *, kinds: Sequence[str], count: int, seed: int) -> Attacks:
    """One job of each kind, every one to its end."""
    site = Inside(folder)
    try:
        papers, questions = agree(site), agree_on_queries(site)
        cast = Cast(site).catch_up()
        attacks = Attacks(site, random.Random(seed), count, cast)
        attacks.listen()
        for kind in kinds:
            attacks.kind = kind
            if kind == "aggregate":
                query = post_query(site, questions.query(*DEPARTMENTS))
                digest = cast.run(questions.job(query), seconds=600)
            else:
                ids = [grant.id for grant in consents(site, papers, 4)]
                vet = (
                    {"job_kind": "vet", "authorization": None, "recipient": "examiner"}
                    if kind == "vet"
                    else {}
                )
                job = papers.job(ids, **({"mode": kind} if kind == "bfv" else vet))
                digest = cast.run(job, ids, seconds=600)
            status = site.endpoint("partner").job(digest)
            assert (status.state, status.attempt) == ("done", 1)
        print(dict(attacks.tally))
        for finding in attacks.findings[:5]:
            print(finding)
        assert len(attacks.findings) == 0
        return attacks
    finally:
        site.close()


def test_no_mutated_message_changes_a_job(tmp_path: Path) -> None:
    attacks = play(tmp_path, kinds=("masked", "aggregate"), count=8, seed=FIRST_SEED)
    assert sum(attacks.tally.values()) > 100


@pytest.mark.long
@pytest.mark.parametrize("number", chosen("DOMICILE_FUZZ_INBOX", STORIES))
def test_no_mutated_message_changes_a_job_in_twenty_thousand(tmp_path: Path, number: int) -> None:
    seed = FIRST_SEED + 1 + number
    attacks = play(tmp_path, kinds=KINDS, count=PER_MESSAGE, seed=seed)
    mutants = sum(attacks.tally.values())
    print(f"story {number} of {STORIES}, seed {seed}, {mutants} mutants")
    assert mutants >= 20_000 // STORIES
