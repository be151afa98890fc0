"""The chart of growth: every size is a point, and what the bench did not print is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sandbox.growth import PANELS, FiguresInvalid, draw, main

MEMBERS = [member for _, lines in PANELS for member in lines]


def figures(*subjects: int) -> dict[str, object]:
    return {
        "sizes": {
            str(each): {"subjects": each, **dict.fromkeys(MEMBERS, each / 1000 + 1)} for each in subjects
        }
    }


def test_every_size_is_a_point_of_every_line(tmp_path: Path) -> None:
    (tmp_path / "figures.json").write_text(json.dumps(figures(1000, 3000, 10_000)))
    assert main([str(tmp_path / "figures.json"), str(tmp_path / "chart.svg")]) == 0
    svg = (tmp_path / "chart.svg").read_text()
    assert svg.startswith("<svg")
    assert len(re.findall(r'aria-roledescription="point"', svg)) == 3 * len(MEMBERS)
    for _, lines in PANELS:
        assert all(name in svg for name in lines.values())


def test_the_published_chart_is_of_the_figures_that_the_bench_names() -> None:
    from dataclasses import fields

    from enclaves.bench.scale import Scale

    assert {"subjects", *MEMBERS} <= {field.name for field in fields(Scale)}


@pytest.mark.parametrize("other", [{}, {"sizes": [1]}, {"sizes": {"1": {"subjects": 1}}}])
def test_other_figures_are_refused(other: dict[str, object]) -> None:
    with pytest.raises(FiguresInvalid):
        draw(other)
