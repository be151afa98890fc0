"""A refused fetch says why and what would help, in both languages, for every state a look-up can find."""

from __future__ import annotations

import ast
import inspect

from sandbox.scores import fetching
from sandbox.scores.reasons import REASONS, reason_of_code


def test_the_table_is_whole() -> None:
    """Every code that `_standing` returns has a reason, and no other code has one."""
    returned = {
        node.value
        for node in ast.walk(ast.parse(inspect.getsource(fetching._standing)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "_" in node.value
    }
    assert returned == set(REASONS)


def test_a_reason_has_the_members_of_a_denial() -> None:
    told = reason_of_code("consent_withdrawn")
    assert set(told) == {"code", "policy", "reason", "change", "where"}
    assert told["policy"] == "consent-withdrawn"
