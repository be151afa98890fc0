"""Charts of released tables as SVG and PNG: bars, with what was withheld drawn as an empty, dashed place, never as zero.

The one room for Altair and vl-convert; no browser and no network takes part. Input is the JSON of a released table
(`policies.disclosure.rendering.as_json`): nothing else of a district can be drawn.

- Each bar is a released value. A withheld one has no height of its own: its place is a dashed outline as high as an eighth of
  the axis, with a cross in it, and a note below the title says how many there are.
- A cell that is not listed (one domain without a public dictionary) cannot be drawn; the report counts it and the note says so.
- Text stays text in SVG, so the reader's fonts show Chinese; in PNG the fonts of this machine do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, ClassVar, Final, cast

import altair as alt
import vl_convert

from policies.documents.fields import Bilingual
from sandbox.errors import SandboxError

WIDTH: Final = 440
HEIGHT: Final = 240
_STUB: Final = 8
"""The place of a withheld value is this part of the axis high."""
_FONTS: Final = "Noto Sans, Noto Sans CJK SC, Source Han Sans SC, Microsoft YaHei, PingFang SC, sans-serif"
_INK: Final = "#333333"
_COLORS: Final = ("#4c78a8", "#e8903e", "#6b9e78", "#8c6bb1", "#b5636b")
_WITHHELD: Final = Bilingual(zh="未公布", en="withheld")
_ALL_RELEASED: Final = Bilingual(zh="全部格子均已公布", en="every cell was released")
_MAX_BARS: Final = 500


class ChartRefused(SandboxError):
    """A table that does not fit the chart asked for."""

    code: ClassVar[str] = "chart_refused"


class Language(Enum):
    """Language of a chart's words."""

    ZH = "zh"
    EN = "en"


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars along the key `x`, side by side for each measure in `values`, or for each value of the key `color`.

    `words` gives columns their titles; a column without words is shown by its name.
    """

    title: Bilingual
    x: str
    values: tuple[str, ...]
    color: str | None = None
    words: Mapping[str, Bilingual] = field(default_factory=dict)
    unit: Bilingual | None = None
    """What is measured upwards; of a single measure its own title will do."""

    def __post_init__(self) -> None:
        if not self.values or (self.color is not None and len(self.values) != 1):
            raise ChartRefused("expected one measure with a color key, or some measures without, got others")

    def word(self, name: str, language: Language) -> str:
        """The title of a column."""
        found = self.words.get(name)
        return name if found is None else _said(found, language)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart as SVG text and as PNG of twice the size, and how many places of it are empty."""

    svg: bytes
    png: bytes
    withheld: int


def draw(table: Mapping[str, Any], bars: Bars, language: Language = Language.EN) -> Drawn:
    """The chart of a released table. Raises ChartRefused for a table without the columns, or with other content."""
    places = _places(table, bars, language)
    withheld = sum(place["value"] is None for place in places)
    unlisted = _unlisted(table)
    spec = _spec(places, bars, language, note=_note(withheld, unlisted, language))
    return Drawn(
        svg=vl_convert.vegalite_to_svg(spec).encode(),
        png=bytes(vl_convert.vegalite_to_png(spec, scale=2)),
        withheld=withheld,
    )


def _places(table: Mapping[str, Any], bars: Bars, language: Language) -> list[dict[str, Any]]:
    """One entry a bar: x, series, value (None if withheld)."""
    try:
        keys, measures = list(table["keys"]), [measure["name"] for measure in table["measures"]]
        rows = [(list(row["key"]), list(row["values"])) for row in table["rows"]]
    except (KeyError, TypeError):
        raise ChartRefused("expected the JSON of a released table, got another form") from None
    wanted = [bars.x, *([bars.color] if bars.color else [])]
    missing = [*(set(wanted) - set(keys)), *(set(bars.values) - set(measures))]
    if missing or len(rows) * len(bars.values) > _MAX_BARS:
        raise ChartRefused(f"expected keys, measures and at most {_MAX_BARS} bars for the chart, got others")
    found = []
    for key, values in rows:
        if len(key) != len(keys) or len(values) != len(measures):
            raise ChartRefused("expected a key and a value for each column, got other rows")
        at = dict(zip(keys, key, strict=True))
        for name in bars.values:
            series = at[bars.color] if bars.color else bars.word(name, language)
            value = values[measures.index(name)]
            found.append({"x": _text(at[bars.x]), "series": _text(series), "value": _number(value)})
    return found


def _spec(
    places: Sequence[Mapping[str, Any]], bars: Bars, language: Language, *, note: str
) -> dict[str, Any]:
    released = [place["value"] for place in places if place["value"] is not None]
    top = max([*released, 0.0]) or 1.0
    rows = [
        {**place, "height": top / _STUB if place["value"] is None else place["value"], "mark": "×"}
        for place in places
    ]
    series = list(dict.fromkeys(str(place["series"]) for place in places))
    ordered = _in_order([str(place["x"]) for place in places])
    upwards = None if bars.unit is None else _said(bars.unit, language)
    if upwards is None and len(bars.values) == 1:
        upwards = bars.word(bars.values[0], language)
    x = alt.X(
        "x:N", sort=ordered, title=bars.word(bars.x, language), axis=alt.Axis(labelAngle=_angle(ordered))
    )
    offset = alt.XOffset("series:N", sort=series)
    y = alt.Y("height:Q", title=upwards, scale=alt.Scale(zero=True))
    legend = alt.Legend(title=bars.word(bars.color, language) if bars.color else None, orient="top")
    color = alt.Color(
        "series:N",
        sort=series,
        scale=alt.Scale(domain=series, range=[_COLORS[n % len(_COLORS)] for n in range(len(series))]),
        legend=legend if len(series) > 1 else None,
    )
    base = alt.Chart(alt.InlineData(values=rows)).encode(x=x, xOffset=offset, y=y)
    shown = base.mark_bar().encode(color=color).transform_filter("isValid(datum.value)")
    empty = base.mark_bar(fillOpacity=0, stroke=_INK, strokeDash=[3, 3]).transform_filter(
        "!isValid(datum.value)"
    )
    crosses = (
        base.mark_text(dy=10, color=_INK).encode(text="mark:N").transform_filter("!isValid(datum.value)")
    )
    chart = (
        alt.layer(shown, empty, crosses)
        .properties(
            width=WIDTH,
            height=HEIGHT,
            title=alt.TitleParams(_said(bars.title, language), subtitle=note, anchor="start"),
        )
        .configure(font=_FONTS, background="white")
        .configure_view(stroke=None)
    )
    return cast("dict[str, Any]", chart.to_dict())


def _note(withheld: int, unlisted: int, language: Language) -> str:
    if not withheld and not unlisted:
        return _said(_ALL_RELEASED, language)
    parts = []
    if withheld:
        parts.append(
            f"虚线空格（×）：{withheld} 个数值未公布"
            if language is Language.ZH
            else f"dashed and empty (×): {withheld} {_said(_WITHHELD, language)}"
        )
    if unlisted:
        parts.append(
            f"另有 {unlisted} 格未列出"
            if language is Language.ZH
            else f"{unlisted} cells withheld and not listed"
        )
    return ("；" if language is Language.ZH else "; ").join(parts)


def _unlisted(table: Mapping[str, Any]) -> int:
    """Cells that the report counts as withheld and that no row stands for."""
    report = table.get("report")
    told = report.get("withheld_cells") if isinstance(report, Mapping) else None
    empty = sum(all(value is None for value in row["values"]) for row in table["rows"])
    return max(0, told - empty) if isinstance(told, int) else 0


def _number(value: object) -> float | None:
    """A released value as a height: decimals travel as text."""
    if value is None:
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ChartRefused("expected a number for each released value, got other text") from None
    if isinstance(value, bool) or not number.is_finite():
        raise ChartRefused("expected a number for each released value, got another value")
    return float(number)


def _text(value: object) -> str:
    return "–" if value is None else str(value)


def _in_order(labels: Sequence[str]) -> list[str]:
    """Numbers by size, other labels as the alphabet has them."""
    different = list(dict.fromkeys(labels))
    try:
        return sorted(different, key=Decimal)
    except InvalidOperation:
        return sorted(different)


def _angle(labels: Sequence[str]) -> int:
    return -45 if sum(map(len, labels)) > WIDTH // 8 else 0


def _said(text: Bilingual, language: Language) -> str:
    return text.zh if language is Language.ZH else text.en
