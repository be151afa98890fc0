"""Whole sessions in one process: real parties, a real gate, a scripted coordinator, and an observer who sees everything.

A session is one seed. The seed fixes roster, inputs, noise, who crashes and when, and every draw of a party; sealing to the
gate alone is not replayed (HPKE draws for itself), and nothing depends on its bytes. The coordinator is honest here; `mischief`
has the others. It may do whatever it likes with what passes through it, and owns the signing keys of the `colluders`.

What the observer holds against every session, whoever coordinates: an opened total is the exact sum of the vectors of the
survivors it names, at least t of them; nobody masks twice under one sid; and no honest party's self mask and mask seed
were both given away by t parties, colluders counted as if they had given away everything.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from enclaves.protocols import ring, sealing
from enclaves.protocols.recovery import gate
from enclaves.protocols.recovery.bundles import Bundle
from enclaves.protocols.recovery.dealing import Dealing, SignedTranscript
from enclaves.protocols.recovery.errors import Reason, RecoveryRefused
from enclaves.protocols.recovery.gate import Evidence, Opened
from enclaves.protocols.recovery.inputs import Contribution
from enclaves.protocols.recovery.lanes import Lanes, decode_wide, encode_wide
from enclaves.protocols.recovery.party import Means, Party
from enclaves.protocols.recovery.session import Session
from enclaves.protocols.recovery.stages import GATE_STAGES, PARTY_STAGES
from enclaves.protocols.recovery.survivors import Agreement
from enclaves.protocols.recovery.unmasking import Answer
from policies.keys import IdentityKey, public_key
from policies.recovery import threshold

GATE_KEY = sealing.SealingKey(hashlib.sha256(b"gate").digest())
GATE_PUBLIC = GATE_KEY.public
Plan = dict[str, object]


class Verdict(Enum):
    """How a session ended."""

    EXACT = "the gate opened the sum of the survivors"
    REFUSED = "nothing was opened, and somebody said why"


class StageRefused(Exception):
    """The session table does not allow the stage."""


class Table:
    """The session table of one process; it outlives the process."""

    def __init__(self, transitions: Mapping[str, frozenset[str]]) -> None:
        self.transitions = transitions
        self.stages: dict[bytes, str] = {}

    def begin(self, sid: bytes) -> None:
        if sid in self.stages:
            raise StageRefused("known sid")
        self.stages[sid] = "planned"

    def move(self, sid: bytes, stage: str, /) -> None:
        if stage not in self.transitions[self.stages[sid]]:
            raise StageRefused(stage)
        self.stages[sid] = str(stage)


@cache
def signing_key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"boot" + name.encode()).digest())


@cache
def boot_key(name: str) -> IdentityKey:
    return public_key(signing_key(name))


def names(parties: int) -> tuple[str, ...]:
    return tuple(f"enclave-{number:02d}" for number in range(parties))


def seal_to_gate(plain: bytes, info: bytes) -> bytes:
    return sealing.seal(GATE_PUBLIC, plain, info=info)


def open_at_gate(sealed: bytes, info: bytes) -> bytes:
    return sealing.open_sealed(GATE_KEY, sealed, info=info)


def sid_of(plan: Plan) -> bytes:
    """protocols.md section 2.3; compact JSON with sorted keys is JCS for these plans."""
    text = json.dumps(plan, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(b"domicile-secagg/1\0" + text.encode()).digest()


def session_of(plan: Plan) -> Session:
    roster = tuple(str(name) for name in plan["roster"])  # type: ignore[attr-defined]  # a list in every plan
    numbers = {key: int(str(plan[key])) for key in ("slots", "bound", "noise_tail", "lanes")}
    return Session(
        sid_of(plan),
        roster,
        numbers["slots"],
        numbers["bound"],
        numbers["noise_tail"],
        Lanes(numbers["lanes"]),
    )


@dataclass
class Seat:
    """One enclave's process: what it has on disk, and its party of the session while it lives."""

    name: str
    authorized: tuple[str, ...]
    draw: random.Random
    values: list[int]
    noise: list[int] | None
    table: Table = field(default_factory=lambda: Table(PARTY_STAGES))
    party: Party | None = None
    alive: bool = True
    masked: list[tuple[bytes, bytes]] = field(default_factory=list)

    def plan(self, plan: Plan) -> None:
        """R0, as far as it matters here: the roster is the authorized one, and the sid is new."""
        if plan["roster"] != list(self.authorized):
            raise RecoveryRefused(Reason.SESSION, "expected the authorized roster, got another")
        session = session_of(plan)
        self.table.begin(session.sid)
        self.party = self.fresh(session)

    def fresh(self, session: Session) -> Party:
        """A party in a process that has just started; the table is the old one."""
        means = Means(self.draw.randbytes, signing_key(self.name).sign, seal_to_gate, self.table)
        return Party(self.name, session, keys={name: boot_key(name) for name in session.roster}, means=means)

    def contribute(self, session: Session) -> Contribution:
        sent = self.running.contribute(
            encode(self.values, session.lanes),
            noise=None if self.noise is None else encode(self.noise, session.lanes),
        )
        self.masked.append((session.sid, sent.masked.tobytes()))
        return sent

    @property
    def running(self) -> Party:
        if self.party is None:
            raise StageRefused("no session")
        return self.party

    def expected(self) -> list[int]:
        """What this seat adds to the total."""
        return [v + z for v, z in zip(self.values, self.noise or [0] * len(self.values), strict=True)]


def encode(values: Sequence[int], lanes: Lanes) -> ring.Encoded:
    return encode_wide(values) if lanes is Lanes.TWO else ring.encode(np.array(values, dtype=np.int64))


def decode(total: ring.Total, lanes: Lanes) -> list[int]:
    return decode_wide(total) if lanes is Lanes.TWO else [int(v) for v in ring.decode(total)]


@dataclass
class World:
    """One session before it starts."""

    seed: int
    rng: random.Random
    plan: Plan
    seats: dict[str, Seat]
    colluders: frozenset[str]
    crashes: dict[str, str]
    """Who crashes, and before which step: `input`, `agree` or `unmask`."""
    gate_table: Table = field(default_factory=lambda: Table(GATE_STAGES))
    refusals: list[tuple[str, str]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    opened: list[Opened] = field(default_factory=list)

    @property
    def session(self) -> Session:
        return session_of(self.plan)

    @property
    def roster(self) -> tuple[str, ...]:
        return tuple(self.seats)

    @property
    def honest(self) -> list[str]:
        return [name for name in self.roster if name not in self.colluders]

    @property
    def needed(self) -> int:
        return threshold(len(self.seats))

    def sign(self, name: str, message: bytes) -> bytes:
        """The coordinator signs for colluders only."""
        if name not in self.colluders:
            raise AssertionError("the coordinator has no key of an honest party")
        return signing_key(name).sign(message)


def world_of(seed: int, *, parties: int | None = None, crashing: bool = True) -> World:
    """Roster sizes are mostly small, since a session of fifty costs as much as three hundred of four."""
    rng = random.Random(seed)
    usual = rng.choices((4, 5, 6, 7, rng.randint(8, 12)), (70, 20, 6, 3, 1))[0]
    n = parties or usual
    spare = n - threshold(n)
    lanes = rng.choice((Lanes.ONE, Lanes.ONE, Lanes.TWO))
    slots = rng.randint(1, 4)
    noise_tail = rng.choice((0, 40))
    room = (lanes.modulus // 2 - 1) // n - noise_tail
    bound = rng.choice((1, 1000, room))
    roster = names(n)
    plan: Plan = {
        "v": 1, "job": f"job-{seed}", "attempt": 1, "roster": list(roster), "n": n, "t": threshold(n), "slots": slots,
        "bound": bound, "noise_tail": noise_tail, "lanes": int(lanes),
    }  # fmt: skip
    seats = {
        name: Seat(
            name,
            roster,
            random.Random(f"{seed} {name}"),
            [rng.choice((-bound, bound, rng.randint(-bound, bound))) for _ in range(slots)],
            [rng.randint(-noise_tail, noise_tail) for _ in range(slots)] if noise_tail else None,
        )
        for name in roster
    }
    colluders = frozenset(rng.sample(roster, spare))
    crashing_names = rng.sample(roster, rng.randint(0, spare)) if crashing else []
    crashes = {name: rng.choice(("input", "agree", "unmask")) for name in crashing_names}
    return World(seed, rng, plan, seats, colluders, crashes)


class Coordinator:
    """Relays everything unchanged. Whoever inherits from it changes what it says at one hop or another."""

    crashing = True
    """Whether parties also crash by themselves in this script."""

    def __init__(self, world: World) -> None:
        self.world = world

    def plan(self, name: str, plan: Plan) -> Plan:
        return plan

    def bundles(self, name: str, items: list[Bundle]) -> list[Bundle]:
        return items

    def dealt(self, dealings: dict[str, Dealing]) -> None:
        """Sees all dealings before they are relayed; may change the dict."""

    def transcripts(self, name: str, items: list[SignedTranscript]) -> list[SignedTranscript]:
        return items

    def sealed(self, name: str, items: dict[str, bytes]) -> dict[str, bytes]:
        return items

    def before_input(self) -> None:
        """Whatever it wants to try before vectors are asked for."""

    def announced(self, name: str, survivors: tuple[str, ...]) -> Sequence[str]:
        return survivors

    def agreements(self, name: str, items: list[Agreement]) -> list[Agreement]:
        return items

    def evidence(self, given: Evidence) -> Evidence:
        return given

    def afterwards(self, given: Evidence) -> None:
        """Whatever it wants to try after the gate answered."""

    def attempt(self, name: str, act: object, *arguments: object) -> object | None:
        """Let a process do something, and note why it would not."""
        try:
            return act(*arguments)  # type: ignore[operator]  # a bound method of a party or a seat
        except RecoveryRefused as refused:
            self.world.refusals.append((name, refused.reason.value))
        except StageRefused:
            self.world.refusals.append((name, "table"))
        return None

    def alive(self) -> list[Seat]:
        return [seat for seat in self.world.seats.values() if seat.alive]

    def crash(self, moment: str) -> None:
        for name, when in self.world.crashes.items():
            if when == moment:
                self.world.seats[name].alive, self.world.seats[name].party = False, None

    def open(self, given: Evidence) -> None:
        """Hand evidence to the gate."""
        world = self.world
        opened = self.attempt("gate", self._open, given)
        if isinstance(opened, Opened):
            world.opened.append(opened)

    def _open(self, given: Evidence) -> Opened:
        world = self.world
        keys = {name: boot_key(name) for name in world.roster}
        return gate.open_sum(
            world.session, given, keys=keys, open_sealed=open_at_gate, stages=world.gate_table
        )

    def play(self) -> None:
        """One session from plan to sum. A party that refuses or crashes is silent afterwards."""
        world = self.world
        world.gate_table.begin(world.session.sid)
        for name, seat in world.seats.items():
            self.attempt(name, seat.plan, self.plan(name, dict(world.plan)))
        published = self._each("publish")
        bundles = [b for b in published.values() if isinstance(b, Bundle)]
        dealings = {
            name: sent
            for name, sent in self._each("deal", lambda name: (self.bundles(name, list(bundles)),)).items()
            if isinstance(sent, Dealing)
        }
        self.dealt(dealings)
        transcripts = [sent.transcript for sent in dealings.values()]
        self._each("accept", lambda name: (self.transcripts(name, list(transcripts)), self.sealed(name, {
            sender: sent.sealed[name] for sender, sent in dealings.items() if name in sent.sealed
        })))  # fmt: skip
        self.before_input()
        self.crash("input")
        contributions = [
            sent
            for seat in self.alive()
            if isinstance(sent := self.attempt(seat.name, seat.contribute, world.session), Contribution)
        ]
        survivors = tuple(sent.party for sent in contributions)
        self.crash("agree")
        agreements = [
            said
            for said in self._each("agree", lambda name: (self.announced(name, survivors),)).values()
            if isinstance(said, Agreement)
        ]
        self.crash("unmask")
        answers = [
            answer
            for answer in self._each(
                "unmask", lambda name: (self.agreements(name, list(agreements)),)
            ).values()
            if isinstance(answer, Answer)
        ]
        world.answers += answers
        given = Evidence(bundles, transcripts, contributions, survivors, agreements, answers)
        self.open(self.evidence(given))
        self.afterwards(given)

    def _each(self, step: str, arguments: object = lambda name: ()) -> dict[str, object | None]:
        """Every living party's answer to `step`."""
        said = {}
        for seat in self.alive():
            given = arguments(seat.name)  # type: ignore[operator]  # a function from a name to arguments
            said[seat.name] = self.attempt(seat.name, self._call, seat, step, given)
        return {name: what for name, what in said.items() if what is not None}

    @staticmethod
    def _call(seat: Seat, step: str, given: tuple[object, ...]) -> object:
        return getattr(seat.running, step)(*given)


def judge(world: World) -> Verdict:
    """What the observer says of a session that is over. Raises AssertionError where something must never happen."""
    where = f"seed {world.seed}"
    for opened in world.opened:
        assert len(opened.survivors) >= world.needed, where
        expected = [
            sum(column) for column in zip(*(world.seats[n].expected() for n in opened.survivors), strict=True)
        ]
        assert decode(opened.total, world.session.lanes) == expected, where
    assert len(world.opened) <= 1, where
    for seat in world.seats.values():
        sids = [sid for sid, _ in seat.masked]
        assert len(set(sids)) == len(sids), where
    check_shares(world)
    assert world.opened or world.refusals, where
    return Verdict.EXACT if world.opened else Verdict.REFUSED


def check_shares(world: World) -> None:
    """No honest party's two secrets were both given away by t parties."""
    own = {world.session.number(name) for name in world.colluders}
    for target in world.honest:
        masks = own | {a.of_self_masks[target].x for a in world.answers if target in a.of_self_masks}
        seeds = own | {a.of_mask_seeds[target].x for a in world.answers if target in a.of_mask_seeds}
        assert min(len(masks), len(seeds)) < world.needed, f"seed {world.seed}"


def resigned(world: World, name: str, item: Bundle) -> Bundle:
    """A colluder's bundle, signed anew after a change."""
    return replace(item, signature=world.sign(name, item.signed(world.session)))
