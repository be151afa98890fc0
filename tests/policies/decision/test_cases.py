"""From real signed documents to a decision: what each departure from the agreement is refused for, and where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from policies.decision import Action, Case, Decision, columns_of, decide, decide_case, facts_of
from policies.documents.authorization import ListedColumn
from policies.documents.dataset import Use
from policies.halts import Halts
from policies.keys import public_key
from tests.policies.decision.example import (
    AGGREGATING,
    NOW,
    Papers,
    amended,
    case_for,
    district,
    district_parties,
    papers,
    signed,
    whole,
)

ALL = [action for action in Action if action is not Action.RAW_EXPORT]
AUTHORIZED = [Action.ADMIT_SCORE, Action.SCORE, Action.RELEASE, Action.DELIVER]
RUNNING = [Action.SCORE, Action.VET, Action.RELEASE, Action.RELEASE_BANDS]
PERSONAL = [action for action in ALL if action not in AGGREGATING and action is not Action.DELIVER_TABLE]
EXPIRED = {"not_before": "2024-01-01T00:00:00Z", "not_after": "2025-12-31T00:00:00Z"}


def outcome(action: Action, of: Papers | None = None, **changes: Any) -> Decision:
    return decide_case(action, case_for(action, of, **changes))


def found(decision: Decision) -> dict[str, str]:
    """Code → place, in rule-book order."""
    return {denial.code: denial.where for denial in decision.denials}


@pytest.mark.parametrize("action", ALL)
def test_the_agreed_case_is_allowed(action: Action) -> None:
    assert found(outcome(action)) == {}


@pytest.mark.req("RQ-308")
@pytest.mark.parametrize(
    ("change", "where"),
    [({"job_kind": "raw-export"}, "job.job_kind"), ({"sql": "SELECT * FROM visits"}, "job.sql")],
)
def test_a_job_for_rows_is_refused_as_raw_export(change: dict[str, Any], where: str) -> None:
    decision = outcome(Action.ADMIT_SCORE, papers(job=change))
    assert decision.denials[0].code == "raw_export"
    assert found(decision)["raw_export"] == where


@pytest.mark.req("RQ-002")
def test_a_mode_that_scenario_and_authorization_do_not_permit_is_refused() -> None:
    scenario_only = papers(authorization={"modes": ["bfv"]})
    neither = papers(
        scenario={"modes": ["bfv"]}, authorization={"modes": ["bfv"]}, vet_job={"mode": "masked"}
    )
    assert found(outcome(Action.SCORE, scenario_only)) == {"protection_missing": "job.mode"}
    assert found(outcome(Action.VET, neither)) == {"protection_missing": "job.mode"}


@pytest.mark.req("RQ-011", "RQ-116")
def test_a_job_that_names_another_scenario_is_refused() -> None:
    decision = outcome(Action.SCORE, papers(job={"scenario": "a" * 64}))
    assert found(decision) == {"scenario_mismatch": "job.scenario"}


@pytest.mark.req("RQ-011", "RQ-116")
@pytest.mark.parametrize("action", AUTHORIZED)
def test_an_authorization_of_another_scenario_cannot_be_shared(action: Action) -> None:
    other = papers(scenario={"id": "another-scenario", "version": 2})
    decision = outcome(action, scenario=other.envelopes["scenario"], overall=other.envelopes["overall"])
    assert found(decision)["scenario_mismatch"] in {"job.scenario", "authorization.scenario"}
    assert "scenario-mismatch-authorization" in decision.determining


@pytest.mark.req("RQ-112", "RQ-114")
def test_an_overall_authorization_alone_gives_no_access() -> None:
    for action in ALL:
        decision = outcome(action, scenario=None, authorization=None)
        assert not decision.allowed
    assert "authorization_missing" in found(outcome(Action.SCORE, authorization=None))


@pytest.mark.req("RQ-114")
def test_a_scenario_alone_permits_a_vet_job_and_no_score() -> None:
    assert outcome(Action.VET).allowed
    score_job = case_for(Action.VET, job=whole().envelopes["job"], now=NOW)
    assert "job_kind_mismatch" in found(decide_case(Action.VET, score_job))


@pytest.mark.req("RQ-112")
@pytest.mark.parametrize("action", ALL)
def test_both_levels_must_be_in_force(action: Action) -> None:
    assert found(outcome(action, papers(overall={"term": EXPIRED}))) == {
        "overall_not_in_force": "overall.term"
    }
    assert found(outcome(action, papers(scenario={"term": EXPIRED}))) == {
        "scenario_not_in_force": "scenario.term"
    }


@pytest.mark.req("RQ-113", "RQ-157")
@pytest.mark.parametrize("action", AUTHORIZED)
def test_use_stops_by_itself_at_the_last_second_of_the_term(action: Action) -> None:
    ends = {"not_before": "2026-03-01T00:00:00Z", "not_after": "2026-04-01T02:00:00Z"}
    of = papers(authorization={"term": ends})
    assert outcome(action, of, now=NOW - timedelta(seconds=1)).allowed
    assert found(outcome(action, of, now=NOW)) == {"authorization_not_in_force": "authorization.term"}


@pytest.mark.req("RQ-113")
def test_everything_stops_when_the_trust_root_ends() -> None:
    of = papers(trust={"term": EXPIRED})
    assert found(outcome(Action.SCORE, of)) == {"overall_not_in_force": "trust-root.term"}


@pytest.mark.parametrize("kind", ["scenario", "authorization"])
def test_a_superseded_document_is_in_force_no_more(kind: str) -> None:
    halts = Halts(superseded_documents=frozenset({whole().envelopes[kind].digest}))
    assert found(outcome(Action.SCORE, halts=halts)) == {f"{kind}_not_in_force": f"{kind}.supersedes"}


@pytest.mark.req("RQ-302", "RQ-031")
@pytest.mark.parametrize("signer", district.AGREED_BY)
@pytest.mark.parametrize("kind", ["scenario", "authorization"])
def test_each_missing_signature_is_named(kind: str, signer: str) -> None:
    decision = outcome(Action.SCORE, papers(unsigned={kind: {signer}}))
    assert found(decision) == {"signatures_missing": f"{kind}.signatures.{signer}"}


@pytest.mark.parametrize(
    ("action", "name", "signer"),
    [
        (Action.ADMIT_SCORE, "job", "insurer-one"),
        (Action.ADMIT_SCORE, "price", "futian-agency"),
        (Action.SCORE, "plan", "coordinator"),
        (Action.SCORE, "overall", "futian-operator"),
        (Action.SCORE, "model", "actuary-partner"),
        (Action.SCORE, "report", "examiner"),
        (Action.VET, "vet_plan", "coordinator"),
        (Action.DELIVER, "price", "futian-operator"),
    ],
)
def test_each_document_needs_its_signers(action: Action, name: str, signer: str) -> None:
    decision = outcome(action, papers(unsigned={name: {signer}}))
    assert found(decision) == {"signatures_missing": f"{name.removeprefix('vet_')}.signatures.{signer}"}


def test_data_sets_and_releases_need_their_signers() -> None:
    unsigned_data = papers(unsigned={"dataset_hospital": {"hospital"}})
    assert found(outcome(Action.SCORE, unsigned_data)) == {
        "signatures_missing": "datasets.signatures.hospital"
    }
    unsigned_release = papers(unsigned={"release": {"gate"}})
    assert found(outcome(Action.DELIVER, unsigned_release)) == {
        "signatures_missing": "releases.signatures.gate"
    }


def test_a_revoked_key_signs_nothing_any_more() -> None:
    keyid = public_key(district_parties.private_key("hospital")).keyid
    decision = outcome(Action.SCORE, halts=Halts(revoked_targets=frozenset({("key", keyid)})))
    assert decision.codes == ("signatures_missing",)
    assert found(decision)["signatures_missing"].endswith(".hospital")


@pytest.mark.req("RQ-303", "RQ-032")
def test_an_authorization_over_another_data_list_is_refused() -> None:
    decision = outcome(Action.SCORE, papers(authorization={"data_list": "b" * 64}))
    assert found(decision) == {"data_list_mismatch": "authorization.data_list"}


def listed(column: str, use: Use) -> ListedColumn:
    return ListedColumn(department="hospital", dataset="visits-yearly", column=column, use=use)


@pytest.mark.req("RQ-303", "RQ-032", "RQ-117")
def test_a_column_outside_the_list_is_refused_and_named() -> None:
    of = whole()
    columns = (*columns_of(of.parts[1], of.datasets[1]), listed("diagnosis", Use.FEATURE))
    decision = outcome(Action.SCORE, columns=columns)
    assert found(decision) == {
        "column_not_listed": "data_list.hospital.visits-yearly.diagnosis",
        "use_not_allowed": "data_list.hospital.visits-yearly.diagnosis",
    }
    assert "diagnosis" not in decision.denials[0].reason.en


@pytest.mark.req("RQ-117", "RQ-306")
@pytest.mark.parametrize("use", [use for use in Use if use is not Use.FEATURE])
def test_a_feature_may_be_used_as_nothing_but_a_feature(use: Use) -> None:
    decision = outcome(Action.SCORE, columns=(listed("visits", use),))
    assert found(decision) == {"use_not_allowed": "data_list.hospital.visits-yearly.visits"}


@pytest.mark.req("RQ-117")
def test_core_data_is_never_used() -> None:
    columns = district.dataset(district.SOURCES[1]).to_body()["columns"]
    core = [{**column, "grade": "core"} if column["name"] == "visits" else column for column in columns]
    for change in ({"columns": core}, {"grade": "core"}):
        decision = outcome(Action.SCORE, papers(dataset_hospital=change))
        assert decision.codes == ("use_not_allowed",)


def test_reading_no_column_at_all_is_not_a_way_around_the_list() -> None:
    assert {"column_not_listed", "use_not_allowed"} <= set(outcome(Action.SCORE, columns=()).codes)
    assert {"column_not_listed", "use_not_allowed"} <= set(outcome(Action.SCORE, columns=None).codes)


def test_a_data_set_that_changed_since_signing_is_refused() -> None:
    changed = signed(amended(whole().datasets[1], {"version": 2}), "hospital")
    decision = outcome(Action.SCORE, datasets=(changed,))
    assert found(decision) == {"dataset_changed": "scenario.datasets.hospital.visits-yearly"}


@pytest.mark.req("RQ-036", "RQ-306")
@pytest.mark.parametrize("action", [Action.ADMIT_SCORE, Action.SCORE, Action.RELEASE])
def test_another_purpose_is_refused(action: Action) -> None:
    assert found(outcome(action, papers(job={"purpose": "claims-review"}))) == {
        "purpose_mismatch": "job.purpose"
    }


@pytest.mark.req("RQ-306")
def test_a_job_kind_the_authorization_does_not_permit_is_refused() -> None:
    asking = papers(authorization={"job_kinds": ["score"], "queries": None})
    assert found(outcome(Action.AGGREGATE, asking))["job_kind_not_authorized"] == "job.job_kind"
    only_asking = {"job_kinds": ["aggregate"], "model": None, "vetting_report": None}
    decision = outcome(Action.SCORE, papers(authorization=only_asking))
    assert found(decision)["job_kind_not_authorized"] == "job.job_kind"


@pytest.mark.req("RQ-310")
@pytest.mark.parametrize("recipient", ["price-authority", "actuary-partner", "examiner"])
def test_a_recipient_the_authorization_does_not_name_is_refused(recipient: str) -> None:
    codes = outcome(Action.SCORE, papers(job={"recipient": recipient})).codes
    assert "recipient_not_named" in codes
    assert "recipient_not_named" in outcome(Action.DELIVER, actor=recipient).codes


@pytest.mark.req("RQ-310")
def test_a_recipient_with_another_sealing_key_is_refused() -> None:
    swapped = papers(authorization={"recipients": [{"party": "insurer-one", "sealing_key": "c" * 64}]})
    decision = outcome(Action.RELEASE, swapped)
    assert found(decision) == {"recipient_not_named": "authorization.recipients.insurer-one"}


@pytest.mark.parametrize("role", ["futian-operator", "coordinator", "gate", "hospital-enclave"])
def test_those_who_carry_or_open_results_never_receive_them(role: str) -> None:
    assert "recipient_not_admitted" in outcome(Action.SCORE, papers(job={"recipient": role})).codes


def test_a_vet_job_reports_to_the_examiner_only() -> None:
    decision = outcome(Action.VET, papers(vet_job={"recipient": "insurer-one"}))
    assert found(decision) == {"recipient_not_named": "job.recipient"}


def test_a_submitter_outside_the_agreement_is_refused() -> None:
    decision = outcome(Action.ADMIT_SCORE, papers(job={"submitter": "auditor"}))
    assert found(decision) == {"partner_not_admitted": "party.auditor"}


def test_a_job_cannot_be_submitted_by_somebody_else() -> None:
    decision = outcome(Action.ADMIT_SCORE, actor="actuary-partner")
    assert found(decision) == {"partner_not_admitted": "party.insurer-one"}


@pytest.mark.req("RQ-117")
def test_a_partner_that_is_not_admitted_is_refused() -> None:
    entries = [e for e in district.trust_root().to_body()["parties"] if e["id"] != "actuary-partner"]
    trust = amended(district.trust_root(), {"parties": entries})
    decision = outcome(Action.SCORE, trust=trust)
    assert found(decision)["partner_not_admitted"] == "party.actuary-partner"


@pytest.mark.req("RQ-289")
@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"verdict": "reject"}, "report.verdict"),
        ({"model": "d" * 64}, "report.model"),
        ({"scenario": "d" * 64}, "report.scenario"),
    ],
)
def test_a_model_without_a_favorable_report_of_its_own_is_refused(change: dict[str, Any], where: str) -> None:
    assert found(outcome(Action.SCORE, papers(report=change))) == {"model_not_vetted": where}


@pytest.mark.req("RQ-289")
def test_a_report_that_leaves_out_a_check_vets_nothing() -> None:
    checks = whole().report.to_body()["checks"]
    for left in ([checks[0]], checks[:2], checks[1:]):
        assert found(outcome(Action.SCORE, papers(report={"checks": left}))) == {
            "model_not_vetted": "report.checks"
        }


@pytest.mark.req("RQ-289")
def test_a_report_with_one_rejected_check_vets_nothing_whatever_its_verdict() -> None:
    checks = whole().report.to_body()["checks"]
    bad = [{**checks[0], "verdict": "reject"}, *checks[1:]]
    assert found(outcome(Action.SCORE, papers(report={"checks": bad}))) == {
        "model_not_vetted": "report.checks"
    }


@pytest.mark.req("RQ-289")
def test_a_check_that_needs_an_override_passes_only_by_the_examiners_word() -> None:
    checks = whole().report.to_body()["checks"]
    asking = [{**checks[0], "verdict": "override"}, *checks[1:]]
    silent, given = ({"checks": asking, "verdict": word} for word in ("pass", "override"))
    assert found(outcome(Action.SCORE, papers(report=silent))) == {"model_not_vetted": "report.verdict"}
    assert outcome(Action.SCORE, papers(report=given)).allowed


@pytest.mark.req("RQ-289")
def test_another_report_than_the_signers_cited_is_refused() -> None:
    other = signed(amended(whole().report, {"id": "a-later-report"}), "examiner")
    decision = outcome(Action.SCORE, report=other)
    assert found(decision) == {"model_not_vetted": "authorization.vetting_report"}


@pytest.mark.req("RQ-289")
def test_a_changed_model_needs_a_new_authorization() -> None:
    changed = amended(whole().model, {"version": 2})
    of = papers(job={"model": changed.digest})
    decision = outcome(Action.SCORE, of, model=signed(changed, "actuary-partner"))
    assert decision.codes == ("model_mismatch", "model_not_vetted")


@pytest.mark.parametrize("action", PERSONAL)
def test_a_revoked_model_stops_everywhere(action: Action) -> None:
    halts = Halts(revoked_targets=frozenset({("model", whole().model.digest)}))
    assert outcome(action, halts=halts).codes == ("model_revoked",)


SUSPENDED: list[tuple[str, Callable[[Papers], str], str]] = [
    ("scenario", lambda of: of.scenario.digest, "scenario"),
    ("overall-authorization", lambda of: of.overall.digest, "overall-authorization"),
    ("party", lambda of: "actuary-partner", "party.actuary-partner"),
    ("party", lambda of: "hospital", "party.hospital"),
    ("party", lambda of: "hospital-enclave", "party.hospital-enclave"),
    ("party", lambda of: "gate", "party.gate"),
]


@pytest.mark.parametrize("action", ALL)
@pytest.mark.parametrize(("kind", "target", "where"), SUSPENDED, ids=[item[2] for item in SUSPENDED])
def test_a_suspension_stops_every_action(
    action: Action, kind: str, target: Callable[[Papers], str], where: str
) -> None:
    halts = Halts(suspended_targets=frozenset({(kind, target(whole()))}))
    assert found(outcome(action, halts=halts)) == {"suspended": where}


@pytest.mark.parametrize("action", AUTHORIZED)
def test_a_suspended_authorization_or_insurer_stops_scores(action: Action) -> None:
    for target in (("authorization", whole().authorization.digest), ("party", "insurer-one")):
        assert outcome(action, halts=Halts(suspended_targets=frozenset({target}))).codes == ("suspended",)


def test_the_roster_is_the_whole_list_and_the_pinned_enclaves() -> None:
    roster = whole().authorization.to_body()["roster"]
    swapped = [{**roster[0], "keyid": "e" * 64}, *roster[1:]]
    assert found(outcome(Action.SCORE, papers(authorization={"roster": swapped}))) == {
        "roster_mismatch": "authorization.roster"
    }
    assert found(outcome(Action.SCORE, papers(plan={"roster": roster[1:]}))) == {
        "roster_mismatch": "plan.roster"
    }
    assert found(outcome(Action.SCORE, papers(plan={"gate_keyid": "e" * 64}))) == {
        "roster_mismatch": "plan.gate"
    }


def test_an_authorization_with_fewer_departments_than_its_scenario_is_refused() -> None:
    roster = whole().authorization.to_body()["roster"]
    decision = outcome(Action.SCORE, papers(authorization={"roster": roster[1:]}))
    assert {"signatures_missing", "roster_mismatch"} <= set(decision.codes)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("job", "f" * 64),
        ("model", "f" * 64),
        ("scenario", "f" * 64),
        ("authorization", "f" * 64),
        ("recipient", "examiner"),
        ("recipient_sealing_key", "f" * 64),
        ("subjects", {"count": 4, "sha256": "f" * 64}),
    ],
)
def test_a_plan_for_anything_but_the_job_is_refused(member: str, value: Any) -> None:
    assert found(outcome(Action.SCORE, papers(plan={member: value}))) == {"plan_mismatch": f"plan.{member}"}


@pytest.mark.parametrize("action", RUNNING)
def test_a_run_needs_intent_and_a_fresh_quorum(action: Action) -> None:
    assert found(outcome(action, intent_included=False)) == {"intent_missing": "plan.intent"}
    assert found(outcome(action, intent_included=None)) == {"intent_missing": "plan.intent"}
    assert outcome(action, checkpoint_age_s=600).allowed
    assert found(outcome(action, checkpoint_age_s=601)) == {"checkpoint_stale": "log.checkpoint"}
    assert found(outcome(action, checkpoint_age_s=None)) == {"checkpoint_stale": "log.checkpoint"}
    assert found(outcome(action, checkpoint_age_s=-61)) == {"checkpoint_stale": "log.checkpoint"}


def test_a_log_shorter_than_the_authorization_demands_is_refused() -> None:
    assert outcome(Action.SCORE, checkpoint_size=42).allowed
    assert found(outcome(Action.SCORE, checkpoint_size=41)) == {"log_behind": "authorization.min_log_size"}
    assert outcome(Action.SCORE, checkpoint_size=None).codes == ("log_behind",)


@pytest.mark.req("RQ-299")
@pytest.mark.parametrize("action", PERSONAL)
@pytest.mark.parametrize("slots", [0, None])
def test_nothing_happens_without_a_standing_consent(action: Action, slots: int | None) -> None:
    assert "consent_missing" in outcome(action, slots_accepted=slots).codes


def test_counts_end_at_their_limits() -> None:
    assert outcome(Action.ADMIT_SCORE, runs_used=499).allowed
    assert found(outcome(Action.ADMIT_SCORE, runs_used=500)) == {
        "runs_exhausted": "scenario.limits.score_jobs"
    }
    assert outcome(Action.VET, runs_used=9).allowed
    assert found(outcome(Action.VET, runs_used=10)) == {"runs_exhausted": "scenario.limits.vet_jobs"}
    assert outcome(Action.DELIVER, fetches_used=999_997).allowed
    assert found(outcome(Action.DELIVER, fetches_used=999_998)) == {
        "quota_exhausted": "scenario.limits.fetches"
    }


def test_a_job_out_of_time_is_refused() -> None:
    early = datetime(2026, 4, 1, 0, 58, 59, tzinfo=UTC)
    late = datetime(2026, 4, 1, 13, 0, 0, tzinfo=UTC)
    assert found(outcome(Action.ADMIT_SCORE, now=early)) == {"job_expired": "job.expires_at"}
    assert found(outcome(Action.ADMIT_SCORE, now=late)) == {"job_expired": "job.expires_at"}
    assert outcome(Action.ADMIT_SCORE, now=late - timedelta(seconds=1)).allowed


@pytest.mark.parametrize("action", [Action.ADMIT_SCORE, Action.SCORE, Action.RELEASE])
def test_a_single_domain_needs_the_signers_word_that_the_gate_sees_totals(action: Action) -> None:
    # The authorization itself refuses to be written without the word; the decision does not rely on that.
    facts = replace(facts_of(case_for(action)), domains=1)
    accepted = replace(facts, gate_sees_totals=True)
    denied = decide(action, "insurer-one", scenario="0" * 64, facts=facts)
    assert decide(action, "insurer-one", scenario="0" * 64, facts=accepted).allowed
    assert found(denied) == {"gate_totals_not_accepted": "authorization.gate_sees_totals"}


@pytest.mark.req("RQ-196")
@pytest.mark.parametrize("action", [Action.ADMIT_SCORE, Action.DELIVER])
def test_a_price_above_the_cap_is_refused(action: Action) -> None:
    assert outcome(action, unit_price=Decimal("1.20")).allowed
    assert found(outcome(action, unit_price=Decimal("1.21"))) == {"price_above_cap": "price.cap"}
    assert outcome(action, unit_price=Decimal("NaN")).codes == ("price_above_cap",)
    assert outcome(action, unit_price=Decimal("-0.01")).codes == ("price_above_cap",)


@pytest.mark.req("RQ-195")
def test_free_use_needs_a_scenario_signed_as_public_benefit() -> None:
    purpose = whole().scenario.to_body()["purpose"]
    public = papers(scenario={"purpose": {**purpose, "purpose_class": "public-benefit"}})
    assert found(outcome(Action.DELIVER, unit_price=Decimal(0))) == {
        "free_use_not_approved": "scenario.purpose.purpose_class"
    }
    assert outcome(Action.DELIVER, public, unit_price=Decimal(0)).allowed


def test_a_price_must_be_the_filed_one_in_force() -> None:
    assert found(outcome(Action.DELIVER, papers(price={"term": EXPIRED}))) == {
        "price_not_in_force": "price.term"
    }
    other = signed(amended(whole().price, {"price": "0.10"}), "futian-agency", "futian-operator")
    assert found(outcome(Action.DELIVER, price=other)) == {"price_not_in_force": "authorization.price_filing"}


@pytest.mark.req("RQ-310")
@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"authorization": "a" * 64}, "release.authorization"),
        ({"recipient": "examiner"}, "release.recipient"),
        ({"recipient_sealing_key": "a" * 64}, "release.recipient_sealing_key"),
        ({"model": "a" * 64}, "release.model"),
    ],
)
def test_only_what_was_released_to_the_recipient_is_delivered(change: dict[str, Any], where: str) -> None:
    assert found(outcome(Action.DELIVER, papers(release=change))) == {"release_mismatch": where}


def test_a_release_past_its_expiry_is_not_delivered() -> None:
    late = datetime(2026, 7, 1, tzinfo=UTC)
    assert found(outcome(Action.DELIVER, now=late)) == {"release_mismatch": "release.sealed.expires_at"}


DOCUMENTS = ("job", "plan", "scenario", "authorization", "overall", "model", "report", "price", "query")


@pytest.mark.req("RQ-169")
@pytest.mark.parametrize("action", ALL)
def test_a_missing_document_never_opens(action: Action) -> None:
    case = case_for(action)
    for name in DOCUMENTS:
        if getattr(case, name) is not None and not decide_case(action, without(case, name)).denials:
            # What an action does not rest on, it may do without.
            assert (action, name) in UNUSED


UNUSED = {
    (Action.SCORE, "price"),
    (Action.RELEASE, "price"),
    (Action.AGGREGATE, "price"),
    (Action.RELEASE_CELLS, "price"),
    (Action.DELIVER, "model"),
    (Action.DELIVER, "report"),
    (Action.ADMIT_VET, "price"),
}


def without(case: Case, name: str) -> Case:
    fields = {field: getattr(case, field) for field in case.__dataclass_fields__}
    return Case(**{**fields, name: None})


def test_documents_of_another_kind_in_a_place_never_open() -> None:
    for name in ("scenario", "authorization", "job", "plan", "model", "report"):
        decision = outcome(Action.SCORE, **{name: whole().envelopes["price"]})
        assert not decision.allowed


@pytest.mark.req("RQ-303")
def test_a_denial_says_where_and_what_would_pass_in_two_languages() -> None:
    denial = outcome(Action.SCORE, papers(job={"purpose": "claims-review"})).denials[0]
    assert denial.to_json() == {
        "code": "purpose_mismatch",
        "policy": "purpose-mismatch",
        "reason": {"zh": "作业目的与场景目的不一致", "en": "the job's purpose is not the scenario's"},
        "change": {
            "zh": "将作业目的改为场景载明的目的代码",
            "en": "set the purpose to the code stated in the scenario",
        },
        "where": "job.purpose",
    }
