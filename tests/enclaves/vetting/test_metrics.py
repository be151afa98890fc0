"""What leaves of a part: exact where it may be, rounded, and nothing about a few people."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from enclaves.run.errors import TooFewPersons
from enclaves.vetting import metrics
from enclaves.vetting.metrics import Population, measured, unmeasured
from enclaves.worker.vector import evaluator
from policies.documents.dataset import ColumnType
from policies.documents.model import Feature, LinearPart, Part, Transform
from policies.documents.vetting import VetMetrics
from tests.enclaves.vetting.kit import (
    everybody,
    figures,
    linear_part,
    numbers,
    onnx_part,
    subject_of,
    weighted_graph,
)

ROWS = 4000
DICE = np.random.default_rng(11)
AGE, DAYS, COST = (DICE.integers(0, high, ROWS).astype(np.float64) for high in (101, 31, 100))
PART = linear_part({"age": "1", "days": "2", "cost": "0.5"})
PEOPLE = everybody(age=AGE, days=DAYS, cost=COST)


def body(
    part: Part = PART, people: Population = PEOPLE, graph: bytes | None = None, **settings: Any
) -> dict[str, Any]:
    found: dict[str, Any] = measured(
        subject_of(part, **settings), people, figures(part, people), evaluator(part, graph)
    )
    return found


def test_figures_are_those_of_the_rows_rounded() -> None:
    found = body()
    units = np.rint(AGE + 2 * DAYS + 0.5 * COST)
    assert found["persons"] == 4000
    assert found["variance"] == f"{float(f'{units.var():.2e}'):g}"
    assert found["unique"] == f"{len(set(units)) / ROWS:.3f}".rstrip("0")
    age, days, _ = found["features"]
    assert (age["sensitive"], days["sensitive"]) == (True, False)
    assert age["distinct"] == f"{101 / ROWS:.3f}"
    assert float(days["effect"]) == pytest.approx(4 * DAYS.var(), rel=0.01)
    # The list of weights says how far a sweep goes: 0 to 100 in whole numbers, and twice as far in half as many steps.
    assert age["sweep"] == {"levels": 101, "span": 100}
    assert days["sweep"] == {"levels": 101, "span": 200}
    assert found["finite"] is True


def test_a_leak_falls_with_the_share_the_partial_has_in_the_score() -> None:
    for feature in body(linear_part({"age": "1", "days": "0.001"}), everybody(age=AGE, days=DAYS))[
        "features"
    ][:1]:
        assert [leak["share"] for leak in feature["leaks"]] == ["1", "0.9", "0.6", "0.3"]
        assert feature["leaks"][0]["spearman"] == "1"
        for name in ("spearman", "information", "gain"):
            figures_ = [Decimal(leak[name]) for leak in feature["leaks"]]
            assert figures_ == sorted(figures_, reverse=True)
        # Pearson's ρ of a partial under an independent rest is the root of its share.
        assert float(feature["leaks"][3]["spearman"]) == pytest.approx(0.3**0.5, abs=0.05)


def test_a_feature_in_which_fewer_than_ten_differ_counts_as_constant() -> None:
    rare = np.zeros(ROWS)
    rare[:9] = 100
    part = linear_part({"age": "1", "rare": "50"})
    quiet = body(part, everybody(age=AGE, rare=rare))["features"][1]
    assert (quiet["variance"], quiet["effect"], quiet["distinct"]) == ("0", "0", "0")
    assert {leak["spearman"] for leak in quiet["leaks"]} == {"0"}
    rare[9] = 100
    loud = body(part, everybody(age=AGE, rare=rare))["features"][1]
    assert float(loud["effect"]) > 0
    assert loud["variance"] != "0"


@pytest.mark.parametrize("persons", [1, 9])
def test_nothing_leaves_of_fewer_than_ten_persons(persons: int) -> None:
    with pytest.raises(TooFewPersons):
        body(people=everybody(age=AGE[:persons], days=DAYS[:persons], cost=COST[:persons]))
    few = DAYS.copy()
    few[persons:] = np.nan
    with pytest.raises(TooFewPersons):
        body(people=everybody(age=AGE, days=few, cost=COST))


def test_a_missing_value_is_filled_as_the_part_says() -> None:
    holes = AGE.copy()
    holes[::2] = np.nan
    filled = np.where(np.isnan(holes), 0, holes)
    found = body(linear_part({"age": "1"}), everybody(age=holes))
    assert float(found["variance"]) == pytest.approx(filled.var(), rel=0.01)
    assert found["features"][0]["persons"] == ROWS // 2


def test_a_graph_is_measured_like_the_same_weights() -> None:
    graph = weighted_graph([1.0, 2.0, 0.5])
    part = onnx_part(["age", "days", "cost"], graph)
    assert body(part, graph=graph) == body()


def test_a_part_that_may_not_run_tells_only_of_its_columns() -> None:
    part = onnx_part(["age", "days", "cost"], b"")
    found: dict[str, Any] = unmeasured(subject_of(part), PEOPLE, figures(part, PEOPLE))
    assert found["variance"] is None
    assert found["features"][0]["persons"] == ROWS
    assert found["features"][0]["leaks"] == []
    assert found["features"][0]["effect"] is None


def test_a_value_that_is_no_number_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import onnx

    nodes = [
        onnx.helper.make_node("MatMul", ["x", "w"], ["z"]),
        onnx.helper.make_node("Log", ["z"], ["y"]),
    ]
    from tests.enclaves.vetting.kit import graph

    made = graph(nodes, 1, {"w": np.array([[-1.0]], dtype=np.float32)})
    assert body(onnx_part(["age"], made), everybody(age=AGE), made)["finite"] is False


def test_texts_are_swept_over_what_the_part_compares_with() -> None:
    def equal(text: str, weight: str) -> Feature:
        return Feature(
            column="sex", transform=Transform.EQUALS, equals=text, weight=weight, low="0", high="1", fill="0"
        )

    part = LinearPart(
        id="part", department="hospital", dataset="visits", features=(equal("F", "3"), equal("M", "5"))
    )
    sexes = numbers(np.zeros(ROWS))
    texts = np.array(["F", "M"] * (ROWS // 2), dtype=object)
    people = Population({"sex": type(sexes)(texts, sexes.missing)}, ROWS)
    from connectors.store.statistics import ColumnStatistics

    given = [ColumnStatistics("sex", ROWS, 0.25)] * 2
    found: dict[str, Any] = measured(
        subject_of(part, sex=ColumnType.TEXT), people, given, evaluator(part, None)
    )
    assert found["features"][0]["sweep"] == {"levels": 3, "span": 5}
    assert float(found["features"][0]["effect"]) == 1.0


def test_what_is_measured_fits_the_document_even_with_the_most_features() -> None:
    many = {f"column_{number:03}": str(number + 1) for number in range(200)}
    people = everybody(**{name: DICE.integers(0, 101, 100) for name in many})
    part = linear_part(many)
    document = VetMetrics.from_body(
        {
            **body(part, people),
            "id": "m",
            "enclave": "e1",
            "department": "hospital",
            "job": "0" * 64,
            "model": "0" * 64,
            "part": part.digest,
            "graph": None,
        }
    )
    assert len(document.features) == 200
    assert [leak.share for leak in document.features[0].leaks] == ["1", "0.6"]
    assert metrics.SHARES[0] == 1.0
