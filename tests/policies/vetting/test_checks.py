"""V1, V3 to V5, V8 to V14 and V16 at their limits, and what a report must name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from policies.documents.authorization import Limits
from policies.documents.document import DocumentInvalid
from policies.documents.model import Part
from policies.documents.vetting import Check, Verdict, VettingReport
from policies.vetting import REQUIRED_CHECKS, VettingInputInvalid, judge, refused, verdict
from policies.vetting.columns import is_identifying
from tests.policies.vetting.kit import (
    ZERO,
    F,
    bands_of,
    graph_figures,
    leaks,
    metrics_of,
    model_of,
    onnx_part,
    part_of,
)

HONEST = [F("1"), F("0.9"), F("-0.8"), F("0.7"), F("0.6"), F("0.5")]
PASS, REJECT, NONE = Verdict.PASS, Verdict.REJECT, Verdict.NOT_APPLICABLE


def judged(
    *domains: Sequence[F],
    features: dict[str, Any] | None = None,
    given: dict[str, Any] | None = None,
    whole: dict[str, Any] | None = None,
) -> dict[str, Check]:
    """Checks of linear parts; `features` and `whole` replace members of the first domain's metrics."""
    parts = [part_of(f"d{number:02}", fs) for number, fs in enumerate(domains or [HONEST])]
    model = model_of(parts)
    metrics = [
        metrics_of(
            model,
            part,
            [f.variance for f in fs],
            features=features if n == 0 else None,
            **(whole or {}) if n == 0 else {},
        )
        for n, (part, fs) in enumerate(zip(parts, domains or [HONEST], strict=True))
    ]
    found = judge(model, parts, metrics=metrics, bands=bands_of(model), **(given or {}))
    return {check.check: check for check in found}


def judged_graph(graph: dict[str, Any], **changes: Any) -> dict[str, Check]:
    """Checks of a graph of one input beside an honest linear part."""
    parts: list[Part] = [onnx_part("d00"), part_of("d01", HONEST)]
    model = model_of(parts)
    metrics = [
        metrics_of(model, parts[0], ["1"], graph=graph_figures(**graph), **changes),
        metrics_of(model, parts[1], ["1"] * 6),
    ]
    return {c.check: c for c in judge(model, parts, metrics=metrics, bands=bands_of(model))}


def test_v1_to_v16_are_all_named_once_in_their_order() -> None:
    checks = list(judged())
    assert checks == [f"v{number}" for number in range(1, 17)]
    assert set(checks) == REQUIRED_CHECKS


@pytest.mark.parametrize(("distinct", "expected"), [("0.2", PASS), ("0.201", REJECT), ("1", REJECT)])
def test_v1_refuses_an_input_that_names_people(distinct: str, expected: Verdict) -> None:
    assert judged(features={"distinct": distinct})["v1"].verdict is expected


def test_v1_holds_the_list_against_every_feature() -> None:
    keys = [("d00", "facts", f"c{number}") for number in range(6)]
    assert judged(given={"listed": keys})["v1"].verdict is PASS
    assert judged(given={"listed": keys[1:]})["v1"].verdict is REJECT
    assert judged(given={"listed": [("d01", *key[1:]) for key in keys]})["v1"].verdict is REJECT


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("person_id", True),
        ("id", True),
        ("id_number", True),
        ("mobile_phone", True),
        ("home_address", True),
        ("full_name", True),
        ("email", True),
        ("visits", False),
        ("idle_days", False),
        ("paid_yuan", False),
        ("named_beneficiaries", False),
        ("phone_calls", False),
    ],
)
def test_v1_knows_identifiers_by_their_names(name: str, expected: bool) -> None:
    assert is_identifying(name) is expected
    assert (judged([F("1", column=name), F("1"), F("1")])["v1"].verdict is REJECT) is expected


@pytest.mark.req("RQ-309")
@pytest.mark.parametrize(
    ("check", "member", "sensitive", "passing", "failing"),
    [
        ("v3", "spearman", True, "0.9", "0.901"),
        ("v3", "spearman", False, "0.95", "0.951"),
        ("v4", "information", True, "0.35", "0.351"),
        ("v4", "information", False, "0.5", "0.501"),
        ("v5", "gain", True, "0.2", "0.201"),
        ("v5", "gain", False, "0.2", "0.201"),
    ],
)
def test_v3_to_v5_hold_a_feature_to_its_limit(
    check: str, member: str, sensitive: bool, passing: str, failing: str
) -> None:
    for value, expected in ((passing, PASS), (failing, REJECT)):
        found = judged(features={"sensitive": sensitive, "leaks": leaks(**{member: value})})
        assert found[check].verdict is expected
        assert {found[name].verdict for name in {"v3", "v4", "v5"} - {check}} == {PASS}


def falling(*spearman: str) -> list[dict[str, str]]:
    shares = ("1", "0.9", "0.6", "0.3")
    return [
        {"share": share, "spearman": rho, "information": "0.1", "gain": "0.1"}
        for share, rho in zip(shares, spearman, strict=True)
    ]


@pytest.mark.req("RQ-309")
@pytest.mark.parametrize(
    ("own", "others", "expected"),
    [
        # The only domain is judged on its partial.
        ("100", None, REJECT),
        # 0.75 of the variance: judged at 0.9, the next share measured.
        ("75", "12.5", REJECT),
        ("60", "20", PASS),
        ("50", "25", PASS),
        ("1", "49.5", PASS),
    ],
)
def test_a_domains_only_feature_is_judged_on_the_whole_model(
    own: str, others: str | None, expected: Verdict
) -> None:
    rest = [] if others is None else [[F("1", others), F("1", others)]]
    found = judged([F("1", own)], *rest, features={"leaks": falling("1", "0.97", "0.8", "0.55")})
    assert found["v3"].verdict is expected
    assert "1.000 on the partial alone" in found["v3"].figure


def test_a_figure_between_two_shares_errs_to_the_strict_side() -> None:
    def at(own: str) -> Verdict:
        return judged(
            [F("1", own)],
            [F("1", "50"), F("1", "50")],
            features={"leaks": falling("1", "0.97", "0.8", "0.55")},
        )["v3"].verdict

    # 149/249 is just below 0.6, 151/251 just above.
    assert at("149") is PASS
    assert at("151") is REJECT


@pytest.mark.parametrize(
    ("unique", "features", "expected"),
    [
        ("0.5", HONEST, PASS),
        ("0.501", HONEST, REJECT),
        ("0.9", [F("1")] * 9, NONE),
        ("0.9", [F("1")] * 8, REJECT),
    ],
)
def test_v8_refuses_a_fingerprint_of_few_features(unique: str, features: list[F], expected: Verdict) -> None:
    assert judged(features, whole={"unique": unique})["v8"].verdict is expected


def test_v8_does_not_count_idle_features() -> None:
    idle = [F("0.001", column=f"idle{number}") for number in range(20)]
    assert judged([*HONEST, *idle], whole={"unique": "0.9"})["v8"].verdict is REJECT


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        ({}, NONE),
        ({"trees": 500, "depth": 8, "small_leaf": False}, PASS),
        ({"trees": 501, "depth": 8, "small_leaf": False}, REJECT),
        ({"trees": 500, "depth": 9, "small_leaf": False}, REJECT),
        ({"trees": 1, "depth": 1, "small_leaf": True}, REJECT),
        ({"trees": 1, "depth": 1, "small_leaf": None}, REJECT),
        ({"faults": ["v9"]}, REJECT),
    ],
)
def test_v9_refuses_leaves_of_a_few_people(graph: dict[str, Any], expected: Verdict) -> None:
    assert judged_graph(graph)["v9"].verdict is expected


@pytest.mark.parametrize(
    ("check", "graph", "expected"),
    [
        ("v10", {"parameters": 500}, PASS),
        ("v10", {"parameters": 501}, REJECT),
        ("v10", {"constant_bytes": 4 * 1024 * 1024}, PASS),
        ("v10", {"constant_bytes": 4 * 1024 * 1024 + 1}, REJECT),
        ("v10", {"largest_table": 1000}, PASS),
        ("v10", {"largest_table": 1001}, REJECT),
        ("v10", {"faults": ["v10"]}, REJECT),
        ("v11", {}, PASS),
        ("v11", {"faults": ["v11"]}, REJECT),
        ("v12", {"nodes": 2000}, PASS),
        ("v12", {"nodes": 2001}, REJECT),
        ("v12", {"faults": ["v11", "v12"]}, REJECT),
        ("v13", {}, PASS),
        ("v13", {"row_independent": False}, REJECT),
        ("v13", {"row_independent": None}, REJECT),
        ("v6", {"faults": ["v6"]}, REJECT),
    ],
)
def test_graphs_are_held_to_their_limits(check: str, graph: dict[str, Any], expected: Verdict) -> None:
    assert judged_graph(graph)[check].verdict is expected


def test_parameters_are_held_against_the_persons_of_the_graphs_own_domain() -> None:
    assert judged_graph({"parameters": 60}, persons=595)["v10"].verdict is REJECT
    assert judged_graph({"parameters": 60}, persons=600)["v10"].verdict is PASS


def test_what_was_not_measured_is_rejected() -> None:
    nothing = {"distinct": None, "effect": None, "raw_information": None, "sweep": None, "leaks": []}
    found = judged_graph(
        {"faults": ["v11"], "row_independent": None},
        variance=None,
        unique=None,
        finite=None,
        features=nothing,
    )
    for name in ("v1", "v3", "v4", "v5", "v6", "v8", "v13", "v14"):
        assert (found[name].verdict, found[name].figure) == (REJECT, "not measured")
    assert verdict(found.values()) is REJECT


def test_a_model_with_a_faulty_graph_is_refused_without_band_counts() -> None:
    part = onnx_part("d00")
    model = model_of([part])
    faulty = metrics_of(model, part, ["1"], graph=graph_figures(faults=["v10"]))
    found = {check.check: check for check in refused([faulty])}
    assert set(found) == REQUIRED_CHECKS
    assert {check.verdict for check in found.values()} == {REJECT}
    assert [name for name, check in found.items() if check.figure != "not measured"] == ["v10"]
    with pytest.raises(VettingInputInvalid):
        refused([metrics_of(model, part, ["1"])])


def test_leaks_that_do_not_begin_with_the_partial_are_not_taken() -> None:
    assert judged(features={"leaks": leaks()[1:]})["v3"].verdict is REJECT


@pytest.mark.parametrize(
    ("sweep", "expected"),
    [
        # Others: five columns of variance 0.81 + 0.64 + … = 2.55; 20 levels of 4 deviations each are 127.7 wide.
        ({"levels": 21, "span": 127}, PASS),
        ({"levels": 20, "span": 1000}, PASS),
        ({"levels": 21, "span": 151}, REJECT),
    ],
)
def test_v14_refuses_a_column_that_can_be_read_level_by_level(
    sweep: dict[str, int], expected: Verdict
) -> None:
    assert judged(features={"sweep": sweep})["v14"].verdict is expected


def test_v14_refuses_what_is_no_number() -> None:
    assert judged(whole={"finite": False})["v14"].verdict is REJECT


def test_v16_refuses_a_model_that_says_more_than_a_year_may() -> None:
    granted = Limits(vet_jobs=1, score_jobs=1, fetches=1, bits_per_subject_year=2)
    assert judged(given={"limits": granted})["v16"].verdict is PASS
    narrow = granted.model_copy(update={"bits_per_subject_year": 1})
    assert judged(given={"limits": narrow})["v16"].verdict is REJECT


def test_a_graph_that_carries_everything_in_one_column_is_rejected_by_what_was_measured() -> None:
    parts: list[Part] = [onnx_part("d00"), part_of("d01", HONEST)]
    model = model_of(parts)
    metrics = [metrics_of(model, parts[0], ["40"]), metrics_of(model, parts[1], ["1"] * 6)]
    found = {c.check: c for c in judge(model, parts, metrics=metrics, bands=bands_of(model))}
    assert found["v2"].verdict is REJECT


def test_not_applicable_neither_saves_nor_stains_a_verdict() -> None:
    checks = judged()
    nothing = [check for check in checks.values() if check.verdict is NONE]
    assert nothing
    assert verdict(nothing) is REJECT
    assert verdict([*nothing, checks["v6"]]) is PASS


def test_a_report_itself_is_never_not_applicable() -> None:
    body: dict[str, Any] = {
        "id": "report",
        "examiner": "examiner",
        "scenario": ZERO,
        "model": ZERO,
        "metrics": [ZERO],
        "checks": [check.model_dump(mode="json") for check in judged().values()],
        "verdict": "pass",
        "issued_at": "2026-01-02T00:00:00Z",
    }
    assert VettingReport.from_body(body).verdict is PASS
    with pytest.raises(DocumentInvalid):
        VettingReport.from_body({**body, "verdict": "not-applicable"})


def test_figures_of_a_graph_belong_to_an_onnx_part_and_to_no_other() -> None:
    part = part_of("d00", HONEST)
    model = model_of([part])
    with pytest.raises(VettingInputInvalid):
        judge(
            model,
            [part],
            metrics=[metrics_of(model, part, ["1"] * 6, graph=graph_figures())],
            bands=bands_of(model),
        )
    with pytest.raises(VettingInputInvalid):
        judge(
            model,
            [part],
            metrics=[metrics_of(model, part, ["1"] * 6, variance="-1")],
            bands=bands_of(model),
        )
