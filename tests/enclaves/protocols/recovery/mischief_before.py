"""Scripts of a coordinator that misbehaves before vectors are sent: plans, keys, shares, transcripts (R0 to R2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from enclaves.protocols.recovery.bundles import Bundle, draw_secrets
from enclaves.protocols.recovery.dealing import Dealing, SignedTranscript, deal
from enclaves.protocols.recovery.gate import Evidence
from enclaves.protocols.recovery.survivors import Agreement
from enclaves.protocols.secagg import EphemeralKey
from tests.enclaves.protocols.recovery import simulator
from tests.enclaves.protocols.recovery.simulator import Coordinator, Plan


def flipped(data: bytes, at: int) -> bytes:
    """`data` with one bit changed."""
    at %= 8 * len(data)
    changed = bytearray(data)
    changed[at // 8] ^= 1 << at % 8
    return bytes(changed)


class Reorders(Coordinator):
    """Relays everything in another order to everybody."""

    def bundles(self, name: str, items: list[Bundle]) -> list[Bundle]:
        return self._shuffled(items)

    def transcripts(self, name: str, items: list[SignedTranscript]) -> list[SignedTranscript]:
        return self._shuffled(items)

    def agreements(self, name: str, items: list[Agreement]) -> list[Agreement]:
        return self._shuffled(items)

    def evidence(self, given: Evidence) -> Evidence:
        return Evidence(
            self._shuffled(given.bundles), self._shuffled(given.transcripts), self._shuffled(given.contributions),
            given.survivors, self._shuffled(given.agreements), self._shuffled(given.answers),
        )  # fmt: skip

    def _shuffled(self, items: Sequence) -> list:  # type: ignore[type-arg]  # of whatever kind
        return self.world.rng.sample(list(items), len(items))


class DropsTooMany(Coordinator):
    """More parties are gone before they send than the threshold allows."""

    def before_input(self) -> None:
        for name in self.world.rng.sample(self.world.roster, len(self.world.roster) - self.world.needed + 1):
            self.world.crashes[name] = "input"


class DuplicatesBundle(Coordinator):
    def bundles(self, name: str, items: list[Bundle]) -> list[Bundle]:
        return [*items, items[0]]


class OmitsBundle(Coordinator):
    def bundles(self, name: str, items: list[Bundle]) -> list[Bundle]:
        return items[:-1]


class SubstitutesKeys(Coordinator):
    """Own keys in an honest party's bundle, told to one of the others (attack A8)."""

    def bundles(self, name: str, items: list[Bundle]) -> list[Bundle]:
        own = EphemeralKey(self.world.rng.randbytes(32)).public
        target = self.world.honest[0]
        kind = "mask_key" if self.world.seed % 2 else "share_key"
        return [replace(b, **{kind: own}) if b.party == target != name else b for b in items]


class SubstitutesCommitment(Coordinator):
    def bundles(self, name: str, items: list[Bundle]) -> list[Bundle]:
        return [
            replace(b, self_commitment=flipped(b.self_commitment, 7)) if b is items[0] else b for b in items
        ]


class Equivocates(Coordinator):
    """A colluder signs a bundle for half of the parties and another for the rest."""

    def bundles(self, name: str, items: list[Bundle]) -> list[Bundle]:
        colluder = min(self.world.colluders)
        if self.world.honest.index(name) % 2 if name in self.world.honest else True:
            return items
        own = EphemeralKey(bytes([self.world.seed % 256]) * 31 + b"m").public
        return [
            simulator.resigned(self.world, colluder, replace(b, mask_key=own)) if b.party == colluder else b
            for b in items
        ]


class SmallOrderKey(Coordinator):
    """A colluder publishes a key with which everybody would derive the same secret."""

    def bundles(self, name: str, items: list[Bundle]) -> list[Bundle]:
        colluder, kind = min(self.world.colluders), "mask_key" if self.world.seed % 2 else "share_key"
        weak = b"\x01" + bytes(31)
        return [
            simulator.resigned(self.world, colluder, replace(b, **{kind: weak})) if b.party == colluder else b
            for b in items
        ]


class CopiesKey(Coordinator):
    """A colluder publishes an honest party's key as its own."""

    def bundles(self, name: str, items: list[Bundle]) -> list[Bundle]:
        colluder = min(self.world.colluders)
        copied = next(b.mask_key for b in items if b.party in self.world.honest)
        return [
            simulator.resigned(self.world, colluder, replace(b, mask_key=copied))
            if b.party == colluder
            else b
            for b in items
        ]


class SwapsShares(Coordinator):
    """What i sealed to j goes to k, and the other way round."""

    def dealt(self, dealings: dict[str, Dealing]) -> None:
        sender, one, other = self.world.rng.sample(self.world.roster, 3)
        sealed = dict(dealings[sender].sealed)
        sealed[one], sealed[other] = sealed[other], sealed[one]
        dealings[sender] = replace(dealings[sender], sealed=sealed)


class ReturnsShares(Coordinator):
    """What i sealed to j comes back to i as if j had sealed it."""

    def dealt(self, dealings: dict[str, Dealing]) -> None:
        one, other = self.world.rng.sample(self.world.roster, 2)
        sealed = {**dealings[other].sealed, one: dealings[one].sealed[other]}
        dealings[other] = replace(dealings[other], sealed=sealed)


class AltersShare(Coordinator):
    def sealed(self, name: str, items: dict[str, bytes]) -> dict[str, bytes]:
        sender = next(iter(items))
        return items | {sender: flipped(items[sender], self.world.rng.randrange(1 << 20))}


class OmitsShare(Coordinator):
    def sealed(self, name: str, items: dict[str, bytes]) -> dict[str, bytes]:
        return dict(list(items.items())[1:])


class DealsAnotherSecret(Coordinator):
    """A colluder deals shares of a secret it did not publish: its self mask or, announced as gone, its mask seed."""

    crashing = False
    kind = "self_mask"

    def dealt(self, dealings: dict[str, Dealing]) -> None:
        world, name = self.world, min(self.world.colluders)
        state = getattr(world.seats[name].party, "_state", None)
        if state is None:
            raise AssertionError("expected a colluder that has just dealt")
        secret = {"self_mask": state.masks.self_mask, self.kind: world.rng.randbytes(32)}
        drawn = replace(draw_secrets(world.rng.randbytes), share_key=state.share_key, **secret)
        draw, sign = world.rng.randbytes, partial(world.sign, name)
        dealings[name], _ = deal(world.session, name, drawn, roll=state.roll, draw=draw, sign=sign)


class DealsAnotherSeed(DealsAnotherSecret):
    kind = "mask_seed"

    def announced(self, name: str, survivors: tuple[str, ...]) -> Sequence[str]:
        return [survivor for survivor in survivors if survivor != min(self.world.colluders)]

    def evidence(self, given: Evidence) -> Evidence:
        left = tuple(self.announced("gate", tuple(given.survivors)))
        return replace(
            given, survivors=left, contributions=[c for c in given.contributions if c.party in left]
        )


class AltersTranscript(Coordinator):
    def transcripts(self, name: str, items: list[SignedTranscript]) -> list[SignedTranscript]:
        return [replace(items[0], transcript=flipped(items[0].transcript, self.world.seed)), *items[1:]]


class RepeatsTranscript(Coordinator):
    """One party's signature stands in for another's."""

    def transcripts(self, name: str, items: list[SignedTranscript]) -> list[SignedTranscript]:
        return [*items[:-1], replace(items[0], party=items[-1].party)]


class AltersPlan(Coordinator):
    """One party is told another attempt; every bit of the plan is in the sid."""

    def plan(self, name: str, plan: Plan) -> Plan:
        return plan | {"attempt": 2} if name == self.world.roster[self.world.seed % 4] else plan


class TruncatesRoster(Coordinator):
    """Some parties are told a plan without one of the authorized parties."""

    def plan(self, name: str, plan: Plan) -> Plan:
        return plan | {"roster": list(self.world.roster[:-1])} if name != self.world.roster[0] else plan


class ReplaysPlan(Coordinator):
    """The same plan again, to a process that has come to the end of it and one that has just restarted."""

    def afterwards(self, given: Evidence) -> None:
        refused = len(self.world.refusals)
        for seat in self.world.seats.values():
            self.attempt(seat.name, seat.plan, dict(self.world.plan))
            self.attempt(seat.name, seat.fresh(self.world.session).publish)
        assert len(self.world.refusals) == refused + 2 * len(self.world.seats)


class Restarts(Coordinator):
    """A party is restarted before its vector is asked for; it takes no further part."""

    crashing = False

    def before_input(self) -> None:
        seat = self.world.seats[self.world.rng.choice(self.world.roster)]
        seat.party = seat.fresh(self.world.session)
        self.attempt(seat.name, seat.party.publish)
        assert self.world.refusals == [(seat.name, "table")]


class AsksInputTwice(Coordinator):
    def evidence(self, given: Evidence) -> Evidence:
        for seat in self.alive():
            assert self.attempt(seat.name, seat.contribute, self.world.session) is None
        return given
