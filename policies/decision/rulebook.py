"""The rule book for people: every policy in one table, written from the policies themselves.

docs/policies.md is this page, and a test compares the two; a rule cannot change without its words.
"""

from __future__ import annotations

from policies.decision.decide import DEFAULT_DENIALS, Denial
from policies.decision.engine import Library, Rule

_HEAD = """# Policies

Every rule that can refuse, in the order in which a denial lists them. Written from `policies/library/*.cedar`
(`python -m tests.policies.decision.make_page`). An action needs its permit and none of the forbids below; a fact that is
missing counts as failed, and an error is a denial. A department may add forbids of its own and can loosen nothing.

| policy | code | refused because | what would pass | where |
|---|---|---|---|---|
"""


def page(library: Library) -> str:
    """The rule book as Markdown."""
    rows = [*map(_row, library.rules), *map(_row, DEFAULT_DENIALS)]
    permits = ", ".join(f"`{permit}`" for permit in library.permits)
    return f"{_HEAD}{''.join(rows)}\nPermits: {permits}. Nothing permits `raw-export`.\n"


def _row(rule: Rule | Denial) -> str:
    name = rule.id if isinstance(rule, Rule) else rule.policy
    cells = (
        f"`{name}`",
        f"`{rule.code}`",
        f"{rule.reason.zh}<br>{rule.reason.en}",
        f"{rule.change.zh}<br>{rule.change.en}",
        f"`{rule.where}`",
    )
    return f"| {' | '.join(cells)} |\n"
