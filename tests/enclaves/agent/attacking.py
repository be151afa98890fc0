"""Mutants of one message: what a hostile coordinator, partner, consent service or fellow enclave might send in its place."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from enclaves.transport.mailbox import Message
from policies.documents import envelope as dsse
from policies.documents.envelope import Envelope, EnvelopeRefused
from policies.documents.job import Plan
from policies.documents.strict_json import JsonRefused
from policies.errors import PolicyError
from tests.enclaves.agent.district import District
from tests.enclaves.agent.fuzzed import Fuzzed, State, raw_item
from tests.enclaves.worker.domain import part
from tests.fuzzing.json_mutants import mutated
from tests.fuzzing.meaning import Keys, Meaning

Item = dict[str, Any]
TOPICS = [
    "log",
    "consent",
    "withdrawal",
    "model-part",
    "plan",
    "bundles",
    "transcripts",
    "abort",
    "open",
    "outcome",
    "he-key-request",
    "he-key",
    "bundle",
    "transcript",
    "contribution",
    "metrics",
    "release",
    "handover",
    "refusal",
    "nonsense",
]

# What the signer of a document may say otherwise without contradicting anybody: a run of its own, keys and lists of its own.
FREE = {
    "plan": {"id", "attempt", "expires_at"},
    "bundle": {"id", "ephemeral_key", "accepts"},
    "transcript": {"id"},
    "revocation": {"id", "at", "reason", "digests"},
    "contribution": {"id", "permit", "vectors", "receiver_key", "commitment", "cells"},
}


@dataclass
class Attacker:
    """`count` mutants before each message; `tables` says whether the run releases one, `heard` is what was delivered."""

    district: District
    chance: random.Random
    count: int
    tables: bool = False
    heard: list[Item] = field(default_factory=list)

    def attack(self, fuzzed: Fuzzed, message: Message) -> None:
        """All mutants of `message`, the honest one not yet delivered."""
        honest = raw_item(message)
        keys = self._keys()
        meant = keys.meaning(self._plain(honest))
        before, restore = fuzzed.state(), fuzzed.save()
        for number in range(self.count):
            if number % 5 == 4:
                self._signed(fuzzed, honest, before=before, restore=restore)
                continue
            if number % 11 == 10 and self._tampered(fuzzed, honest, before=before, restore=restore):
                continue
            mutant = self._mutant(honest, keys, meant)
            fuzzed.attack(
                mutant,
                f"{message.topic} to {fuzzed.party}",
                before=before,
                restore=restore,
                excused=self._excused,
            )
        self.heard.append(honest)

    # Without anybody's key

    def _mutant(self, honest: Item, keys: Keys, meant: Meaning | None) -> Any:
        while True:
            mutant = self._drawn(honest)
            if meant is None or keys.meaning(self._plain(mutant)) != meant:
                return mutant

    def _plain(self, item: Any) -> Any:
        """Reviews are read of tables alone: what else comes with an outcome says nothing."""
        if self.tables or not isinstance(item, dict) or item.get("topic") != "outcome":
            return item
        body = item.get("body")
        return {**item, "body": {**body, "reviews": []}} if isinstance(body, dict) else item

    def _drawn(self, honest: Item) -> Any:
        chance, item = self.chance, copy.deepcopy(honest)
        match chance.randrange(10):
            case 0 if self.heard:
                return copy.deepcopy(chance.choice(self.heard))
            case 1 if self.heard:
                # An earlier message under the run of this one, or this one's members from an earlier message.
                other = copy.deepcopy(chance.choice(self.heard))
                for member in chance.sample(
                    ["sender", "topic", "run", "body", "attachments"], chance.randint(1, 3)
                ):
                    item[member] = other[member]
                return item
            case 2:
                item["sender"] = chance.choice([*self.district.parties, "nobody", ""])
                return item
            case 3:
                item["topic"] = chance.choice(TOPICS)
                return item
            case 4:
                digests = list(self.district.relay.attachments)
                item["attachments"] = chance.choices(
                    [*digests, "0" * 64, *item["attachments"]], k=chance.randint(0, 3)
                )
                return item
            case 5:
                run = item["run"] or "ab" * 32
                item["run"] = chance.choice(
                    [None, "", run.upper(), run[:-2], run + "00", "0" * 64, "zz", run[::-1]]
                )
                return item
            case _:
                return mutated(item, chance, pool=self.heard[-8:])

    # With a key

    def _signed(self, fuzzed: Fuzzed, honest: Item, *, before: State, restore: Callable[[], None]) -> None:
        """Documents altered and signed anew, by whoever signs such documents or by somebody else."""
        item = copy.deepcopy(honest)
        chosen = [at for at in self._envelopes(item) if self.chance.random() < 0.7]
        changed = [self._resigned(at) for at in chosen]
        plan = item["body"].get("plan") if isinstance(item["body"], dict) else None
        if plan is not None and any(kind == "plan" for kind, *_ in changed):
            with suppress(PolicyError):
                item["run"] = Plan.read(dsse.from_json(plan)).sid.hex()

        def excused(item: Any, before: State, after: State) -> bool:
            return self._excused(item, before, after) or all(
                rightly and fields <= FREE.get(kind, set()) for kind, fields, rightly in changed
            )

        if changed and any(fields for _, fields, _ in changed):
            fuzzed.attack(
                item,
                f"signed {honest['topic']} to {fuzzed.party}",
                before=before,
                restore=restore,
                excused=excused,
            )

    def _resigned(self, holder: Item) -> tuple[str, set[str], bool]:
        """Replace the envelope in `holder` in place: its kind, which members differ, whether the right key signed it."""
        read = dsse.from_json(holder)
        body = json.loads(read.body)
        drawn = mutated(body, self.chance, edits=1)
        new: Item = drawn if isinstance(drawn, dict) else {}
        right, key = self._signer(read.kind, body)
        rightly = self.chance.random() < 0.8
        if not rightly:
            key = self.district.parties[self.chance.choice(sorted(self.district.parties))].identity
        try:
            made = dsse.sign(read.kind, new, key)
        except (JsonRefused, EnvelopeRefused):
            made = Envelope(read.payload_type, read.body[:-1]).signed_by(key)
            new = {}
        holder.clear()
        holder.update(made.to_json())
        fields = {name for name in {*body, *new} if body.get(name, "-") != new.get(name, "-")}
        return read.kind, fields, rightly and right

    def _signer(self, kind: str, body: Item) -> tuple[bool, Ed25519PrivateKey]:
        """Who signs such a document; the boot key of a fellow enclave, never the own one of the process under fuzz."""
        who = {"plan": "coordinator", "he-key": "gate", "consent": "consents", "revocation": "consents"}.get(
            kind
        )
        if who is None and str(body.get("enclave", "")).removeprefix("enclave-") in self.district.domains:
            boot = self.district.domains[str(body["enclave"]).removeprefix("enclave-")].house.boot
            return True, boot.private
        return who is not None, self.district.parties[who or "partner"].identity

    def _envelopes(self, value: Any) -> Iterator[Item]:
        if isinstance(value, dict):
            if "payloadType" in value:
                yield value
            else:
                for inner in value.values():
                    yield from self._envelopes(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from self._envelopes(inner)

    # What the coordinator stores

    def _tampered(self, fuzzed: Fuzzed, honest: Item, *, before: State, restore: Callable[[], None]) -> bool:
        """The honest message, while the coordinator serves other bytes for what it names and the process must read."""
        named = self._read_at(fuzzed, honest)
        if not named:
            return False
        digest = self.chance.choice(named)
        with self._served_otherwise(digest):
            fuzzed.attack(
                honest, f"tampered {honest['topic']} to {fuzzed.party}", before=before, restore=restore
            )
        return True

    def _read_at(self, fuzzed: Fuzzed, honest: Item) -> list[str]:
        """Digests of what the process has to fetch before it may accept the message."""
        body, topic = honest["body"], honest["topic"]
        if topic in {"consent", "model-part"}:
            return [*honest["attachments"], *([body["model"]] if topic == "model-part" else [])]
        if topic == "plan" and fuzzed.party != "gate":
            plan = Plan.read(dsse.from_json(body["plan"]))
            found = [plan.job, plan.scenario, plan.authorization, plan.model, plan.query]
            if plan.encryption is not None:
                own = fuzzed.party.removeprefix("enclave-")
                found += [plan.encryption.key]
                found += [each.digest for each in plan.encryption.weights if each.department == own]
            if plan.subjects is not None:
                found.append(plan.subjects.sha256)
            if plan.he_key is not None:
                found.append(json.loads(dsse.from_json(body["he_key"]).body)["context"])
            return [digest for digest in found if digest is not None]
        if topic == "transcripts":
            bundles = self.district.relay.said("bundle", honest["run"])
            others = [m for m in bundles if m.sender != fuzzed.party]
            return [json.loads(dsse.from_json(m.body["bundle"]).body)["accepts"] for m in others]
        if topic == "open":
            contributions = [json.loads(dsse.from_json(each).body) for each in body["contributions"]]
            return [digest for each in contributions for digest in each["vectors"]]
        return []

    @contextmanager
    def _served_otherwise(self, digest: str) -> Iterator[None]:
        relay, chance = self.district.relay, self.chance
        documents, attachments = dict(relay.documents), dict(relay.attachments)
        if digest in documents:
            held = documents[digest]
            other = documents[chance.choice(sorted(set(documents) - {digest}))]
            relay.documents[digest] = chance.choice(
                [
                    Envelope(held.payload_type, held.body),
                    other,
                    Envelope(other.payload_type, held.body, held.signatures),
                    Envelope(held.payload_type, held.body + b" ", held.signatures),
                    Envelope(held.payload_type, held.body[:-1], held.signatures),
                ]
            )
        else:
            data, readers = attachments[digest]
            at = chance.randrange(len(data) or 1)
            swapped = attachments[chance.choice(sorted(set(attachments) - {digest}))][0]
            choices = [
                data[:at],
                data + b"\0",
                data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :],
                b"",
                swapped,
            ]
            relay.attachments[digest] = (chance.choice([c for c in choices if c != data]), set(readers))
        try:
            yield
        finally:
            relay.documents, relay.attachments = documents, attachments

    # The reference

    def _excused(self, item: Any, before: State, after: State) -> bool:
        """What anybody may send: the same part under another seal. What a coordinator may ask: keys for an attempt at a known
        job; a note of where it says an outcome stands."""
        changed = {name for name in after.tables if after.tables[name] != before.tables[name]}
        if item["topic"] == "model-part" and changed == {"parts"}:
            house, model = self.district.domains["hospital"].house, self.district.model
            return house.parts.open(model.digest, model).part == part("hospital")
        if item["topic"] == "paillier-key-request" and item.get("sender") in {"coordinator", "examiner"}:
            # Either may ask for the key of a model that stands; it is made once.
            return item["body"]["model"] in self.district.relay.documents and changed <= {"paillier_keys"}
        if item.get("sender") != "coordinator":
            return False
        if item["topic"] == "he-key-request":
            body = item["body"]
            return (
                body["job"] in self.district.relay.documents
                and type(body["attempt"]) is int
                and 1 <= body["attempt"] <= 16
                and after.tables == before.tables
                and all(said[1] == "he-key" for said in after.said if said not in before.said)
            )
        return item["topic"] == "outcome" and changed == {"outcomes"} and after.said == before.said

    def _keys(self) -> Keys:
        houses = [domain.house for domain in self.district.domains.values()]
        private = [party.identity for party in self.district.parties.values()] + [
            h.boot.private for h in houses
        ]
        return Keys(key.public_key().public_bytes_raw() for key in private)
