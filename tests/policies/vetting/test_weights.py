"""V2, V6 and V7 at their limits, and on the models of the reference experiment."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.documents.model import Part
from policies.documents.vetting import Verdict
from policies.vetting import REQUIRED_CHECKS, VettingInputInvalid, judge, verdict
from tests.policies.vetting.kit import F, bands_of, checks_of, metrics_of, model_of, onnx_part, part_of

HONEST = [F("1"), F("0.9"), F("-0.8"), F("0.7"), F("0.6"), F("0.5")]


@pytest.mark.req("RQ-289")
def test_an_honest_model_passes_every_check() -> None:
    checks = checks_of(HONEST)
    assert set(checks) == REQUIRED_CHECKS
    of_graphs_and_training = {"v9", "v10", "v11", "v12", "v13", "v15"}
    for name, check in checks.items():
        expected = Verdict.NOT_APPLICABLE if name in of_graphs_and_training else Verdict.PASS
        assert check.verdict is expected, check
    assert verdict(checks.values()) is Verdict.PASS


@pytest.mark.req("RQ-309")
@pytest.mark.parametrize(
    ("features", "expected"),
    [
        # Shares 0.5 and 0.5: n_eff is 2.
        ([F("1"), F("1")], Verdict.PASS),
        ([F("1", "59"), F("1", "41")], Verdict.PASS),
        ([F("1", "60"), F("1", "40")], Verdict.OVERRIDE),
        ([F("1", "70"), F("1", "30")], Verdict.OVERRIDE),
        # n_eff = 1/(0.8² + 0.2²) = 1.47, just below the limit.
        ([F("1", "80"), F("1", "20")], Verdict.REJECT),
        ([F("1", "801"), F("1", "100"), F("1", "99")], Verdict.REJECT),
        ([F("1")], Verdict.REJECT),
        ([F("1"), F("0")], Verdict.REJECT),
        ([F("1"), F("0.01")], Verdict.REJECT),
        ([F("1", "0"), F("1", "0")], Verdict.REJECT),
    ],
)
def test_v2_limits_the_share_of_one_column(features: list[F], expected: Verdict) -> None:
    assert checks_of(features)["v2"].verdict is expected


def test_v2_counts_several_features_of_a_column_as_one() -> None:
    halves = [F("0.5", column="a"), F("0.5", column="a"), F("0.1", column="b")]
    opposite = [F("5", column="a"), F("-4.5", column="a"), F("0.1", column="b")]
    assert checks_of(halves)["v2"].verdict is Verdict.REJECT
    assert checks_of(opposite)["v2"].verdict is Verdict.REJECT


def test_v2_judges_a_domain_with_a_single_feature_on_the_whole_model() -> None:
    checks = checks_of([F("1")], [F("1")], [F("1")])
    assert checks["v2"].verdict is Verdict.PASS


def test_v2_tells_equal_column_names_of_two_departments_apart() -> None:
    assert checks_of([F("1", column="age")], [F("1", column="age")])["v2"].verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("counts", "persons", "expected"),
    [
        ((50, 50), None, Verdict.PASS),
        ((50, 45), None, Verdict.REJECT),
        ((5000, 4900, 100), None, Verdict.PASS),
        ((5000, 4905, 95), None, Verdict.REJECT),
        ((100, 0, 100), None, Verdict.REJECT),
        ((9950, 50), 10_000, Verdict.REJECT),
        ((60,) * 20, None, Verdict.PASS),
    ],
)
def test_v6_asks_for_bands_of_fifty_persons_and_one_percent(
    counts: tuple[int, ...], persons: int | None, expected: Verdict
) -> None:
    assert checks_of(HONEST, counts=counts, persons=persons)["v6"].verdict is expected


def positional(base: int, features: int = 6) -> list[F]:
    return [F(str(base**place), "8.25", high=str(base - 1)) for place in range(features)]


@pytest.mark.req("RQ-309")
@pytest.mark.parametrize(
    ("features", "expected"),
    [
        (positional(10), Verdict.REJECT),
        (positional(2), Verdict.REJECT),
        (positional(10, 3), Verdict.REJECT),
        # Scaling the columns to 0…1 hides nothing.
        ([F(str(7**place)) for place in range(5)], Verdict.REJECT),
        # Nor do signs and order.
        ([F("100"), F("-1"), F("10"), F("-1000")], Verdict.REJECT),
        # Ten equal columns below two digits blur them; above three digits they may be known: the examiner looks at it.
        ([*(F("1") for _ in range(10)), F("3"), F("9")], Verdict.PASS),
        ([*(F("1000") for _ in range(10)), F("1"), F("10"), F("100")], Verdict.OVERRIDE),
        # Largest over smallest swing.
        ([F(w, high="10") for w in ("1", "1.2", "0.00012")], Verdict.PASS),
        ([F(w, high="10") for w in ("1", "1.2", "0.00011999")], Verdict.REJECT),
        ([F("0"), F("0")], Verdict.REJECT),
        ([F("1", high="0")], Verdict.REJECT),
    ],
)
def test_v7_refuses_weights_that_write_columns_like_digits(features: list[F], expected: Verdict) -> None:
    assert checks_of(features)["v7"].verdict is expected


@pytest.mark.req("RQ-309")
def test_v7_is_not_blinded_by_a_range_that_is_only_declared() -> None:
    # A feature of hardly any spread, declared to reach a million, would blur all digits if its word were taken.
    blinding = F("0.001", "0.01", high="1000000")
    assert checks_of([blinding, *positional(2)])["v7"].verdict is Verdict.REJECT
    assert checks_of([F("1", "1000000", high="3500"), *positional(2)])["v7"].verdict is Verdict.PASS


def test_v7_measures_the_range_after_the_transform() -> None:
    logarithms = checks_of([F("1", high="22025.47", transform="log1p"), F("1", high="10")])
    assert logarithms["v7"].figure.startswith("swing ratio 1.000,")
    flags = checks_of([F("1", high="50", transform="equals"), F("1")])
    assert flags["v7"].figure.startswith("swing ratio 1.000,")


def test_a_graph_asks_for_an_override_and_never_passes_by_itself() -> None:
    parts: list[Part] = [onnx_part("d00"), part_of("d01", HONEST)]
    model = model_of(parts)
    metrics = [metrics_of(model, parts[0], ["1"]), metrics_of(model, parts[1], ["1"] * 6)]
    checks = {c.check: c for c in judge(model, parts, metrics=metrics, bands=bands_of(model))}
    assert set(checks) == REQUIRED_CHECKS
    assert {checks["v2"].verdict, checks["v7"].verdict} == {Verdict.OVERRIDE}
    assert verdict(checks.values()) is Verdict.OVERRIDE


def test_the_verdict_is_the_worst_and_nothing_is_a_rejection() -> None:
    passing, rejecting = checks_of(HONEST), checks_of([F("1")])
    assert verdict([]) is Verdict.REJECT
    assert verdict([passing["v6"], rejecting["v2"]]) is Verdict.REJECT


def test_what_belongs_to_another_model_is_not_judged() -> None:
    part, other = part_of("d00", HONEST), part_of("d00", HONEST[:3])
    model, another = model_of([part]), model_of([other])
    good, bands = metrics_of(model, part, ["1"] * 6), bands_of(model)
    wrong_columns = metrics_of(model, part, ["1"] * 6).model_copy(update={"features": good.features[::-1]})
    negative = metrics_of(model, part, ["-1", *["1"] * 5])
    judge(model, [part], metrics=[good], bands=bands)
    for parts, metrics, counts in (
        ([other], [good], bands),
        ([], [good], bands),
        ([part, part], [good], bands),
        ([part], [], bands),
        ([part], [good, good], bands),
        ([part], [metrics_of(another, other, ["1"] * 3)], bands),
        ([part], [wrong_columns], bands),
        ([part], [negative], bands),
        ([part], [good], bands_of(another)),
        ([part], [good], bands_of(model, (100, 100))),
    ):
        with pytest.raises(VettingInputInvalid):
            judge(model, parts, metrics=metrics, bands=counts)


weights = (
    st.integers(-400, 400).map(lambda number: f"{number / 100:.2f}").filter(lambda text: float(text) != 0)
)
lists = st.lists(st.builds(F, weights, st.sampled_from(["0.25", "1", "4", "100"])), min_size=1, max_size=8)


@settings(max_examples=150, deadline=None)
@given(features=lists)
def test_v2_says_what_floating_point_says_away_from_the_limits(features: list[F]) -> None:
    variances = [float(f.weight) ** 2 * float(f.variance) for f in features]
    shares = [variance / math.fsum(variances) for variance in variances]
    largest, effective = max(shares), 1 / math.fsum(share * share for share in shares)
    if min(abs(largest - 0.8), abs(largest - 0.6), abs(effective - 1.5)) < 1e-6:
        return
    expected = (
        Verdict.REJECT
        if largest > 0.8 or effective < 1.5
        else Verdict.OVERRIDE
        if largest > 0.6
        else Verdict.PASS
    )
    assert checks_of(features)["v2"].verdict is expected


@settings(max_examples=100, deadline=None)
@given(features=lists, scale=st.sampled_from(["10", "0.1", "-1"]))
def test_scaling_all_weights_or_changing_their_order_changes_no_verdict(
    features: list[F], scale: str
) -> None:
    scaled = [F(f"{Decimal(f.weight) * Decimal(scale):f}", f.variance) for f in reversed(features)]
    before, after = checks_of(features), checks_of(scaled)
    assert {name: check.verdict for name, check in before.items()} == {
        name: check.verdict for name, check in after.items()
    }
