"""A second opinion on every decision: a plain truth table, written from the plan and not from the Cedar text.

`evaluate(action, facts)` → (allowed, codes). It shares no code and no file with `policies.decision`.
"""

from __future__ import annotations

from collections.abc import Mapping

# One letter for each action, so that a row of the table reads at a glance.
ACTIONS = {
    "A": "admit-score",
    "B": "admit-vet",
    "S": "score",
    "V": "vet",
    "R": "release",
    "Q": "release-bands",
    "D": "deliver",
    "E": "admit-aggregate",
    "G": "aggregate",
    "C": "release-cells",
    "T": "deliver-table",
}
COUNTS = {"domains", "checkpoint_age_s", "runs_left", "slots_accepted", "fetches_left"}

# code, for which actions, the truths it asks for
TRUTHS = [
    ("raw_export", "ABSVRQEGC", "job_kind_known no_query"),
    ("suspended", "ABSVRQDEGCT", "not_suspended"),
    ("partner_not_admitted", "ABSVRQDEGCT", "partner_admitted"),
    ("partner_not_admitted", "ABSVRQEGC", "submitter_admitted"),
    ("recipient_not_admitted", "ASRDEGCT", "recipient_admitted"),
    ("authorization_missing", "ASRDEGCT", "authorization_present"),
    ("job_kind_mismatch", "ASR", "job_is_score"),
    ("job_kind_mismatch", "BVQ", "job_is_vet"),
    ("signatures_missing", "ABSVRQDEGCT", "scenario_signed overall_signed"),
    ("signatures_missing", "ABSVRQEGC", "job_signed"),
    ("signatures_missing", "ABSVRQ", "model_signed"),
    ("signatures_missing", "ASRDEGCT", "authorization_signed"),
    ("signatures_missing", "ASR", "report_signed"),
    ("signatures_missing", "SVRQGC", "plan_signed"),
    ("signatures_missing", "SVG", "datasets_signed"),
    ("signatures_missing", "DT", "releases_signed"),
    ("signatures_missing", "ADET", "price_signed"),
    ("overall_not_in_force", "ABSVRQDEGCT", "overall_in_force"),
    ("scenario_not_in_force", "ABSVRQDEGCT", "scenario_in_force"),
    ("authorization_not_in_force", "ASRDEGCT", "authorization_in_force"),
    ("scenario_mismatch", "ABSVRQEGC", "job_names_scenario"),
    ("scenario_mismatch", "ASRDEGCT", "authorization_names_scenario"),
    ("authorization_mismatch", "ABSVRQEGC", "job_names_authorization"),
    ("job_kind_not_authorized", "ASREGC", "kind_authorized"),
    ("purpose_mismatch", "ABSVRQEGC", "purpose_matches"),
    ("recipient_not_named", "ASRDEGCT", "recipient_named"),
    ("recipient_not_named", "BVQ", "recipient_is_examiner"),
    ("job_expired", "ABSVRQEGC", "job_in_time"),
    ("data_list_mismatch", "ASRDEGCT", "data_list_matches"),
    ("column_not_listed", "SVG", "columns_listed"),
    ("use_not_allowed", "SVG", "uses_allowed"),
    ("dataset_changed", "SVG", "datasets_current"),
    ("model_revoked", "ABSVRQD", "model_not_revoked"),
    ("model_mismatch", "ABSVRQ", "model_matches"),
    ("model_mismatch", "ASR", "model_authorized"),
    ("model_not_vetted", "ASR", "model_vetted"),
    ("signatures_missing", "ABSVRQ", "weights_signed"),
    ("encryption_mismatch", "ABSVRQ", "weights_match"),
    ("encryption_mismatch", "ASR", "weights_authorized"),
    ("protection_missing", "ABSVRQEGC", "mode_in_scenario"),
    ("protection_missing", "ASREGC", "mode_in_authorization"),
    ("roster_mismatch", "ABSVRQEGC", "roster_matches"),
    ("plan_mismatch", "SVRQGC", "plan_matches"),
    ("plan_expired", "SVRQGC", "plan_in_time"),
    ("intent_missing", "SVRQGC", "intent_included"),
    ("log_behind", "SRGC", "log_reaches_authorization"),
    ("release_mismatch", "DT", "releases_match"),
    ("price_not_in_force", "ADET", "price_in_force"),
    ("price_above_cap", "ADET", "price_within_cap"),
    ("free_use_not_approved", "ADET", "free_use_approved"),
    ("job_kind_mismatch", "EGC", "job_is_aggregate"),
    ("query_mismatch", "EGC", "query_matches"),
    ("signatures_missing", "EGC", "query_signed listed_signed"),
    ("query_not_authorized", "EGC", "query_authorized"),
    ("limit_loosened", "EGC", "limits_kept"),
    ("raw_export", "EGC", "query_aggregates"),
    ("query_refused", "EGC", "query_governed"),
]
KNOWN = (
    {name for _, _, names in TRUTHS for name in names.split()}
    | COUNTS
    | {"gate_sees_totals", "bilateral_accepted"}
)


def evaluate(action: str, facts: Mapping[str, object]) -> tuple[bool, frozenset[str]]:
    """Whether the action is allowed, and the codes of all that stands against it."""
    if not _well_formed(facts):
        return False, frozenset({"decision_error"})
    if action == "raw-export":
        return False, frozenset({"raw_export"})
    letter = next((letter for letter, name in ACTIONS.items() if name == action), None)
    if letter is None:
        return False, frozenset({"decision_error"})
    codes = {
        code
        for code, actions, names in TRUTHS
        if letter in actions and not all(facts.get(name) is True for name in names.split())
    }
    codes |= _counts_against(letter, facts)
    return not codes, frozenset(codes)


def _well_formed(facts: Mapping[str, object]) -> bool:
    for name, value in facts.items():
        expected = int if name in COUNTS else bool
        if name not in KNOWN or type(value) is not expected:
            return False
    return True


def _counts_against(letter: str, facts: Mapping[str, object]) -> set[str]:
    """What the counts say: a count that is not there is worse than any."""
    none = -(10**9)
    count = {name: value if isinstance(value := facts.get(name), int) else none for name in COUNTS}
    codes = set()
    if letter in "ASREGC" and count["domains"] < 2 and facts.get("gate_sees_totals") is not True:
        codes.add("gate_totals_not_accepted")
    enough = count["domains"] == 1 or count["domains"] >= 3
    if letter in "EGC" and not enough and facts.get("bilateral_accepted") is not True:
        codes.add("domains_too_few")
    if letter in "SVRQGC" and count["checkpoint_age_s"] not in range(-60, 601):
        codes.add("checkpoint_stale")
    if letter in "ABSVRQD" and count["slots_accepted"] < 1:
        codes.add("consent_missing")
    if letter in "ABSVEG" and count["runs_left"] < 1:
        codes.add("runs_exhausted")
    if letter in "DT":
        missing = none in (count["fetches_left"], count["slots_accepted"])
        if missing or count["fetches_left"] < count["slots_accepted"]:
            codes.add("quota_exhausted")
    return codes
