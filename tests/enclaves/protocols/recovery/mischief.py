"""What a coordinator may try, as a table: each line a script, and how its sessions may end.

`REFUSED` alone: the change must be noticed. `EXACT` alone: it must not matter. Both: it depends on whom the draw hit, and
the observer's rules hold either way. Colluders (at most n - t) are parties whose signing keys the coordinator has.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.enclaves.protocols.recovery import mischief_after as after
from tests.enclaves.protocols.recovery import mischief_before as before
from tests.enclaves.protocols.recovery import simulator
from tests.enclaves.protocols.recovery.simulator import Coordinator, StageRefused, Verdict


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    script: type[Coordinator]
    ends: frozenset[Verdict]


EXACT = frozenset({Verdict.EXACT})
REFUSED = frozenset({Verdict.REFUSED})
EITHER = EXACT | REFUSED


TABLE: dict[str, Line] = {
    "nothing": Line(Coordinator, EXACT),
    "reorders": Line(before.Reorders, EXACT),
    "counts a party as gone": Line(after.CountsAsGone, EXACT),
    "drops too many": Line(before.DropsTooMany, REFUSED),
    "duplicates a bundle": Line(before.DuplicatesBundle, REFUSED),
    "omits a bundle": Line(before.OmitsBundle, REFUSED),
    "substitutes keys": Line(before.SubstitutesKeys, REFUSED),
    "substitutes a commitment": Line(before.SubstitutesCommitment, REFUSED),
    "equivocates": Line(before.Equivocates, REFUSED),
    "small-order key": Line(before.SmallOrderKey, REFUSED),
    "copies a key": Line(before.CopiesKey, REFUSED),
    "swaps shares": Line(before.SwapsShares, EITHER),
    "returns shares": Line(before.ReturnsShares, EITHER),
    "alters a share": Line(before.AltersShare, REFUSED),
    "omits a share": Line(before.OmitsShare, REFUSED),
    "deals another self mask": Line(before.DealsAnotherSecret, REFUSED),
    "deals another mask seed": Line(before.DealsAnotherSeed, REFUSED),
    "alters a transcript": Line(before.AltersTranscript, REFUSED),
    "repeats a transcript": Line(before.RepeatsTranscript, REFUSED),
    "alters the plan": Line(before.AltersPlan, REFUSED),
    "truncates the roster": Line(before.TruncatesRoster, REFUSED),
    "replays the plan": Line(before.ReplaysPlan, EXACT),
    "restarts a party": Line(before.Restarts, EXACT),
    "asks for the input twice": Line(before.AsksInputTwice, EXACT),
    "splits the survivors": Line(after.SplitsSurvivors, EITHER),
    "asks both kinds of share": Line(after.AsksBothKinds, EXACT),
    "overlaps an answer": Line(after.OverlapsAnswer, REFUSED),
    "too few survivors": Line(after.TooFewSurvivors, REFUSED),
    "a stranger survives": Line(after.StrangeSurvivor, REFUSED),
    "repeats a survivor": Line(after.RepeatsSurvivor, REFUSED),
    "forges an agreement": Line(after.ForgesAgreement, REFUSED),
    "repeats an agreement": Line(after.RepeatsAgreement, REFUSED),
    "alters a vector": Line(after.AltersVector, REFUSED),
    "swaps vectors": Line(after.SwapsVectors, REFUSED),
    "repeats a vector": Line(after.RepeatsVector, REFUSED),
    "omits a vector": Line(after.OmitsVector, REFUSED),
    "swaps receiver masks": Line(after.SwapsReceiverMasks, REFUSED),
    "alters a commitment": Line(after.AltersCommitment, REFUSED),
    "too few answers": Line(after.FewAnswers, REFUSED),
    "repeats an answer": Line(after.RepeatsAnswer, REFUSED),
    "a wrong share": Line(after.WrongShare, REFUSED),
    "opens again": Line(after.OpensAgain, EXACT),
    "a late vector": Line(after.LateVector, REFUSED),
    "replays a bundle": Line(after.ReplaysBundle, REFUSED),
    "replays a vector": Line(after.ReplaysVector, REFUSED),
    "replays agreements": Line(after.ReplaysAgreements, REFUSED),
    "replays answers": Line(after.ReplaysAnswers, REFUSED),
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
