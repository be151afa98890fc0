"""A party goes forwards, each step once; what is on disk is ahead of what was said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from enclaves.protocols import secagg
from enclaves.protocols.recovery import inputs
from enclaves.protocols.recovery.errors import Reason
from enclaves.protocols.recovery.stages import GATE_STAGES, PARTY_STAGES, Stage
from enclaves.run.durable import Durable
from enclaves.run.errors import RunRefused
from enclaves.run.sessions import Session as Begun
from enclaves.run.sessions import Sessions
from tests.enclaves.protocols.recovery.seats import ready, refused, seat, session, vector
from tests.enclaves.protocols.recovery.simulator import Table, signing_key


def test_no_stage_is_reached_twice_and_every_stage_has_a_line() -> None:
    for table in (PARTY_STAGES, GATE_STAGES):
        for start in table:
            seen, following = set(), set(table[start])
            while following:
                stage = following.pop()
                seen.add(stage)
                following |= table[stage] - seen
            assert start not in seen
            assert seen <= table.keys()
    assert set(PARTY_STAGES) | set(GATE_STAGES) == set(Stage)


def test_every_step_is_taken_once_and_in_order() -> None:
    """At each stage all steps but the next are refused, and change nothing."""
    given = session()
    parties, published, dealings = ready(given)
    name = given.roster[0]
    transcripts = [d.transcript for d in dealings]
    sealed = {d.party: d.sealed[name] for d in dealings if d.party != name}
    agreements = [
        party.contribute(vector(1, 2, 3)) and party.agree(given.roster) for party in parties.values()
    ]
    fresh = seat(name, given)
    steps = [
        (fresh.publish, ()),
        (fresh.deal, (published,)),
        (fresh.accept, (transcripts, sealed)),
        (fresh.contribute, (vector(1, 2, 3),)),
        (fresh.agree, (given.roster,)),
        (fresh.unmask, (agreements,)),
    ]
    for at, (step, arguments) in enumerate(steps):
        for other, (wrong, wrong_arguments) in enumerate(steps):
            if other != at:
                before = fresh.stage
                refused(Reason.OUT_OF_ORDER, wrong, *wrong_arguments)
                assert fresh.stage is before
        step(*arguments)
    for step, arguments in steps:
        refused(Reason.OUT_OF_ORDER, step, *arguments)
    assert fresh.stage is Stage.REVEALED


def test_what_goes_wrong_ends_the_session_and_drops_its_secrets() -> None:
    given = session()
    party = seat(given.roster[0], given)
    own = party.publish()
    refused(Reason.BUNDLES, party.deal, [own])
    assert party.stage is Stage.ENDED
    assert party._state is None
    refused(Reason.OUT_OF_ORDER, party.deal, [own])


def test_a_worker_masks_with_what_it_is_handed_and_the_party_sends_it() -> None:
    """In two processes the same bytes come out as in one; masks are handed over once, and sent once."""
    given = session()
    values, noise = vector(1, -2, 3), vector(0, 5, -5)
    whole = ready(given)[0][given.roster[0]].contribute(values, noise=noise)
    party = ready(given)[0][given.roster[0]]
    masks = party.hand_over()
    refused(Reason.OUT_OF_ORDER, party.hand_over)
    refused(Reason.OUT_OF_ORDER, party.contribute, values)
    masked = inputs.masked_vector(given, masks, encoded=values, noise=noise)
    sent = party.send(masked, secagg.commitment(masks.opening_key, values))
    assert np.array_equal(sent.masked, whole.masked)
    assert sent.commitment == whole.commitment
    refused(Reason.OUT_OF_ORDER, party.send, masked, sent.commitment)


@pytest.mark.parametrize(
    ("words", "commitment"),
    [(np.zeros(4, "<u8"), bytes(32)), (np.zeros(3, "<i8"), bytes(32)), (np.zeros(6, "<u8")[::2], bytes(32)),
     (np.zeros((3, 1), "<u8"), bytes(32)), (np.zeros(3, "<u8"), bytes(31))],
)  # fmt: skip
def test_a_vector_of_another_shape_is_not_sent(words: np.ndarray, commitment: bytes) -> None:
    given = session()
    party = ready(given)[0][given.roster[0]]
    party.hand_over()
    refused(Reason.INPUT, party.send, words, commitment)
    assert party.stage is Stage.ENDED


class FullDisk(Table):
    """A session table that cannot write one stage."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(PARTY_STAGES)
        self.full_at = stage

    def move(self, sid: bytes, stage: str, /) -> None:
        if stage == self.full_at:
            raise OSError("no space left on device")
        super().move(sid, stage)


@pytest.mark.parametrize(
    "stage", [Stage.KEYED, Stage.DEALT, Stage.READY, Stage.MASKED, Stage.SENT, Stage.AGREED, Stage.REVEALED]
)
def test_nothing_leaves_a_party_whose_table_cannot_be_written(stage: Stage) -> None:
    given = session()
    table = FullDisk(stage)
    table.begin(given.sid)
    parties, published, dealings = ready(given)
    agreements = [
        party.contribute(vector(1, 2, 3)) and party.agree(given.roster) for party in parties.values()
    ]
    name = given.roster[0]
    party = seat(name, given, table=table)
    signed: list[bytes] = []
    party._means = replace(
        party._means, sign=lambda message: signed.append(message) or signing_key(name).sign(message)
    )  # type: ignore[misc]  # a spy on what is signed
    steps = {
        Stage.KEYED: (party.publish, ()),
        Stage.DEALT: (party.deal, (published,)),
        Stage.READY: (
            party.accept,
            (
                [d.transcript for d in dealings],
                {d.party: d.sealed[name] for d in dealings if d.party != name},
            ),
        ),
        Stage.MASKED: (party.contribute, (vector(1, 2, 3),)),
        Stage.AGREED: (party.agree, (given.roster,)),
        Stage.REVEALED: (party.unmask, (agreements,)),
    }
    for at, (step, arguments) in steps.items():
        if at is stage or (at is Stage.MASKED and stage is Stage.SENT):
            before = len(signed)
            with pytest.raises(OSError, match="no space"):
                step(*arguments)
            assert len(signed) == before
            assert party.stage is Stage.ENDED
            break
        step(*arguments)


def test_the_flag_is_written_before_any_share_is_answered() -> None:
    """And only once the agreement has been judged, or a forged one would spend the session."""
    given = session()
    written: list[tuple[str, int]] = []
    signed: list[bytes] = []

    class Watched(Table):
        def move(self, sid: bytes, stage: str, /) -> None:
            super().move(sid, stage)
            written.append((stage, len(signed)))

    table = Watched(PARTY_STAGES)
    table.begin(given.sid)
    parties, published, dealings = ready(given)
    name = given.roster[0]
    party = seat(name, given, table=table)
    party._means = replace(
        party._means, sign=lambda message: signed.append(message) or signing_key(name).sign(message)
    )  # type: ignore[misc]  # a spy on what is signed
    party.publish()
    party.deal(published)
    party.accept(
        [d.transcript for d in dealings], {d.party: d.sealed[name] for d in dealings if d.party != name}
    )
    party.contribute(vector(1, 2, 3))
    agreements = [p.contribute(vector(1, 2, 3)) and p.agree(given.roster) for p in parties.values()]
    party.agree(given.roster)
    party.unmask(agreements)
    assert [stage for stage, _ in written] == [
        "keyed",
        "dealt",
        "ready",
        "masked",
        "sent",
        "agreed",
        "revealed",
    ]
    # Nothing was signed at or after a stage before that stage was on disk.
    assert [count for _, count in written] == [0, 1, 2, 2, 2, 3, 4]
    assert len(signed) == 5


def test_a_restarted_process_neither_masks_nor_answers_again(tmp_path: Path) -> None:
    """With the session table that enclaves use, on disk, opened anew."""
    given = session()
    durable = Durable(tmp_path / "enclave.db")
    sessions = Sessions(durable, PARTY_STAGES)
    sessions.begin(Begun(given.sid, "job", 1, "ground", Stage.PLANNED), now=1)
    seat(given.roster[0], given, table=sessions).publish()
    durable.close()
    durable = Durable(tmp_path / "enclave.db")
    again = seat(given.roster[0], given, draw=2, table=Sessions(durable, PARTY_STAGES))
    with pytest.raises(RunRefused, match="keyed"):
        again.publish()
    assert again.stage is Stage.ENDED
    durable.close()
