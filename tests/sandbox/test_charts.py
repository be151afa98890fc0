"""Charts of released tables: bars as high as the values, withheld values as empty places, never as zero; no browser."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from policies.disclosure.cells import Kind, Measure, Shape
from policies.disclosure.limits import Limits
from policies.disclosure.presenting import Table
from policies.disclosure.release import Mark, Row
from policies.disclosure.rendering import as_json
from policies.disclosure.report import DisclosureReport
from policies.disclosure.rules import Rule
from policies.documents.fields import Bilingual
from sandbox.charts import HEIGHT, Bars, ChartRefused, Language, draw

SVG = "{http://www.w3.org/2000/svg}"
PNG = b"\x89PNG\r\n\x1a\n"
BARS = Bars(
    Bilingual(zh="各年龄段人数", en="Persons by age"),
    "age",
    ("n",),
    words={"n": Bilingual(zh="人数", en="persons")},
)


def released(
    rows: list[tuple[tuple[str, ...], tuple[int | Mark, ...]]],
    *,
    keys: tuple[str, ...] = ("age",),
    measures: tuple[str, ...] = ("n",),
    unlisted: int = 0,
) -> dict[str, Any]:
    """A table as the gate writes it."""
    withheld = unlisted + sum(all(isinstance(v, Mark) for v in values) for _, values in rows)
    report = DisclosureReport(
        cells=len(rows) + unlisted,
        values=len(rows) * len(measures),
        cells_by_rule={Rule.PERSONS: withheld} if withheld else {},
        values_by_rule={},
        partial=0,
        partial_values=0,
        n_domains=1,
        bilateral=False,
        limits=Limits(),
    )
    shape = Shape(keys, tuple(Measure(name, Kind.COUNT) for name in measures))
    table = Table(shape, tuple(Row(key, values[0], values) for key, values in rows), report)
    found = json.loads(as_json(table))
    assert isinstance(found, dict)
    return found


def bars_of(svg: bytes) -> list[dict[str, str]]:
    """Attributes of every bar of a chart, in the order drawn."""
    root = ET.fromstring(svg)
    return [
        dict(path.attrib) for path in root.iter(f"{SVG}path") if path.get("aria-roledescription") == "bar"
    ]


def height(bar: dict[str, str]) -> float:
    """Of a path `Mx,yhWvHh-WZ`."""
    return abs(float(bar["d"].split("v")[1].split("h")[0]))


def words(svg: bytes) -> str:
    root = ET.fromstring(svg)
    return " ".join(text.text or "" for text in root.iter(f"{SVG}text"))


def test_bars_are_as_high_as_the_values() -> None:
    drawn = draw(released([(("0-17",), (100,)), (("18-39",), (50,)), (("40+",), (25,))]), BARS)
    first, second, third = (height(bar) for bar in bars_of(drawn.svg))
    assert first == pytest.approx(HEIGHT)
    assert second == pytest.approx(HEIGHT / 2)
    assert third == pytest.approx(HEIGHT / 4)
    assert drawn.withheld == 0
    assert "every cell was released" in words(drawn.svg)


def test_a_withheld_value_is_an_empty_dashed_place_with_a_note_and_no_zero() -> None:
    table = released([(("0-17",), (100,)), (("18-39",), (Mark.SUPPRESSED,))])
    drawn = draw(table, BARS)
    full, empty = bars_of(drawn.svg)
    assert "stroke-dasharray" in empty
    assert float(empty["fill-opacity"]) == 0
    assert "stroke-dasharray" not in full
    assert 0 < height(empty) < height(full)
    assert drawn.withheld == 1
    assert "×" in words(drawn.svg)
    assert "1 withheld" in words(drawn.svg)


def test_a_table_of_nothing_but_marks_still_is_a_chart() -> None:
    drawn = draw(released([(("0-17",), (Mark.SUPPRESSED,)), (("40+",), (Mark.SUPPRESSED,))]), BARS)
    assert drawn.withheld == len(bars_of(drawn.svg)) == 2


def test_cells_that_are_not_listed_are_told_in_the_note() -> None:
    drawn = draw(released([(("0-17",), (100,))], unlisted=3), BARS)
    assert "3 cells withheld and not listed" in words(drawn.svg)
    assert drawn.withheld == 0


def test_words_are_those_of_the_language_asked_for() -> None:
    table = released([(("0-17",), (100,)), (("40+",), (Mark.SUPPRESSED,))])
    english, chinese = (words(draw(table, BARS, language).svg) for language in (Language.EN, Language.ZH))
    assert "Persons by age" in english
    assert "各年龄段人数" in chinese
    assert "1 个数值未公布" in chinese
    assert "withheld" not in chinese


def test_a_color_key_puts_one_bar_for_each_of_its_values_side_by_side() -> None:
    cells = [((sex, age), (n,)) for sex, age, n in (("F", "0-17", 40), ("M", "0-17", 20), ("F", "40+", 10))]
    drawn = draw(
        released(cells, keys=("sex", "age")), Bars(BARS.title, "age", ("n",), color="sex", words=BARS.words)
    )
    bars = bars_of(drawn.svg)
    assert len(bars) == 3
    assert len({bar["fill"] for bar in bars}) == 2


def test_several_measures_stand_side_by_side() -> None:
    table = released([(("0-17",), (40, 20)), (("40+",), (10, 5))], measures=("n", "m"))
    bars = bars_of(draw(table, Bars(BARS.title, "age", ("n", "m"))).svg)
    assert sorted(round(height(bar) / HEIGHT * 40) for bar in bars) == [5, 10, 20, 40]


def test_what_is_measured_stands_beside_the_axis() -> None:
    table = released([(("0-17",), (40, 20))], measures=("n", "m"))
    unit = Bilingual(zh="人", en="heads")
    assert "heads" in words(draw(table, Bars(BARS.title, "age", ("n", "m"), unit=unit)).svg)
    assert "persons" in words(draw(released([(("0-17",), (40,))]), BARS).svg)


def test_numeric_bins_stand_in_the_order_of_numbers() -> None:
    table = released([((low,), (9,)) for low in ("0", "10000", "2500")])
    text = words(draw(table, BARS).svg)
    assert text.index("2500") < text.index("10000")


def test_decimals_that_travel_as_text_are_drawn_and_pictures_are_the_same_each_time() -> None:
    table = released([(("0-17",), (1,)), (("40+",), (2,))])
    table["rows"][0]["values"] = ["33.8"]
    table["rows"][1]["values"] = ["67.6"]
    drawn = draw(table, BARS)
    low, high = sorted(height(bar) for bar in bars_of(drawn.svg))
    assert high == pytest.approx(2 * low)
    assert drawn.png.startswith(PNG)
    assert draw(table, BARS) == drawn


@pytest.mark.parametrize(
    "damage",
    [
        lambda t: t.pop("rows"),
        lambda t: t.update(keys=["other"]),
        lambda t: t.update(measures=[{"name": "other"}]),
        lambda t: t["rows"][0].update(values=[]),
        lambda t: t["rows"][0].update(values=["many"]),
        lambda t: t["rows"][0].update(values=["NaN"]),
        lambda t: t["rows"][0].update(values=[True]),
        lambda t: t["rows"][0].update(key=None),
        lambda t: t.update(rows=t["rows"] * 501),
    ],
)
def test_what_is_no_released_table_is_refused(damage: Any) -> None:
    table = released([(("0-17",), (100,))])
    damage(table)
    with pytest.raises(ChartRefused):
        draw(table, BARS)


def test_a_chart_of_no_measure_or_of_a_color_and_several_is_refused() -> None:
    with pytest.raises(ChartRefused):
        Bars(BARS.title, "age", ())
    with pytest.raises(ChartRefused):
        Bars(BARS.title, "age", ("n", "m"), color="sex")
