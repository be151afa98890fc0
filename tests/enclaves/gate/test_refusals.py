"""What the gate and the enclaves refuse, and what survives a crash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from enclaves.agent.stages import USED, Stage
from enclaves.gate.gate import Gate
from enclaves.gate.stages import Stage as GateStage
from enclaves.run.process import Mailbox
from enclaves.transport.problem import Problem, Refused, Unavailable
from policies.documents import envelope as dsse
from policies.documents.authorization import Mode
from policies.documents.job import Plan
from policies.log.entry import EntryType, Target
from tests.enclaves.agent.district import (
    NAMES,
    Body,
    District,
    found,
    resident,
    restart,
    restart_gate,
)
from tests.enclaves.agent.relay import Line, entry

PEOPLE = [resident(number) for number in range(20)]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> District:
    return found(tmp_path_factory.mktemp("district"))


def up_to_contributions(district: District, *, mode: Mode = Mode.MASKED) -> tuple[Plan, Body]:
    ids = district.consent(PEOPLE)
    plan, body = district.plan(district.job(ids, mode=mode))
    district.start(plan, body)
    district.relay_bundles(plan)
    district.relay_transcripts(plan)
    assert district.refusals(plan) == []
    return plan, body


def crashing_gate(district: District) -> None:
    """From now on the gate takes messages and never gets to the work they ask for."""
    durable = district.gate_mailbox._durable
    gate = Gate(district.gate_house, lambda act: None)
    district.gate_mailbox = Mailbox(district.gate_house.wire, durable, gate.take)


def test_an_absent_enclave_aborts_the_run_without_a_release(tmp_path: Path) -> None:
    district = found(tmp_path)
    plan, body = up_to_contributions(district)
    opened = district.open_body(plan, body)
    opened["contributions"].pop()
    district.relay.mail("gate", "open", opened, run=plan.sid.hex())
    district.pump()
    assert district.refusals(plan) == ["contribution_missing"]
    assert district.relay.said("release", plan.sid.hex()) == []
    # The run is spent: the whole set comes too late.
    district.relay.mail("gate", "open", district.open_body(plan, body), run=plan.sid.hex())
    district.pump()
    assert district.relay.said("release", plan.sid.hex()) == []


def test_enclaves_do_not_transcribe_fewer_bundles_than_the_roster(shared: District) -> None:
    ids = shared.consent(PEOPLE)
    plan, body = shared.plan(shared.job(ids))
    shared.start(plan, body, but=("enclave-transport",))
    shared.relay_bundles(plan)
    # All three get the two bundles; the one that was left out does not know the run.
    assert shared.refusals(plan) == ["bundle_missing"] * 2
    assert shared.relay.said("transcript", plan.sid.hex()) == []


def test_a_run_begun_before_a_restart_is_lost_and_never_continued(tmp_path: Path) -> None:
    district = found(tmp_path, NAMES[:2])
    ids = district.consent(PEOPLE)
    job = district.job(ids)
    plan, body = district.plan(job)
    district.start(plan, body)
    domain = restart(district, "hospital")
    domain.agent.start()
    assert district.refusals(plan) == ["session_lost"]
    session = domain.house.sessions.find(plan.sid)
    assert session is not None
    assert session.stage == Stage.LOST
    district.relay_bundles(plan)
    district.relay_transcripts(plan)
    said = {message.sender for message in district.relay.said("contribution", plan.sid.hex())}
    assert "enclave-hospital" not in said
    # A new attempt has new keys and succeeds.
    again, body = district.plan(job, attempt=2, intent=plan.intent)
    district.start(again, body)
    district.relay_bundles(again)
    district.relay_transcripts(again)
    district.open(again, body)
    assert district.refusals(again) == []
    assert district.bands(again, district.outcome(again)) == [district.reference_band(p) for p in PEOPLE]


class PowerCut(BaseException):
    """Ends a process between two of its lines."""


@pytest.mark.parametrize("end", [PowerCut, Unavailable])
def test_a_contribution_cut_off_while_sending_is_spent_and_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: type[BaseException]
) -> None:
    """It may have arrived, so the run stays spent and its job stays counted, whatever ended it."""
    district = found(tmp_path, NAMES[:2])
    plan, body = district.plan(district.job(district.consent(PEOPLE)))
    district.start(plan, body)
    district.relay_bundles(plan)
    send = Line.send

    def cut_off(line: Line, to: str, topic: str, *args: Any, **named: Any) -> int:
        seq = send(line, to, topic, *args, **named)
        if (line.party, topic) == ("enclave-hospital", "contribution"):
            raise PowerCut if end is PowerCut else Unavailable(Problem("unavailable", 503))
        return seq

    with monkeypatch.context() as patch:
        patch.setattr(Line, "send", cut_off)
        if end is PowerCut:
            with pytest.raises(PowerCut):
                district.relay_transcripts(plan)
        else:
            district.relay_transcripts(plan)
    domain = restart(district, "hospital")
    domain.agent.start()
    assert district.refusals(plan) == ["session_lost"]
    session = domain.house.sessions.find(plan.sid)
    assert session is not None
    assert session.stage == Stage.SPENT
    assert domain.house.sessions.jobs_in(USED, ground=session.ground, but="another") == 1
    # It is said once: the next start finds nothing that was under way.
    restart(district, "hospital").agent.start()
    assert district.refusals(plan) == ["session_lost"]


def test_a_repeated_plan_is_not_begun_again(shared: District) -> None:
    plan, body = up_to_contributions(shared)
    bundles = len(shared.relay.said("bundle", plan.sid.hex()))
    shared.start(plan, body)
    assert len(shared.relay.said("bundle", plan.sid.hex())) == bundles
    shared.relay_transcripts(plan)
    assert len(shared.relay.said("contribution", plan.sid.hex())) == 3


def test_a_release_survives_a_restart_of_the_gate_unchanged(tmp_path: Path) -> None:
    district = found(tmp_path, NAMES[:2])
    plan, body = up_to_contributions(district)
    district.open(plan, body)
    first = district.relay.said("release", plan.sid.hex())[-1].body
    restart_gate(district)
    district.gate.start()
    assert [m.body for m in district.relay.said("release", plan.sid.hex())] == [first, first]
    release = district.outcome(plan)
    assert district.bands(plan, release) == [district.reference_band(person) for person in PEOPLE]
    session = district.gate_house.sessions.find(plan.sid)
    assert session is not None
    assert session.stage == GateStage.HANDED_OVER
    assert not list((tmp_path / "gate" / "sealed").iterdir())


def test_an_outcome_named_before_a_crash_is_handed_over_after_it(tmp_path: Path) -> None:
    district = found(tmp_path, NAMES[:2])
    plan, body = up_to_contributions(district)
    district.open(plan, body)
    # The gate takes the message, and dies before it acts on it.
    crashing_gate(district)
    district.outcome(plan)
    assert district.relay.said("handover", plan.sid.hex()) == []
    restart_gate(district)
    district.gate.start()
    (handover,) = district.relay.said("handover", plan.sid.hex())
    release = dsse.from_json(district.relay.said("release", plan.sid.hex())[-1].body["document"])
    assert handover.body == {"release": release.digest}
    assert district.bands(plan, release) == [district.reference_band(person) for person in PEOPLE]
    # What is handed over is not handed over at the next start.
    restart_gate(district)
    district.gate.start()
    assert len(district.relay.said("handover", plan.sid.hex())) == 1


def test_a_handover_that_the_coordinator_refused_leaves_the_job_to_its_next_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    district = found(tmp_path, NAMES[:2])
    plan, body = up_to_contributions(district)
    district.open(plan, body)
    send = Line.send

    def refusing(line: Line, to: str, topic: str, *args: Any, **named: Any) -> int:
        if topic == "handover":
            raise Refused(Problem("run_conflict", 403))
        return send(line, to, topic, *args, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Line, "send", refusing)
        district.outcome(plan)
    district.relay.mail("gate", "abort", {"code": "session_lost"}, run=plan.sid.hex())
    district.pump()
    again = plan.model_copy(update={"attempt": 2})
    second = {"plan": again.envelope(district.parties["coordinator"].identity).to_json(), "he_key": None}
    district.start(again, second)
    district.relay_bundles(again)
    district.relay_transcripts(again)
    district.open(again, second)
    assert district.refusals(again) == []
    assert district.bands(again, district.outcome(again)) == [district.reference_band(p) for p in PEOPLE]


def test_a_named_outcome_that_is_not_in_the_log_hands_nothing_over_after_a_restart(tmp_path: Path) -> None:
    district = found(tmp_path, NAMES[:2])
    plan, body = up_to_contributions(district)
    district.open(plan, body)
    district.relay.mail("gate", "outcome", {"index": plan.intent}, run=plan.sid.hex())
    district.pump()
    restart_gate(district)
    district.gate.start()
    assert district.relay.said("handover", plan.sid.hex()) == []


def test_nothing_is_handed_over_before_the_outcome_is_in_the_log(shared: District) -> None:
    plan, body = up_to_contributions(shared)
    shared.open(plan, body)
    release = dsse.from_json(shared.relay.said("release", plan.sid.hex())[-1].body["document"])
    digests = {"job": plan.job, "run": plan.sid.hex(), "release": release.digest}
    run = plan.sid.hex()
    # An entry of the log, but the intent.
    shared.relay.mail("gate", "outcome", {"index": plan.intent}, run=run)
    shared.pump()
    # The outcome of another release.
    wrong = shared.log(entry(EntryType.OUTCOME, job=plan.job, digests={**digests, "release": "0" * 64}))
    shared.relay.mail("gate", "outcome", {"index": wrong}, run=run)
    shared.pump()
    # The right outcome, which nobody has cosigned yet.
    right = shared.relay.append(entry(EntryType.OUTCOME, job=plan.job, digests=digests))
    shared.relay.mail("gate", "outcome", {"index": right}, run=run)
    shared.pump()
    assert shared.relay.said("handover", run) == []
    shared.relay.call_witnesses()
    shared.pump()
    shared.relay.mail("gate", "outcome", {"index": right}, run=run)
    shared.pump()
    assert len(shared.relay.said("handover", run)) == 1


def test_a_job_is_not_released_under_two_attempts(shared: District) -> None:
    plan, body = up_to_contributions(shared)
    shared.open(plan, body)
    job = dsse.from_json(shared.relay.documents[plan.job].to_json())
    again = plan.model_copy(update={"attempt": 2})
    envelope = again.envelope(shared.parties["coordinator"].identity).to_json()
    assert job.digest == again.job
    shared.start(again, {"plan": envelope, "he_key": None})
    shared.relay_bundles(again)
    shared.relay_transcripts(again)
    shared.open(again, {"plan": envelope, "he_key": None})
    assert shared.refusals(again) == ["job_released"]


def test_a_gate_that_restarted_has_lost_its_bfv_keys(tmp_path: Path) -> None:
    district = found(tmp_path, NAMES[:2])
    plan, body = up_to_contributions(district, mode=Mode.BFV)
    restart_gate(district)
    district.gate.start()
    district.open(plan, body)
    assert district.refusals(plan) == ["session_lost"]


def test_altered_vectors_refuse_the_whole_run(shared: District) -> None:
    plan, body = up_to_contributions(shared)
    message = shared.relay.said("contribution", plan.sid.hex())[0]
    (vector,) = message.attachments
    data, readers = shared.relay.attachments[vector]
    shared.relay.attachments[vector] = (bytes([data[0] ^ 1]) + data[1:], readers)
    shared.open(plan, body)
    assert shared.refusals(plan) == ["vector_mismatch"]


def test_a_suspended_scenario_is_refused_by_every_enclave_with_its_reason(tmp_path: Path) -> None:
    district = found(tmp_path, NAMES[:2])
    ids = district.consent(PEOPLE)
    plan, body = district.plan(district.job(ids))
    district.log(entry(EntryType.SUSPENSION, target=Target("scenario", district.scenario.digest)))
    district.start(plan, body)
    refusals = district.relay.said("refusal", plan.sid.hex())
    assert [message.body["code"] for message in refusals] == ["suspended"] * 2
    assert all(message.body["reason"]["zh"] and message.body["change"]["en"] for message in refusals)
    assert district.relay.said("bundle", plan.sid.hex()) == []


def test_a_suspension_between_bundle_and_contribution_still_stops_the_run(tmp_path: Path) -> None:
    district = found(tmp_path, NAMES[:2])
    ids = district.consent(PEOPLE)
    plan, body = district.plan(district.job(ids))
    district.start(plan, body)
    district.relay_bundles(plan)
    district.log(entry(EntryType.SUSPENSION, target=Target("scenario", district.scenario.digest)))
    district.relay_transcripts(plan)
    assert district.refusals(plan) == ["suspended"] * 2
    assert district.relay.said("contribution", plan.sid.hex()) == []


def test_an_aborted_run_is_dropped_everywhere(shared: District) -> None:
    ids = shared.consent(PEOPLE)
    plan, body = shared.plan(shared.job(ids))
    shared.start(plan, body)
    for party in ("enclave-hospital", "enclave-social", "enclave-transport", "gate"):
        shared.relay.mail(party, "abort", {"code": "lost"}, run=plan.sid.hex())
    shared.relay_bundles(plan)
    assert shared.relay.said("transcript", plan.sid.hex()) == []
    assert shared.refusals(plan) == []


def test_capacity_is_debited_once_a_job_and_refuses_when_it_is_used_up(tmp_path: Path) -> None:
    district = found(tmp_path, NAMES[:2], bits=4)
    bits = (district.model.bands - 1).bit_length()
    runs = 4 // bits
    assert runs == 2
    ids = district.consent(PEOPLE[:3])
    for _ in range(runs):
        district.run(district.job(ids))
    plan, body = district.plan(district.job(ids))
    district.start(plan, body)
    # The last run left nobody with enough capacity: no slot is accepted.
    assert district.refusals(plan) == ["consent_missing"] * 2


def test_messages_that_make_no_sense_are_dropped_without_an_answer(shared: District) -> None:
    before = len(shared.relay.mailboxes["coordinator"])
    for topic in ("plan", "consent", "withdrawal", "model-part", "nonsense", "open"):
        for body in ({}, {"plan": 1}, {"consent": {"payload": "x"}}, {"items": "no"}):
            for party in ("enclave-hospital", "gate"):
                shared.relay.mail(party, topic, body, run="zz")
    shared.pump()
    assert len(shared.relay.mailboxes["coordinator"]) == before
