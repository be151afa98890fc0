"""The integers of mode paillier against exact fractions, and against what modes masked and bfv give."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies import banding, fixed_point
from policies.documents.encrypted import EncryptedWeights
from policies.documents.model import Feature, LinearPart, Model, PartHead, Transform
from policies.fixed_point import FRACTION_BITS, PRESENT, FixedPointInvalid

ZERO = "0" * 64


def feature(
    weight: str, low: str, high: str, *, transform: Transform = Transform.IDENTITY, column: str = "c"
) -> Feature:
    return Feature(column=column, transform=transform, weight=weight, low=low, high=high, fill=low)


def part_of(features: list[Feature], department: str = "hospital") -> LinearPart:
    named = tuple(f.model_copy(update={"column": f"c{n}"}) for n, f in enumerate(features))
    return LinearPart(id="part", department=department, dataset="rows", features=named)


def ends(part: LinearPart, grid: str) -> tuple[int, int]:
    """The reach of a part in grid units, outwards."""
    pairs = [
        sorted(Fraction(f.weight) * Fraction(transformed(f, float(end))) for end in (f.low, f.high))
        for f in part.features
    ]
    low, high = sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)
    return math.floor(low / Fraction(grid)), math.ceil(high / Fraction(grid))


def head_of(part: LinearPart, grid: str, default: int | None = None) -> PartHead:
    low, high = ends(part, grid)
    return PartHead(
        department=part.department,
        dataset="rows",
        digest=part.digest,
        default=low if default is None else default,
        low=low,
        high=high,
    )


def transformed(item: Feature, value: float) -> float:
    clipped = min(max(value, float(item.low)), float(item.high))
    return math.log1p(clipped) if item.transform is Transform.LOG1P else clipped


def document(part: LinearPart, head: PartHead, grid: str) -> EncryptedWeights:
    return EncryptedWeights(
        id="w",
        examiner="examiner",
        partner="partner",
        scenario=ZERO,
        model=ZERO,
        key=ZERO,
        department=part.department,
        dataset=part.dataset,
        part=part.digest,
        features=fixed_point.whole(part, head, grid=grid).features,
        weight_bound=fixed_point.weight_bound(head),
        intercept_bound=fixed_point.intercept_bound(head),
        ciphertexts=ZERO,
        entries=ZERO,
    )


def computed(part: LinearPart, head: PartHead, grid: str, values: list[float], *, known: bool = True) -> int:
    """What the ciphertexts give for one person, times 2^30."""
    whole = fixed_point.whole(part, head, grid=grid)
    columns = [np.array([transformed(f, value)]) for f, value in zip(part.features, values, strict=True)]
    (row,) = fixed_point.exponents(document(part, head, grid), columns, np.array([known])).tolist()
    return whole.intercept + sum(w * x for w, x in zip(whole.weights, row, strict=True))


@st.composite
def features(draw: st.DrawFn) -> Feature:
    transform = draw(st.sampled_from((Transform.IDENTITY, Transform.LOG1P)))
    low = draw(st.integers(0, 3) if transform is Transform.LOG1P else st.integers(-15, 15))
    width = draw(st.integers(1, 10**6))
    weight = draw(st.integers(-(10**6), 10**6))
    reach = math.log1p(low + width) - math.log1p(low) if transform is Transform.LOG1P else width
    # A weight that keeps the reach within six hundred grid units.
    scaled = weight / 10**6 * 30 / reach
    return feature(
        f"{scaled:.9f}" if abs(scaled) >= 1e-9 else "0", str(low), str(low + width), transform=transform
    )


@settings(max_examples=200, deadline=None)
@given(st.lists(features(), min_size=1, max_size=6), st.data())
def test_totals_are_within_the_stated_difference_of_modes_masked_and_bfv(
    made: list[Feature], data: st.DataObject
) -> None:
    grid = "0.05"
    cut = data.draw(st.integers(1, len(made)))
    parts = [part_of(made[:cut], "one"), *([part_of(made[cut:], "two")] if made[cut:] else [])]
    heads = [head_of(part, grid) for part in parts]
    model = Model.model_construct(grid=grid, intercept=3, parts=tuple(heads), cut_points=(1,))
    raw, exact, masked = 0, Fraction(0), 0
    for part, head in zip(parts, heads, strict=True):
        values = [
            data.draw(st.floats(float(f.low) - 1, float(f.high) + 1, allow_nan=False)) for f in part.features
        ]
        pairs = list(zip(part.features, values, strict=True))
        raw += computed(part, head, grid, values)
        exact += sum(Fraction(f.weight) * Fraction(transformed(f, v)) for f, v in pairs)
        plain = np.float64(sum(float(f.weight) * transformed(f, v) for f, v in pairs))
        masked += int(banding.units(np.array([plain]), head, grid=float(grid))[0])
    (units,) = fixed_point.rounded(np.array([raw], dtype=np.int64)).tolist()
    assert units == round(Fraction(raw, 1 << FRACTION_BITS))
    # Steps and whole weights cost a sixteenth of a grid unit and a little at most, whatever the features.
    assert abs(Fraction(raw, 1 << FRACTION_BITS) - exact / Fraction(grid)) < Fraction(1, 15)
    assert abs(units - masked) <= fixed_point.difference(model, features=len(made))
    assert model.low - 3 <= units <= model.high - 3


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-40, 40), st.integers(-100, 100), st.integers(1, 12)), min_size=1, max_size=8
    ),
    st.data(),
)
def test_a_model_in_whole_points_gives_the_same_total_in_every_mode(
    lines: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    grid = Fraction(1, 20)
    made = [feature(_text(w * grid), str(low), str(low + width)) for w, low, width in lines]
    part = part_of(made)
    low, high = ends(part, "0.05")
    head = head_of(part, "0.05", default=data.draw(st.integers(low, high)))
    values = [data.draw(st.integers(at - 1, at + width + 1)) for _, at, width in lines]
    points = sum(w * min(max(v, at), at + width) for (w, at, width), v in zip(lines, values, strict=True))
    assert computed(part, head, "0.05", [float(v) for v in values]) == points << FRACTION_BITS
    plain = np.array(
        [sum(float(f.weight) * transformed(f, float(v)) for f, v in zip(made, values, strict=True))]
    )
    assert banding.units(plain, head, grid=0.05).tolist() == [points]
    # A person not known here gives the default, exactly, by the same ciphertexts.
    assert (
        computed(part, head, "0.05", [float(v) for v in values], known=False) == head.default << FRACTION_BITS
    )


def _text(value: Fraction) -> str:
    text = f"{float(value):.2f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


@given(st.integers(-(2**62), 2**62))
def test_rounding_is_that_of_exact_fractions_with_halves_to_even(total: int) -> None:
    expected = round(Fraction(total, 1 << FRACTION_BITS))
    assert fixed_point.rounded(np.array([total], dtype=np.int64)).tolist() == [expected]


def test_halves_go_to_even() -> None:
    half = 1 << (FRACTION_BITS - 1)
    totals = np.array([half, -half, 3 * half, 5 * half, -3 * half], dtype=np.int64)
    assert fixed_point.rounded(totals).tolist() == [0, 0, 2, 2, -2]


@settings(deadline=None)
@given(st.lists(features(), min_size=1, max_size=6))
def test_weights_stay_within_bounds_that_tell_nothing_of_them(made: list[Feature]) -> None:
    part = part_of(made)
    head = head_of(part, "0.05")
    whole = fixed_point.whole(part, head, grid="0.05")
    assert max(map(abs, whole.weights)) <= fixed_point.weight_bound(head)
    assert abs(whole.intercept) <= fixed_point.intercept_bound(head)
    other = part_of([f.model_copy(update={"weight": "0"}) for f in made])
    same_ends = head.model_copy(update={"digest": other.digest})
    assert fixed_point.weight_bound(same_ends) == fixed_point.weight_bound(head)
    assert [(f.shift, f.first, f.last) for f in whole.features] == [
        (f.shift, f.first, f.last) for f in map(fixed_point.stepped, other.features)
    ]
    assert all(PRESENT - 1 <= f.last - f.first <= 2 * PRESENT for f in whole.features)


def test_a_part_whose_sum_could_leave_its_ends_is_refused_since_nothing_clips_it() -> None:
    part = part_of([feature("1", "0", "10"), feature("-1", "0", "10")])
    head = head_of(part, "1")
    fixed_point.whole(part, head, grid="1")
    for changed in ({"high": 9}, {"low": -9, "default": 0}):
        with pytest.raises(FixedPointInvalid, match="not clipped"):
            fixed_point.whole(part, head.model_copy(update=changed), grid="1")


@pytest.mark.parametrize(("low", "high"), [("5", "5"), ("1000000000000", "1000000000001")])
def test_a_feature_that_cannot_vary_or_lies_too_far_out_is_refused(low: str, high: str) -> None:
    with pytest.raises(FixedPointInvalid):
        fixed_point.stepped(feature("1", low, high))


def test_a_value_that_is_no_number_counts_as_not_known() -> None:
    part = part_of([feature("1", "0", "10")])
    head = head_of(part, "1", default=4)
    rows = fixed_point.exponents(
        document(part, head, "1"), [np.array([np.nan, 3.0, np.inf])], np.array([True, True, True])
    )
    assert rows[0].tolist() == [0, 0]
    assert rows[1, 0] == rows[2, 0] == PRESENT
    assert rows[2, 1] == document(part, head, "1").features[0].last
