"""docs/questions.md from a real run: every question with statement, chart and what was withheld, then what was refused.

Chinese and English stand side by side. Numbers are those of the run and of nothing else; a later run is compared with them
line by line (`figures`). Noised numbers are drawn anew in each district, so the page tells of them that they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from policies.disclosure.rules import WORDS, Rule
from sandbox.demo.asking import Answer, Refusal
from sandbox.demo.inquiry import Inquiry
from sandbox.demo.questions import IN_VAIN, QUESTIONS, Question, Vain

IMAGES: Final = "images"
HEAD: Final = """# 问数据 · Questions to the data

`domicile demo --questions --charts FOLDER` founds a district over the RAND Health Insurance Experiment (20,190 person-years
of 5,912 people, split by column among three departments), has a scenario of statistics signed by everybody, and asks.
Coordinator, enclaves and gate are the real processes; a department and the examiner look at the first table before it
leaves. This page is written by `python -m sandbox.demo.make_questions` from such a run.

`domicile demo --questions --charts FOLDER` 以兰德医疗保险实验数据（5,912 人、20,190 个人年，按列分给三个部门）组建一个区，
由各方签署统计场景，然后提问。协调服务、数据域与出口网关均为真实进程；第一张表由一个数源部门和查验员看过之后才放行。
本页由 `python -m sandbox.demo.make_questions` 根据一次真实运行写成。

- 人数与记录数取整到 5，金额取三位有效数字；虚线空格（×）表示未公布，不表示零。
  Counts are rounded to 5, amounts to three significant digits; a dashed, empty place (×) is a withheld value, not a zero.
- 每个答案都与以往全部答案一起衡量：任何加减都不能得到少于十人。
  Each answer is weighed with all earlier ones: no sum and difference of them may be about fewer than ten people.
- 因此维度取不随年度变化的粗分组；同样的分组换别的指标再问不再消耗；按年度提问时只问参与完整的人。
  So the keys are coarse and do not change from year to year; the same keys asked again with other measures cost nothing; a
  question by year is asked of those who completed their term.
- 部门为何未提供某格，不对外说明：`empty_or_local` 可以是无人、人数不足，也可以是与以往答案相减会得到过少的人。
  Why a department withheld a cell is not told outside: `empty_or_local` may be nobody, too few, or too few after subtracting
  an earlier answer.
"""
_ANSWERED: Final = "\n## 已回答 · Answered\n"
_REFUSED: Final = """
## 被拒绝 · Refused

Asked after the ten questions, in this order. 在十个问题之后依次提出。
"""


def page(found: Inquiry) -> str:
    """The whole page."""
    answered = zip(QUESTIONS, found.answers, strict=True)
    refused = zip(IN_VAIN, found.refused, strict=True)
    return "".join(
        [
            HEAD,
            _ANSWERED,
            *(_answered(number, *pair) for number, pair in enumerate(answered, start=1)),
            _REFUSED,
            *(_refused(*pair) for pair in refused),
        ]
    )


def figures(answer: Mapping[str, Any]) -> list[str]:
    """The lines of the page that state an answer's numbers, from its JSON; none of a noised answer."""
    if answer["privacy"] is not None:
        return []
    head = [*answer["keys"], *answer["measures"]]
    rows = sorted(([*row["key"], *row["values"]] for row in answer["rows"]), key=_place)
    return [_line(head), _line(["---"] * len(head)), *map(_line, rows)]


def _answered(number: int, question: Question, answer: Answer) -> str:
    told = answer.to_json()
    numbers = "\n".join(figures(told)) or _noised(told["privacy"])
    pictures = " | ".join(f"![{question.name}]({IMAGES}/{question.name}.{name}.svg)" for name in ("zh", "en"))
    return f"""
### {number}. {question.title.zh} · {question.title.en}

`{question.name}`

{_statements(question.sql)}

| 中文 | English |
|---|---|
| {pictures} |

{numbers}

{_withheld(told)}
"""


def _refused(vain: Vain, refusal: Refusal) -> str:
    codes = " ".join(f"`{code}`" for code in (refusal.code, *refusal.statement))
    told = [f"- {codes}: {refusal.reason.zh} · {refusal.reason.en}"]
    if refusal.change is not None:
        told.append(f"- 最小的改法：{refusal.change.zh} · smallest change: {refusal.change.en}")
    if refusal.answer is not None:
        answer = refusal.answer.to_json()
        told.append("\n".join(["", *figures(answer), "", _withheld(answer)]))
    if vain.instead != vain.sql:
        told.append(f"\n可以这样问 · this may be asked:\n\n{_statements(vain.instead)}")
    shown = "\n".join(told)
    return f"""
### {vain.title.zh} · {vain.title.en}

`{vain.name}`

{_statements(vain.sql)}

{shown}
"""


def _statements(sql: Mapping[str, str]) -> str:
    return "\n\n".join(f"```sql\n-- {department}\n{_broken(text)}\n```" for department, text in sql.items())


def _broken(text: str) -> str:
    """A clause a line."""
    return re.sub(r" (FROM|WHERE|GROUP BY) ", r"\n\1 ", text)


def _withheld(told: Mapping[str, Any]) -> str:
    """How many cells and values were withheld, by rule."""
    counted = {**told["cells_by_rule"]}
    for rule, count in told["values_by_rule"].items():
        counted[rule] = counted.get(rule, 0) + count
    cells, values = told["withheld_cells"], told["withheld_values"]
    if not cells and not values:
        return "未公布：0 格 · withheld: nothing"
    why = "; ".join(f"{count} × `{rule}` {_words(rule)}" for rule, count in counted.items())
    return f"未公布：{cells} 格、{values} 个数值 · withheld: {cells} cells, {values} values. {why}"


def _words(rule: str) -> str:
    said = WORDS[Rule(rule)]
    return f"{said.zh} · {said.en}"


def _noised(privacy: Mapping[str, Any]) -> str:
    """What the recipient is told of the noise."""
    bounds = "; ".join(
        f"{noise['measure'] or 'cell'} {noise['number']} ± {noise['half_width_95']}"
        for noise in privacy["noise"]
    )
    rho, epsilon, delta = privacy["rho"], privacy["epsilon"], privacy["delta"]
    return (
        f"差分隐私：rho {rho}，epsilon {epsilon}（delta {delta}）。每次运行的噪声不同，图中是其中一次。\n"
        f"Differentially private: rho {rho}, epsilon {epsilon} at delta {delta}. The noise of each run is another; the chart "
        f"shows one. 95 % of the time: {bounds}."
    )


def _place(row: Sequence[Any]) -> tuple[int, str]:
    """Numbers by size, before words; the keys of a public dictionary are text."""
    first = str(row[0])
    return (int(first), "") if first.isdecimal() and len(row) == 2 else (0, "")


def _line(cells: Iterable[Any]) -> str:
    return "| " + " | ".join("×" if cell is None else str(cell) for cell in cells) + " |"
