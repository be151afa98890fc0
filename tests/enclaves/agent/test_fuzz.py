"""Mutated messages to a real enclave and a real gate: none crashes them, none is accepted, and the untouched run still works.

A story is one run from consents to handover. Before each honest message the process gets its mutants: of structure, types,
sizes and depth, of sender, run and topic, replays and reordered ones, envelopes altered or signed by others, documents and
attachments swapped or cut. `make long` hands over more than 20,000; `DOMICILE_FUZZ_MESSAGES=2:4` takes only those stories.
"""

from __future__ import annotations

import random
import resource
from collections import Counter
from pathlib import Path

import pytest

from policies.documents.authorization import Mode
from policies.documents.job import Job, Plan
from tests.enclaves.agent import encrypted
from tests.enclaves.agent.attacking import Attacker
from tests.enclaves.agent.district import NAMES, Body, District, found, resident
from tests.enclaves.agent.figures import BANDS
from tests.enclaves.agent.fuzzed import hold_enclave, hold_gate
from tests.fuzzing.slices import chosen

PEOPLE = [resident(number) for number in range(12)]
GROUPS = [(band,) for band in BANDS]
KINDS = ("masked", "bfv", "vet", "aggregate", "paillier")
STORIES, PER_MOMENT = 10, 300
FIRST_SEED = 20_261_125


class Story:
    """One run of a kind, with mutants before every message that the enclave of the hospital or the gate gets."""

    def __init__(self, district: District, attacker: Attacker, *, kind: str) -> None:
        self.district, self.attacker, self.kind = district, attacker, kind
        self.hospital, self.gate = hold_enclave(district, "hospital"), hold_gate(district)

    def close(self) -> None:
        self.hospital.close()
        self.gate.close()

    def hand_over(self) -> None:
        """Every message that is held, mutants first, until nobody has mail."""
        while self.hospital.held or self.gate.held:
            for fuzzed in (self.hospital, self.gate):
                while fuzzed.held:
                    message = fuzzed.held.pop(0)
                    self.attacker.attack(fuzzed, message)
                    fuzzed.deliver(message)
            self.district.pump()

    def planned(self, job: Job) -> tuple[Plan, Body]:
        """The plan of `job`; intent and key are asked for before, so that the processes under fuzz can answer."""
        index = self.district.intent(job)
        self.hand_over()
        if job.mode is Mode.BFV:
            self.district.relay.mail("gate", "he-key-request", {"job": job.digest, "attempt": 1})
            self.district.pump()
            self.hand_over()
        return self.district.plan(job, intent=index)

    def play(self) -> None:
        district = self.district
        ids = district.consent(PEOPLE)
        if self.kind == "paillier":
            # Encrypted weights are documents: nothing is mailed to a department. The key is asked for again.
            asked = {"model": district.model.digest}
            district.relay.mail("gate", "paillier-key-request", asked, sender="examiner")
            district.pump()
        else:
            district.send_parts()
        self.hand_over()
        withdrawn = ids[3:4] if self.kind == "masked" else []
        if withdrawn:
            district.withdraw(withdrawn, log=False)
            self.hand_over()
        if self.kind == "aggregate":
            job = district.asked("SELECT band, SUM(visits) AS v FROM {table} GROUP BY band", groups=GROUPS)
        else:
            mode = Mode(self.kind) if self.kind in {"bfv", "paillier"} else Mode.MASKED
            job = district.job(ids, mode=mode, vet=self.kind == "vet")
        plan, body = self.planned(job)
        district.start(plan, body)
        self.hand_over()
        district.relay_bundles(plan)
        self.hand_over()
        district.relay_transcripts(plan)
        self.hand_over()
        district.open(plan, body)
        self.hand_over()
        # Those of mutants were taken back.
        assert district.refusals(plan) == []
        release = district.outcome(plan)
        self.hand_over()
        (_,) = district.relay.said("handover", plan.sid.hex())
        if self.kind in {"masked", "bfv", "paillier"}:
            band = encrypted.reference_band if self.kind == "paillier" else District.reference_band
            expected = [
                None if consent in withdrawn else band(district, person)
                for person, consent in zip(PEOPLE, ids, strict=True)
            ]
            assert district.bands(plan, release) == expected


def play(directory: Path, *, kind: str, count: int, seed: int) -> Story:
    """A whole story; returned when the run has come to its end."""
    # An aggregate of few domains is refused.
    founded = encrypted.encrypted_district if kind == "paillier" else found
    district = founded(directory, NAMES if kind == "aggregate" else NAMES[:2])
    attacker = Attacker(district, random.Random(seed), count, tables=kind == "aggregate")
    story = Story(district, attacker, kind=kind)
    try:
        story.play()
    finally:
        story.close()
    return story


def check(story: Story) -> int:
    """No findings; how many mutants there were."""
    total = Counter[str]()
    for fuzzed in (story.hospital, story.gate):
        print(fuzzed.party, dict(fuzzed.tally))
        for finding in fuzzed.findings[:5]:
            print(finding)
        assert len(fuzzed.findings) == 0
        total += fuzzed.tally
    # Mutants that end a run got far; without them the others would prove little.
    assert total["run ended"] > total["mutants"] // 100
    return total["mutants"]


def test_no_mutated_message_stops_or_persuades_the_processes_of_a_run(tmp_path: Path) -> None:
    assert check(play(tmp_path, kind="masked", count=20, seed=FIRST_SEED)) > 200


@pytest.mark.long
@pytest.mark.parametrize("number", chosen("DOMICILE_FUZZ_MESSAGES", STORIES))
def test_no_mutated_message_is_accepted_in_twenty_thousand(tmp_path: Path, number: int) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seed = FIRST_SEED + 1 + number
    story = play(tmp_path, kind=KINDS[number % len(KINDS)], count=PER_MOMENT, seed=seed)
    mutants = check(story)
    print(f"story {number} of {STORIES}, seed {seed}, {mutants} mutants")
    assert mutants >= 20_000 // STORIES
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 512 << 10
