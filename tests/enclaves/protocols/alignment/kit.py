"""Persons who do not exist, randomness that repeats, and one driver that plays every party of an alignment."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from enclaves.protocols.alignment.batch import Batch
from enclaves.protocols.alignment.join import Delivered, deliver
from enclaves.protocols.alignment.payload import PayloadShape, Record
from enclaves.protocols.alignment.roster import Roster
from enclaves.protocols.alignment.scenario_key import RANDOM_BYTES, ScenarioKey
from enclaves.protocols.alignment.stages import bring, pass_on
from enclaves.protocols.alignment.transfer import open_batch, seal_batch
from enclaves.protocols.sealing import SealingKey
from policies.resident import ResidentId, check_character

COUNTY = "990000"
"""No county has this code."""
SID = hashlib.sha256(b"scenario of the tests").digest()
People = Sequence[tuple[ResidentId, Record]]


def person(number: int) -> ResidentId:
    """The `number`-th person of the county, from 0 to some millions."""
    day, order = divmod(number, 1000)
    born = date(1950, 1, 1) + timedelta(days=day)
    first = f"{COUNTY}{born:%Y%m%d}{order:03}"
    return ResidentId(first + check_character(first))


class Stream:
    """Uniform-looking bytes that depend on the seed only."""

    def __init__(self, seed: object) -> None:
        self._seed, self._calls = repr(seed).encode(), 0

    def __call__(self, count: int) -> bytes:
        self._calls += 1
        return hashlib.shake_256(self._seed + b"%d" % self._calls).digest(count)


@dataclass
class District:
    """All parties of one scenario. `log` holds what each batch's sender committed to; `wire` what the carrier saw."""

    shapes: Mapping[str, PayloadShape]
    sid: bytes = SID
    seed: object = 0
    keys: dict[str, ScenarioKey] = field(init=False)
    sealing: dict[str, SealingKey] = field(init=False)
    roster: Roster = field(init=False)
    wire: list[bytes] = field(default_factory=list)
    hops: dict[tuple[str, int], Batch] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = tuple(sorted(self.shapes))
        self.roster = Roster(self.sid, names, "gate")
        self.keys = {
            name: ScenarioKey(Stream((self.seed, name))(RANDOM_BYTES), sid=self.sid, department=name)
            for name in names
        }
        self.sealing = {
            name: SealingKey(hashlib.sha256(f"{self.seed}{name}".encode()).digest())
            for name in (*names, "gate")
        }

    def bring(self, department: str, people: People, *, salt: object = "bring") -> Batch:
        return bring(
            people,
            self.keys[department],
            roster=self.roster,
            shape=self.shapes[department],
            joiner=self.sealing["gate"].public,
            random_bytes=Stream((self.seed, department, salt)),
        )

    def pass_on(self, batch: Batch, department: str, *, salt: object = "pass") -> Batch:
        return pass_on(
            batch,
            self.keys[department],
            roster=self.roster,
            logged=batch.commitment,
            joiner=self.sealing["gate"].public,
            random_bytes=Stream((self.seed, department, batch.origin, salt)),
        )

    def carry(self, batch: Batch) -> Batch:
        """Seal, carry and open: the receiver's copy."""
        receiver = self.roster.holder(batch.origin, stage=batch.stage)
        sealed = seal_batch(batch, roster=self.roster, receiver=self.sealing[receiver].public)
        self.wire.append(sealed)
        return open_batch(
            sealed,
            roster=self.roster,
            origin=batch.origin,
            stage=batch.stage,
            private=self.sealing[receiver],
        )

    def way(self, department: str, people: People, *, salt: object = "run") -> Batch:
        """A department's set brought, and passed on by everybody, as the joiner receives it."""
        batch = self.carry(self.bring(department, people, salt=salt))
        self.hops[department, 1] = batch
        for name in self.roster.way(department)[1:]:
            batch = self.carry(self.pass_on(batch, name, salt=salt))
            self.hops[department, batch.stage] = batch
        return batch

    def deliver(self, batch: Batch) -> Delivered:
        return deliver(
            batch,
            self.sealing["gate"],
            roster=self.roster,
            logged=batch.commitment,
            shape=self.shapes[batch.origin],
        )

    def run(self, people: Mapping[str, People], *, salt: object = "run") -> list[Delivered]:
        return [self.deliver(self.way(name, people[name], salt=salt)) for name in self.roster.departments]
