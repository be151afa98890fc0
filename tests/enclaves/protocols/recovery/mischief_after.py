"""Scripts of a coordinator that misbehaves from the vectors on: survivors, answers, sums, replays (R3 to R6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from enclaves.protocols.recovery.bundles import Bundle, transcript_of
from enclaves.protocols.recovery.gate import Evidence
from enclaves.protocols.recovery.shamir import PRIME, Share
from enclaves.protocols.recovery.survivors import Agreement, agreement_of
from enclaves.protocols.recovery.unmasking import Answer
from enclaves.protocols.ring import Masked
from tests.enclaves.protocols.recovery import simulator
from tests.enclaves.protocols.recovery.mischief_before import flipped
from tests.enclaves.protocols.recovery.simulator import Coordinator, World


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
