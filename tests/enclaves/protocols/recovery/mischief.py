"""What a coordinator may try, as a table: each line a script, and how its sessions may end.

`REFUSED` alone: the change must be noticed. `EXACT` alone: it must not matter. Both: it depends on whom the draw hit, and
the observer's rules hold either way. Colluders (at most n - t) are parties whose signing keys the coordinator has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from enclaves.protocols.recovery.bundles import Bundle, draw_secrets, transcript_of
from enclaves.protocols.recovery.dealing import Dealing, SignedTranscript, deal
from enclaves.protocols.recovery.gate import Evidence
from enclaves.protocols.recovery.shamir import PRIME, Share
from enclaves.protocols.recovery.survivors import Agreement, agreement_of
from enclaves.protocols.recovery.unmasking import Answer
from enclaves.protocols.ring import Masked
from enclaves.protocols.secagg import EphemeralKey
from tests.enclaves.protocols.recovery import simulator
from tests.enclaves.protocols.recovery.simulator import Coordinator, Plan, StageRefused, Verdict, World


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    script: type[Coordinator]
    ends: frozenset[Verdict]


EXACT = frozenset({Verdict.EXACT})
REFUSED = frozenset({Verdict.REFUSED})
EITHER = EXACT | REFUSED


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


class SplitsSurvivors(Coordinator):
    """One set of survivors for some, another for the rest; colluders sign both (attack A9)."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.left_out = world.rng.choice(world.honest)
        self.told_less = frozenset(world.rng.sample(world.honest, len(world.honest) // 2))

    def announced(self, name: str, survivors: tuple[str, ...]) -> Sequence[str]:
        return self._less(survivors) if name in self.told_less else survivors

    def agreements(self, name: str, items: list[Agreement]) -> list[Agreement]:
        wanted = next((a.survivors for a in items if a.party == name), ())
        return [a for a in items if a.survivors == wanted] + self._forged(items, wanted)

    def evidence(self, given: Evidence) -> Evidence:
        return self._for(given, given.survivors)

    def afterwards(self, given: Evidence) -> None:
        self.open(self._for(given, self._less(tuple(given.survivors))))

    def _for(self, given: Evidence, survivors: Sequence[str]) -> Evidence:
        return replace(
            given,
            survivors=survivors,
            contributions=[c for c in given.contributions if c.party in survivors],
            agreements=[a for a in given.agreements if a.survivors == survivors],
            answers=[a for a in given.answers if a.of_self_masks.keys() == set(survivors)],
        )

    def _less(self, survivors: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in survivors if name != self.left_out)

    def _forged(self, items: list[Agreement], survivors: tuple[str, ...]) -> list[Agreement]:
        """What colluders sign besides what they signed already."""
        said = {a.party for a in items if a.survivors == survivors}
        made = []
        for name in self.world.colluders - said:
            party = self.world.seats[name].party
            state = getattr(party, "_state", None)
            if name in survivors and state is not None:
                sign = partial(self.world.sign, name)
                made.append(agreement_of(self.world.session, name, survivors, roll=state.roll, sign=sign))
        return made


class AsksBothKinds(Coordinator):
    """After the answers, another set of survivors, so that one party is active and then dead."""

    def afterwards(self, given: Evidence) -> None:
        less = tuple(given.survivors)[1:]
        for seat in self.alive():
            if seat.party is None:
                continue
            self.attempt(seat.name, seat.party.agree, less)
            answer = self.attempt(seat.name, seat.party.unmask, given.agreements)
            assert answer is None


class OverlapsAnswer(Coordinator):
    """A colluder's answer names one survivor among the dead as well."""

    def evidence(self, given: Evidence) -> Evidence:
        return replace(given, answers=[self._overlapping(a, given) for a in given.answers])

    def _overlapping(self, answer: Answer, given: Evidence) -> Answer:
        target = given.survivors[0]
        seeds = {**answer.of_mask_seeds, target: Share(answer.of_self_masks[target].x, 5)}
        return replace(answer, of_mask_seeds=seeds)


class TooFewSurvivors(Coordinator):
    def announced(self, name: str, survivors: tuple[str, ...]) -> Sequence[str]:
        return survivors[: self.world.needed - 1]


class StrangeSurvivor(Coordinator):
    def announced(self, name: str, survivors: tuple[str, ...]) -> Sequence[str]:
        return (*survivors, "enclave-99")


class RepeatsSurvivor(Coordinator):
    """A repeated name would let fewer than t count as t."""

    def announced(self, name: str, survivors: tuple[str, ...]) -> Sequence[str]:
        return (survivors[0], *survivors)


class ForgesAgreement(Coordinator):
    def agreements(self, name: str, items: list[Agreement]) -> list[Agreement]:
        return [
            replace(a, signature=flipped(a.signature, self.world.seed)) if a is items[0] else a for a in items
        ]


class RepeatsAgreement(Coordinator):
    """One signature counted t times."""

    def agreements(self, name: str, items: list[Agreement]) -> list[Agreement]:
        return [items[0]] * self.world.needed if items else items


class AltersVector(Coordinator):
    def evidence(self, given: Evidence) -> Evidence:
        first = given.contributions[0]
        masked = Masked(first.masked ^ np.uint64(1 << self.world.seed % 64))
        return replace(given, contributions=[replace(first, masked=masked), *given.contributions[1:]])


class SwapsVectors(Coordinator):
    def evidence(self, given: Evidence) -> Evidence:
        one, other, *rest = given.contributions
        swapped = [replace(one, masked=other.masked), replace(other, masked=one.masked), *rest]
        return replace(given, contributions=swapped)


class RepeatsVector(Coordinator):
    """One party's vector twice in the sum."""

    def evidence(self, given: Evidence) -> Evidence:
        return replace(given, contributions=[*given.contributions, given.contributions[0]])


class OmitsVector(Coordinator):
    def evidence(self, given: Evidence) -> Evidence:
        return replace(given, contributions=given.contributions[1:])


class SwapsReceiverMasks(Coordinator):
    def evidence(self, given: Evidence) -> Evidence:
        one, other, *rest = given.contributions
        changed = replace(one, sealed_receiver_mask=other.sealed_receiver_mask)
        return replace(given, contributions=[changed, other, *rest])


class AltersCommitment(Coordinator):
    def evidence(self, given: Evidence) -> Evidence:
        one, *rest = given.contributions
        return replace(given, contributions=[replace(one, commitment=flipped(one.commitment, 3)), *rest])


class FewAnswers(Coordinator):
    def evidence(self, given: Evidence) -> Evidence:
        return replace(given, answers=given.answers[: self.world.needed - 1])


class RepeatsAnswer(Coordinator):
    """One answer counted t times."""

    def evidence(self, given: Evidence) -> Evidence:
        return replace(given, answers=[given.answers[0]] * self.world.needed if given.answers else [])


class WrongShare(Coordinator):
    """A colluder among the first t answers, signed for and wrong by one."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        # The last of the roster could be spare; the first is always among the t that are used.
        world.colluders = frozenset({world.roster[0]})
        world.crashes.pop(world.roster[0], None)

    def evidence(self, given: Evidence) -> Evidence:
        first, *rest = given.answers
        target = self.world.rng.choice(given.survivors)
        share = first.of_self_masks[target]
        masks = {**first.of_self_masks, target: Share(share.x, (share.value + 1) % PRIME)}
        wrong = replace(first, of_self_masks=masks)
        session = self.world.session
        t1 = transcript_of(session, sorted(given.bundles, key=lambda bundle: bundle.party))
        message = wrong.signed(session, transcript=t1, survivors=tuple(given.survivors))
        wrong = replace(wrong, signature=self.world.sign(first.party, message))
        return replace(given, answers=[wrong, *rest])


class OpensAgain(Coordinator):
    """A second opening of the same session, over a smaller set: the difference would be one vector (attack A10)."""

    def afterwards(self, given: Evidence) -> None:
        self.open(given)
        left = given.survivors[1:]
        kept = [c for c in given.contributions if c.party in left]
        self.open(replace(given, survivors=left, contributions=kept))


class LateVector(Coordinator):
    """A party counted as gone; its vector, withheld until then, is put in the sum after all."""

    crashing = False

    def announced(self, name: str, survivors: tuple[str, ...]) -> Sequence[str]:
        return survivors[1:]

    def evidence(self, given: Evidence) -> Evidence:
        self.open(given)
        return replace(given, survivors=given.survivors[1:])

    def afterwards(self, given: Evidence) -> None:
        assert self.world.opened == []


class CountsAsGone(Coordinator):
    """A party that delivered is announced as gone: allowed, and its vector stays hidden."""

    crashing = False

    def announced(self, name: str, survivors: tuple[str, ...]) -> Sequence[str]:
        return survivors[1:]

    def evidence(self, given: Evidence) -> Evidence:
        return replace(given, survivors=given.survivors[1:], contributions=given.contributions[1:])


class Replays(Coordinator):
    """Has the whole of an earlier session of the same parties, to the same draws: only the plan was another."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.earlier = simulator.world_of(world.seed, parties=len(world.roster), crashing=False)
        self.earlier.plan = world.plan | {"attempt": 7}
        recorder = Recorder(self.earlier)
        recorder.play()
        self.old = recorder.seen

    @staticmethod
    def of(party: str, items: Sequence) -> object:  # type: ignore[type-arg]  # of whatever kind
        return next(item for item in items if item.party == party)


class Recorder(Coordinator):
    """An honest coordinator that keeps everything."""

    seen: Evidence

    def evidence(self, given: Evidence) -> Evidence:
        self.seen = given
        return given


class ReplaysBundle(Replays):
    def bundles(self, name: str, items: list[Bundle]) -> list[Bundle]:
        return [self.old.bundles[0], *items[1:]]


class ReplaysVector(Replays):
    def evidence(self, given: Evidence) -> Evidence:
        old = self.of(given.contributions[0].party, self.old.contributions)
        return replace(given, contributions=[old, *given.contributions[1:]])


class ReplaysAgreements(Replays):
    def agreements(self, name: str, items: list[Agreement]) -> list[Agreement]:
        return list(self.old.agreements)


class ReplaysAnswers(Replays):
    def evidence(self, given: Evidence) -> Evidence:
        return replace(given, answers=self.old.answers)


TABLE: dict[str, Line] = {
    "nothing": Line(Coordinator, EXACT),
    "reorders": Line(Reorders, EXACT),
    "counts a party as gone": Line(CountsAsGone, EXACT),
    "drops too many": Line(DropsTooMany, REFUSED),
    "duplicates a bundle": Line(DuplicatesBundle, REFUSED),
    "omits a bundle": Line(OmitsBundle, REFUSED),
    "substitutes keys": Line(SubstitutesKeys, REFUSED),
    "substitutes a commitment": Line(SubstitutesCommitment, REFUSED),
    "equivocates": Line(Equivocates, REFUSED),
    "small-order key": Line(SmallOrderKey, REFUSED),
    "copies a key": Line(CopiesKey, REFUSED),
    "swaps shares": Line(SwapsShares, EITHER),
    "returns shares": Line(ReturnsShares, EITHER),
    "alters a share": Line(AltersShare, REFUSED),
    "omits a share": Line(OmitsShare, REFUSED),
    "deals another self mask": Line(DealsAnotherSecret, REFUSED),
    "deals another mask seed": Line(DealsAnotherSeed, REFUSED),
    "alters a transcript": Line(AltersTranscript, REFUSED),
    "repeats a transcript": Line(RepeatsTranscript, REFUSED),
    "alters the plan": Line(AltersPlan, REFUSED),
    "truncates the roster": Line(TruncatesRoster, REFUSED),
    "replays the plan": Line(ReplaysPlan, EXACT),
    "restarts a party": Line(Restarts, EXACT),
    "asks for the input twice": Line(AsksInputTwice, EXACT),
    "splits the survivors": Line(SplitsSurvivors, EITHER),
    "asks both kinds of share": Line(AsksBothKinds, EXACT),
    "overlaps an answer": Line(OverlapsAnswer, REFUSED),
    "too few survivors": Line(TooFewSurvivors, REFUSED),
    "a stranger survives": Line(StrangeSurvivor, REFUSED),
    "repeats a survivor": Line(RepeatsSurvivor, REFUSED),
    "forges an agreement": Line(ForgesAgreement, REFUSED),
    "repeats an agreement": Line(RepeatsAgreement, REFUSED),
    "alters a vector": Line(AltersVector, REFUSED),
    "swaps vectors": Line(SwapsVectors, REFUSED),
    "repeats a vector": Line(RepeatsVector, REFUSED),
    "omits a vector": Line(OmitsVector, REFUSED),
    "swaps receiver masks": Line(SwapsReceiverMasks, REFUSED),
    "alters a commitment": Line(AltersCommitment, REFUSED),
    "too few answers": Line(FewAnswers, REFUSED),
    "repeats an answer": Line(RepeatsAnswer, REFUSED),
    "a wrong share": Line(WrongShare, REFUSED),
    "opens again": Line(OpensAgain, EXACT),
    "a late vector": Line(LateVector, REFUSED),
    "replays a bundle": Line(ReplaysBundle, REFUSED),
    "replays a vector": Line(ReplaysVector, REFUSED),
    "replays agreements": Line(ReplaysAgreements, REFUSED),
    "replays answers": Line(ReplaysAnswers, REFUSED),
}


def run(seed: int, name: str, *, parties: int | None = None) -> Verdict:
    """One session of the script `name`, judged. Raises AssertionError if it ended as it must not."""
    line = TABLE[name]
    world = simulator.world_of(seed, parties=parties, crashing=line.script.crashing)
    try:
        line.script(world).play()
    except StageRefused as refused:
        raise AssertionError(f"seed {seed}, {name}: a refusal escaped") from refused
    verdict = simulator.judge(world)
    assert verdict in line.ends, f"seed {seed}, {name}: {verdict.value}; {world.refusals[:6]}"
    return verdict
