"""Writes docs/attacks.md: every attack of this folder that measures itself, run now.

python -m tests.attacks.make_page            writes the page
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Final

HERE: Final = Path(__file__).parent
PAGE: Final = HERE.parent.parent / "docs" / "attacks.md"
FAMILIES: Final = (
    ("test_q_", "提问", "Questions", "what sums and counts tell of one person"),
    ("test_v_", "模型", "Models", "what a model's scores tell of one person"),
    ("test_a13_", "旁路（A13）", "Side channels (A13)", "what errors, plans, metadata and time tell"),
)
_HEAD: Final = """# Attacks

Every attack of `tests/attacks` that reads secrets of people, run against a naive variant and against ours. Written by
`python -m tests.attacks.make_page`; the tests hold the page to what is measured.

每一种攻击都先在“简单做法”上成功，再用于本产品；表中是猜对的比例。

- **naive**: the share of people whose secret the attack guesses right if the answers are exact, or protected by the half
  measure that the attack is known to beat (a threshold, rounding, fresh noise, an auditor that looks at differences).
- **ours**: the same attack, and the best guess that can be made of whatever ours shows: numbers, marks, cells that are missing.
- **baseline**: the better of two guesses that need nobody's data: always the most frequent value; and the very guesses of
  the attack, judged on secrets drawn afresh from the same kind of people. A rate that a table tells of a group helps to guess
  about anybody, also about those who are not in the data; that is what statistics are for. Only what goes beyond it is
  about the person.
- **gain**: ours less baseline, in points. At most 2 are allowed; the tests of each attack check that.

Secrets are invented, of 10,000 people and more; in one attack they are those of all 5,912 people of the RAND experiment. The
attacker knows everything else of everybody.
"""
_LIMITS: Final = """
## What these attacks do not show

- **Groups of ten.** What ours tells are sums of ten people or more, exact where they are small. If half of all people had the
  secret, such a sum alone would let one guess better than by chance: by 12 points if half have it, 4.7 at two in five, 1.2 at
  three in ten, 0.15 at one in five. For such a secret raise `atom_size` in the limits (400 people keep it to 2 points), or ask
  for answers under differential privacy.
- **Columns that are not declared sensitive.** Whether a cell is withheld is decided apart from columns declared sensitive.
  A column that is secret and not declared so can be read from which cells are missing.
- **Presence.** Whether somebody is in a register at all shows in the same way: a question about a group and the same question
  with one more place give the same answer if nobody of that place is in the data. Where being listed is itself the
  secret, hold it as a sensitive column of a register of everybody. The same is true of whether somebody's row changed from
  one snapshot to the next; what it changed to is protected like any value.
- **Outside knowledge.** Whoever knows nine of a group of ten learns the tenth from its sum.
"""


def modules() -> Iterator[tuple[str, ModuleType]]:
    """Every test module of this folder with a `measure`, by name."""
    for path in sorted(HERE.glob("test_*.py")):
        if "def measure(" in path.read_text():
            yield path.stem, importlib.import_module(f"tests.attacks.{path.stem}")


def line(figures: Mapping[str, object], module: str) -> str:
    """One line of the table."""
    title, defense = _both(figures["title"]), _both(figures.get("defense", figures.get("defence")))
    naive, ours, baseline = (float(str(figures[name])) for name in ("naive", "ours", "baseline"))
    gain = 100 * (ours - baseline)
    return (
        f"| {title} | {int(str(figures['targets'])):,} | {naive:.1%} | {ours:.1%} | {baseline:.1%} | {gain:+.1f} | "
        f"{defense} | `{module}` |"
    )


def page(lines: Mapping[str, str]) -> str:
    """The page of the lines by module."""
    parts = [_HEAD]
    for prefix, chinese, english, about in FAMILIES:
        own = [text for module, text in lines.items() if module.startswith(prefix)]
        if own:
            parts.append(
                f"\n## {chinese} {english}\n\n{about.capitalize()}.\n\n{_COLUMNS}"
                + "".join(f"{text}\n" for text in own)
            )
    return "".join(parts) + _LIMITS


_COLUMNS: Final = (
    "| attack | targets | naive | ours | baseline | gain | defense | measured by |\n" + "|---" * 8 + "|\n"
)


def _both(text: object) -> str:
    if not isinstance(text, Mapping):
        raise TypeError("expected a text in two languages")
    return f"{text['zh']} · {text['en']}"


def main() -> None:
    lines = {name: line(module.measure(), name) for name, module in modules()}
    PAGE.write_text(page(lines))


if __name__ == "__main__":
    main()
