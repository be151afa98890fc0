"""`domicile demo --questions`: a district over the RAND data, ten questions asked of it, and what was asked in vain.

The JSON has: `questions` the answers in the order asked (keys, measures, rows with marks, what was withheld by which rule),
`refused` the attempts with code and reason, `charts` files written, `seconds`.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from sandbox.charts import Language, draw
from sandbox.demo import story
from sandbox.demo.asking import Answer, Refusal, open_desk
from sandbox.demo.cast import Cast
from sandbox.demo.narrator import Narrator
from sandbox.demo.processes import Processes, ended_like_ctrl_c
from sandbox.demo.questions import IN_VAIN, QUESTIONS
from sandbox.demo.rand import write_sources


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Answers to `QUESTIONS` and what came of `IN_VAIN`, each in order."""

    answers: tuple[Answer, ...]
    refused: tuple[Refusal, ...]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        return {
            "questions": [answer.to_json() for answer in self.answers],
            "refused": [refusal.to_json() for refusal in self.refused],
            "seconds": round(self.seconds, 1),
        }


def run(*, as_json: bool = False, charts: Path | None = None, keep: Path | None = None) -> None:
    """Ask everything and tell it; with `charts` draw each answer into that folder, in both languages."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        console.width = 120
    found = inquire(Narrator(console), keep=keep)
    written = [] if charts is None else [path.name for path in write_charts(found, charts)]
    if as_json:
        print(json.dumps({**found.to_json(), "charts": written}, ensure_ascii=False))


def inquire(narrator: Narrator, *, keep: Path | None = None) -> Inquiry:
    """Found the district in `keep` or a temporary folder, ask, stop everything."""
    directory = keep or Path(tempfile.mkdtemp(prefix="domicile-questions-"))
    try:
        with ended_like_ctrl_c(), Processes(directory / "logs") as processes:
            return _play(narrator, processes, directory)
    finally:
        if keep is None:
            shutil.rmtree(directory, ignore_errors=True)


def write_charts(found: Inquiry, folder: Path, *, png: bool = True) -> list[Path]:
    """`<name>.<language>.svg`, and PNG beside it, for every answer."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for question, answer in zip(QUESTIONS, found.answers, strict=True):
        for language in Language:
            drawn = draw(answer.table, question.chart, language)
            for suffix, data in (("svg", drawn.svg), *([("png", drawn.png)] if png else [])):
                path = folder / f"{question.name}.{language.value}.{suffix}"
                path.write_bytes(data)
                written.append(path)
    return written


def _play(narrator: Narrator, processes: Processes, directory: Path) -> Inquiry:
    with narrator.step(
        "准备真实数据，各部门加密入库", "real data; each department loads its own encrypted store"
    ):
        sources = write_sources(directory / "sources")
        district = story.found(directory / "district")
        declared = story.register_data(processes, district, sources)
    with narrator.step(
        "启动协调服务、三个数据域与出口网关", "start coordinator, three enclaves and the gate"
    ):
        story.start(processes, district)
        cast = Cast.of(district)
    with narrator.step(
        "签署协议、价格与两个统计场景", "sign agreement, price and two scenarios of statistics"
    ):
        desk = open_desk(cast, district, declared)
    narrator.heading("十个问题", "ten questions")
    answers = []
    for question in QUESTIONS:
        with narrator.step(question.title.zh, question.title.en):
            answers.append(desk.ask(question))
            narrator.result(_told(answers[-1]))
    narrator.heading("被拒绝的", "what was refused")
    refused = [desk.try_in_vain(attempt) for attempt in IN_VAIN]
    narrator.table(
        ["", "code", "原因"],
        [
            [f"{vain.title.zh} · {vain.title.en}", f"[red]{one.code}[/]", one.reason.zh]
            for vain, one in zip(IN_VAIN, refused, strict=True)
        ],
    )
    return Inquiry(tuple(answers), tuple(refused), narrator.seconds)


def _told(answer: Answer) -> str:
    """The released cells on one line, and how many were withheld."""
    cells = [
        f"{' '.join(map(str, row['key']))}: {', '.join(map(str, row['values']))}"
        for row in answer.table["rows"]
        if any(value is not None for value in row["values"])
    ]
    withheld = answer.report["withheld_cells"]
    return "; ".join(cells) + (f" [yellow]({withheld} withheld)[/]" if withheld else "")
