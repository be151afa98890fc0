"""Draws the figures of `domicile bench scale` as one SVG: seconds and memory by subjects, for docs/benchmarks.md.

    python -m sandbox.growth FIGURES.json CHART.svg

Reads what the bench printed and nothing else; no browser and no network takes part. Both axes are logarithmic, so a straight
line of slope one is what grows as the subjects do, and a level one is what stays flat. `sandbox.charts` draws released tables.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

import vl_convert

from sandbox.errors import SandboxError

WIDTH: Final = 330
HEIGHT: Final = 230
_FONTS: Final = "Noto Sans, sans-serif"
_COLORS: Final = ("#4c78a8", "#e8903e", "#6b9e78")
PANELS: Final[tuple[tuple[str, Mapping[str, str]], ...]] = (
    (
        "seconds",
        {
            "seconds": "partitions, all workers",
            "one_worker_seconds": "partitions, one at a time",
            "whole_seconds": "undivided, one worker",
        },
    ),
    (
        "MB",
        {
            "worker_peak_mb": "largest worker, partitions",
            "whole_worker_peak_mb": "the worker, undivided",
            "peak_mb": "all processes, partitions",
        },
    ),
)
"""A panel's unit, and its lines: member of a size, and its name."""


class FiguresInvalid(SandboxError):
    """Figures that the bench did not print."""

    code: ClassVar[str] = "malformed"


def draw(figures: Mapping[str, Any]) -> bytes:
    """The chart of what `domicile bench scale --json` printed. Raises FiguresInvalid."""
    try:
        sizes = [{**size, "subjects": int(size["subjects"])} for size in figures["sizes"].values()]
        panels = [_panel(sizes, unit, lines) for unit, lines in PANELS]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise FiguresInvalid("expected the figures of `domicile bench scale`, got another form") from None
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "hconcat": panels,
        "spacing": 40,
        "resolve": {"scale": {"color": "independent"}},
        "config": {"font": _FONTS, "background": "white", "view": {"stroke": None}},
    }
    return vl_convert.vegalite_to_svg(spec).encode()


def _panel(sizes: list[dict[str, Any]], unit: str, lines: Mapping[str, str]) -> dict[str, Any]:
    """One chart of `lines` over the subjects, as Vega-Lite."""
    rows = [
        {"subjects": size["subjects"], "value": float(size[member]), "line": name}
        for size in sizes
        for member, name in lines.items()
    ]
    ticks = sorted({size["subjects"] for size in sizes})
    return {
        "data": {"values": rows},
        "width": WIDTH,
        "height": HEIGHT,
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {
                "field": "subjects",
                "type": "quantitative",
                "scale": {"type": "log"},
                "axis": {"title": "subjects", "values": ticks, "format": "~s"},
            },
            "y": {
                "field": "value",
                "type": "quantitative",
                "scale": {"type": "log", "nice": True},
                "axis": {"title": unit, "format": "~s"},
            },
            "color": {
                "field": "line",
                "type": "nominal",
                "sort": list(lines.values()),
                "scale": {"range": list(_COLORS)},
                "legend": {"title": None, "orient": "top", "columns": 1},
            },
        },
    }


def main(argv: list[str]) -> int:
    """Draw the file named first to the file named second."""
    source, target = (Path(name) for name in argv)
    target.write_bytes(draw(json.loads(source.read_text(encoding="utf-8"))))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
