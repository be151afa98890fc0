"""Which requirements of the plan have a test: `make requirements`.

Reads the ids from docs/requirements.txt (id, priority) and the `@pytest.mark.req` marks from the tests' syntax trees; a test
that only names an id in a comment does not count.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent


def listed() -> dict[str, str]:
    """Requirement id → priority."""
    lines = (ROOT / "docs" / "requirements.txt").read_text().splitlines()
    return {line.split()[0]: line.split()[1] for line in lines if line.startswith("RQ-")}


def marked() -> dict[str, list[str]]:
    """Requirement id → tests that carry it."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                for requirement in _ids(node.decorator_list):
                    found[requirement].append(f"{path.relative_to(ROOT)}::{node.name}")
    return found


def _ids(decorators: list[ast.expr]) -> list[str]:
    return [
        argument.value
        for decorator in decorators
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.req"
        for argument in decorator.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]


def main() -> int:
    requirements, tests = listed(), marked()
    unknown = sorted(set(tests) - set(requirements))
    core = [requirement for requirement, priority in requirements.items() if priority == "core"]
    for requirement in core:
        proofs = tests.get(requirement, [])
        print(
            f"{requirement}  {'✓' if proofs else '·'}  {', '.join(proofs[:3])}{' …' if len(proofs) > 3 else ''}"
        )
    covered = sum(requirement in tests for requirement in core)
    others = sum(requirement in tests for requirement in requirements if requirement not in core)
    print(f"\n{covered} of {len(core)} core requirements have a test; {others} others do too")
    if unknown:
        print(f"marks with unknown ids: {', '.join(unknown)}", file=sys.stderr)
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
