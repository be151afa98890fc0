"""A retry with other survivors: the sum of all, then the sum of all but one; the difference is that one's vector (A10).

The coordinator has each process started again from a copy made after R3 (a snapshot of its machine), announces another set of
survivors, and takes both openings from the gate. Naive: nothing is remembered outside the process. Ours: the session table
was written before anything was said, so a process that comes back answers nothing, and the gate opens one sum of a sid.

Another attempt under a new sid is the business of R0: the same question on the same snapshot from another roster is refused
or tells nothing new (`test_q_roster`). Source: protocols.md section 1.2, A10, and section 2.3, "Binding".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from enclaves.protocols.recovery.bundles import Bundle
from enclaves.protocols.recovery.dealing import SignedTranscript
from enclaves.protocols.recovery.errors import RecoveryRefused
from enclaves.protocols.recovery.gate import Evidence, open_sum
from enclaves.protocols.recovery.inputs import Contribution
from enclaves.protocols.recovery.party import Party
from enclaves.protocols.recovery.session import Session
from enclaves.protocols.recovery.stages import GATE_STAGES, PARTY_STAGES, StageStore
from enclaves.protocols.recovery.survivors import Agreement
from enclaves.protocols.recovery.unmasking import Answer
from tests.enclaves.protocols.recovery.seats import seat, session, vector
from tests.enclaves.protocols.recovery.simulator import StageRefused, Table, boot_key, decode, open_at_gate

SIZES = (4, 5, 7)


class Forgetful:
    """A session table that allows everything: what a process without a disk is like after a restart."""

    def move(self, sid: bytes, stage: str, /) -> None:
        return


@dataclass
class Attack:
    """One session after R3, copies of all processes, and what they do when they are started again."""

    given: Session
    tables: dict[str, StageStore]
    gate_table: StageStore
    secrets: dict[str, list[int]]
    parties: dict[str, Party]
    published: list[Bundle]
    transcripts: list[SignedTranscript]
    contributions: list[Contribution]

    def restarted(self) -> dict[str, Party]:
        """Processes from the copies; their disks are those of now."""
        copies = {}
        for name, party in self.parties.items():
            copy = seat(name, self.given, table=self.tables[name])
            copy._state, copy._stage = party._state, party._stage
            copies[name] = copy
        return copies

    def said(
        self, parties: dict[str, Party], survivors: Sequence[str]
    ) -> tuple[list[Agreement], list[Answer]]:
        """What the survivors sign and give away; the refused are silent."""
        agreements, answers = [], []
        for name in survivors:
            try:
                agreements.append(parties[name].agree(survivors))
            except StageRefused:
                continue
        for name in survivors:
            try:
                answers.append(parties[name].unmask(agreements))
            except (StageRefused, RecoveryRefused):
                continue
        return agreements, answers

    def opened(
        self, survivors: Sequence[str], agreements: list[Agreement], answers: list[Answer]
    ) -> list[int]:
        evidence = Evidence(
            self.published,
            self.transcripts,
            [c for c in self.contributions if c.party in survivors],
            survivors,
            agreements,
            answers,
        )
        keys = {name: boot_key(name) for name in self.given.roster}
        found = open_sum(self.given, evidence, keys=keys, open_sealed=open_at_gate, stages=self.gate_table)
        return decode(found.total, self.given.lanes)


def attack(parties: int, *, naive: bool) -> Attack:
    given = session(parties)
    tables: dict[str, StageStore] = {}
    for name in given.roster:
        tables[name] = Forgetful() if naive else Table(PARTY_STAGES)
    gate_table: StageStore = Forgetful() if naive else Table(GATE_STAGES)
    for table in (*tables.values(), gate_table):
        if isinstance(table, Table):
            table.begin(given.sid)
    seats = {name: seat(name, given, table=tables[name]) for name in given.roster}
    published = [party.publish() for party in seats.values()]
    dealings = [party.deal(published) for party in seats.values()]
    transcripts = [d.transcript for d in dealings]
    for name, party in seats.items():
        party.accept(transcripts, {d.party: d.sealed[name] for d in dealings if d.party != name})
    secrets = {name: [number + 1, -7 * number, 40] for number, name in enumerate(given.roster)}
    contributions = [party.contribute(vector(*secrets[name])) for name, party in seats.items()]
    made = Attack(given, tables, gate_table, secrets, {}, published, transcripts, contributions)
    made.parties = seats
    made.parties = made.restarted()  # the copies, at `sent`; the originals go on below
    return made


@pytest.mark.parametrize("parties", SIZES)
def test_without_a_table_the_difference_of_two_sums_is_one_partys_vector(parties: int) -> None:
    made = attack(parties, naive=True)
    everybody = made.given.roster
    read = 0
    whole = made.opened(everybody, *made.said(made.restarted(), everybody))
    for target in everybody:
        without = tuple(name for name in everybody if name != target)
        rest = made.opened(without, *made.said(made.restarted(), without))
        read += [one - other for one, other in zip(whole, rest, strict=True)] == made.secrets[target]
    assert read == parties


@pytest.mark.parametrize("parties", SIZES)
def test_with_the_table_nobody_answers_a_second_set_and_one_sum_is_opened(parties: int) -> None:
    made = attack(parties, naive=False)
    everybody = made.given.roster
    whole = made.opened(everybody, *made.said(made.restarted(), everybody))
    assert whole == [sum(column) for column in zip(*made.secrets.values(), strict=True)]
    for target in everybody:
        without = tuple(name for name in everybody if name != target)
        assert made.said(made.restarted(), without) == ([], [])


@pytest.mark.parametrize("parties", SIZES)
def test_the_gate_opens_one_sum_of_a_session_even_if_every_party_answers_twice(parties: int) -> None:
    """All parties at fault, the gate's own table alone is left."""
    made = attack(parties, naive=True)
    made.gate_table = Table(GATE_STAGES)
    made.gate_table.begin(made.given.sid)
    everybody = made.given.roster
    made.opened(everybody, *made.said(made.restarted(), everybody))
    for survivors in (everybody, everybody[1:]):
        said = made.said(made.restarted(), survivors)
        with pytest.raises(StageRefused):
            made.opened(survivors, *said)
