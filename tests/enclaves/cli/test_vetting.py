"""`domicile model vet` on this machine: verdict, exit status, and what it says of files that are no model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet
from typer.testing import CliRunner

from policies.vetting import REQUIRED_CHECKS
from sandbox.cli.models import model as app
from tests.enclaves.vetting.kit import graph, weighted_graph

HIGHS = {"age": 100, "cost": 5000, "visits": 50, "days": 60}
TYPES = {"age": "INTEGER", "cost": "DOUBLE", "visits": "INTEGER", "days": "INTEGER"}


def listed(domain: str, table: str, columns: list[str]) -> dict[str, Any]:
    features = [
        {"name": name, "type": TYPES[name], "uses": ["feature"], "bounds": [0, HIGHS[name]]}
        for name in columns
    ]
    person = {"name": "person", "type": "VARCHAR", "uses": ["person"]}
    note = {"name": "note", "type": "VARCHAR", "uses": ["filter"]}
    return {
        "name": table,
        "domain": domain,
        "person_key": "person",
        "rows": 9,
        "columns": [person, note, *features],
    }


def part(department: str, dataset: str, weights: dict[str, str]) -> dict[str, Any]:
    features = [
        {
            "column": name,
            "transform": "identity",
            "equals": None,
            "weight": weight,
            "low": "0",
            "high": str(HIGHS.get(name, 100)),
            "fill": "0",
        }
        for name, weight in weights.items()
    ]
    return {
        "suite": "intl-1",
        "id": f"part-{department}",
        "form": "linear",
        "department": department,
        "dataset": dataset,
        "row": None,
        "features": features,
    }


HONEST = part("hospital", "visits", {"age": "0.5", "cost": "0.01", "visits": "1", "days": "-0.8"})
UNIT = part("hospital", "visits", {"age": "1", "cost": "0.00001", "visits": "0.001", "days": "0.001"})


@pytest.fixture
def vet(tmp_path: Path) -> Any:
    """Runs the command on files by name; gives exit status and the parsed answer."""
    everything = {"tables": [listed("hospital", "visits", list(HIGHS))]}
    (tmp_path / "list.json").write_text(json.dumps(everything))

    def run(model: str, content: Any, *options: str, data_list: str = "list.json") -> tuple[int, Any]:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        (tmp_path / model).write_bytes(data)
        result = CliRunner().invoke(
            app, ["vet", str(tmp_path / model), "--data-list", str(tmp_path / data_list), "--json", *options]
        )
        return result.exit_code, json.loads(result.stdout) if result.stdout.startswith("{") else result.output

    return run


def rejected(answer: dict[str, Any]) -> set[str]:
    return {check["check"] for check in answer["checks"] if check["verdict"] == "reject"}


def test_an_honest_part_passes_with_every_check_named(vet: Any) -> None:
    status, answer = vet("honest.json", HONEST)
    assert (status, answer["verdict"]) == (0, "pass")
    assert {check["check"] for check in answer["checks"]} == REQUIRED_CHECKS
    assert answer["twin"] == {"rows": 20_000, "seed": 1}
    assert all(check["reason"]["zh"] and check["reason"]["en"] for check in answer["checks"])


def test_the_same_seed_gives_the_same_answer_and_another_seed_another(vet: Any) -> None:
    first, again, other = (vet("m.json", HONEST, "--seed", seed)[1] for seed in ("5", "5", "6"))
    assert first == again
    assert first["checks"] != other["checks"]


def test_a_unit_vector_is_rejected(vet: Any) -> None:
    status, answer = vet("unit.json", UNIT)
    assert status == 3
    assert rejected(answer) == {"v2", "v3", "v4", "v5", "v14"}


def test_weights_that_write_columns_like_digits_are_rejected(vet: Any) -> None:
    status, answer = vet("m.json", part("hospital", "visits", {"days": "1", "visits": "61", "age": "3111"}))
    assert status == 3
    assert "v7" in rejected(answer)


@pytest.mark.parametrize("name", ["note", "salary"])
def test_a_column_that_is_not_listed_as_a_feature_is_rejected(vet: Any, name: str) -> None:
    weights = {"age": "0.5", "visits": "1", "days": "-0.8", name: "0.5"}
    content = part("hospital", "visits", weights)
    if name == "note":
        content["features"][-1] |= {"transform": "equals", "equals": "x", "high": "1"}
    assert "v1" in rejected(vet("m.json", content)[1])


def test_an_honest_graph_asks_for_the_examiners_word_and_a_unit_vector_is_rejected(vet: Any) -> None:
    status, answer = vet("honest.onnx", weighted_graph([0.5, 0.01, 1.0, -0.8]))
    assert (status, answer["verdict"], rejected(answer)) == (0, "override", set())
    status, answer = vet("unit.onnx", weighted_graph([1.0, 0.0, 0.0, 0.0]))
    assert status == 3
    assert rejected(answer) >= {"v2", "v3", "v4", "v5"}


def test_a_graph_with_a_forbidden_operator_is_rejected_without_being_run(vet: Any) -> None:
    from onnx import helper

    status, answer = vet("m.onnx", graph([helper.make_node("RandomNormalLike", ["x"], ["y"])], 4))
    assert status == 3
    assert rejected(answer) >= {"v11", "v12"}
    figures = {check["check"]: check["figure"] for check in answer["checks"]}
    assert figures["v3"] == figures["v13"] == "not measured"


def test_inputs_of_a_graph_can_be_named_in_their_order(vet: Any) -> None:
    status, answer = vet("m.onnx", weighted_graph([1.0, 1.0]), "--input", "days", "--input", "visits")
    assert status == 0
    v3 = next(check for check in answer["checks"] if check["check"] == "v3")
    assert "hospital.days" in v3["figure"]
    # A graph over more columns than are listed takes unlisted ones.
    assert "v1" in rejected(vet("m.onnx", weighted_graph([1.0] * 5))[1])


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_twin_from_a_file_shows_what_independent_columns_do_not(
    vet: Any, tmp_path: Path, suffix: str
) -> None:
    dice = np.random.default_rng(3)
    age = dice.integers(0, 101, 3000)
    # In these rows the other columns follow from the age.
    table = pa.table(
        {"age": age, "visits.cost": age * 50.0, "visits": age // 2, "days": 60 - age * 60 // 100}
    )
    path = tmp_path / f"twin.{suffix}"
    csv.write_csv(table, path) if suffix == "csv" else parquet.write_table(table, path)
    status, answer = vet("m.json", HONEST, "--twin", str(path))
    assert status == 3
    assert rejected(answer) >= {"v3", "v4"}
    assert answer["twin"] == {"file": path.name}


@pytest.mark.parametrize("bounds", [[0.2, 0.8], [-(10**37), 10**37], [5, 5]])
def test_bounds_no_whole_number_fits_are_drawn_from_all_the_same(
    vet: Any, tmp_path: Path, bounds: list[float]
) -> None:
    content = listed("hospital", "visits", list(HIGHS))
    content["columns"][2]["bounds"] = bounds
    (tmp_path / "odd.json").write_text(json.dumps({"tables": [content]}))
    status, answer = vet("m.json", HONEST, data_list="odd.json")
    assert status in {0, 3}
    assert len(answer["checks"]) == 16


def test_a_head_is_judged_with_all_its_parts(vet: Any, tmp_path: Path) -> None:
    from policies.documents.model import LinearPart, Model, PartHead

    both = {
        "tables": [
            listed("hospital", "visits", ["visits", "days"]),
            listed("insurance", "claims", ["age", "cost"]),
        ]
    }
    (tmp_path / "both.json").write_text(json.dumps(both))
    bodies = (
        part("hospital", "visits", {"visits": "1", "days": "-0.8"}),
        part("insurance", "claims", {"age": "0.5", "cost": "0.01"}),
    )
    parts = [LinearPart.from_body(body) for body in bodies]
    options = []
    for body in bodies:
        path = tmp_path / f"{body['department']}.json"
        path.write_text(json.dumps(body))
        options += ["--part", str(path)]
    head = Model(
        id="m",
        version=1,
        partner="partner",
        scenario="0" * 64,
        title={"zh": "模型", "en": "model"},
        grid="0.5",
        intercept=0,
        cut_points=(50, 80, 110, 140, 170),
        parts=tuple(
            PartHead(
                department=p.department, dataset=p.dataset, digest=p.digest, default=0, low=-200, high=300
            )
            for p in parts
        ),
    )
    status, answer = vet("head.json", head.to_body(), *options, data_list="both.json")
    assert (status, answer["verdict"], answer["model"]) == (0, "pass", head.digest)
    assert vet("head.json", head.to_body(), *options[:2], data_list="both.json")[0] == 2


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (b"", ()),
        (b"\x00\x01\x02", ()),
        (b"{", ()),
        ({"x": 1}, ()),
        ({**HONEST, "features": []}, ()),
        ({**HONEST, "surprise": 1}, ()),
        (HONEST, ("--part", "PART")),
        (HONEST, ("--graph", "nothing.onnx")),
    ],
)
def test_what_is_no_model_is_malformed(
    vet: Any, tmp_path: Path, content: Any, options: tuple[str, ...]
) -> None:
    (tmp_path / "part.json").write_text(json.dumps(HONEST))
    given = [str(tmp_path / "part.json") if option == "PART" else option for option in options]
    status, answer = vet("m.json", content, *given)
    assert status == 2
    assert answer["error"]["status"] == 400


def test_a_list_or_twin_that_cannot_be_read_is_malformed(vet: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text('{"tables": [')
    assert vet("m.json", HONEST, data_list="bad.json")[0] == 2
    (tmp_path / "twin.parquet").write_bytes(b"PAR1")
    assert vet("m.json", HONEST, "--twin", str(tmp_path / "twin.parquet"))[0] == 2
    csv.write_csv(pa.table({"age": [1] * 50}), tmp_path / "twin.csv")
    assert vet("m.json", HONEST, "--twin", str(tmp_path / "twin.csv"))[0] == 2
