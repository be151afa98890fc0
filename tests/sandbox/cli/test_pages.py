"""docs/cli.md and docs/errors.md say what the code says."""

from __future__ import annotations

import pytest

from enclaves.transport.errors import LOCAL_OUTCOMES, OUTCOMES
from policies.decision import product
from sandbox.cli import main
from sandbox.cli.lazy import with_entry_points
from tests.sandbox.cli import make_pages


@pytest.mark.parametrize(
    ("path", "page"),
    [(make_pages.CLI, make_pages.cli_page), (make_pages.ERRORS, make_pages.errors_page)],
    ids=["cli", "errors"],
)
def test_the_page_is_current(path, page) -> None:  # type: ignore[no-untyped-def]  # a table of two
    written = path.read_text(encoding="utf-8")
    assert written == page(), "run `python -m tests.sandbox.cli.make_pages`"


def test_every_error_class_says_what_it_means() -> None:
    silent = [error for error in make_pages.error_classes() if not error.__doc__ or not error.code]
    assert silent == []


def test_no_code_is_in_both_tables_or_a_policys_too() -> None:
    assert not set(OUTCOMES) & set(LOCAL_OUTCOMES)
    policies = {rule.code for rule in product().rules}
    assert not policies & (set(OUTCOMES) | set(LOCAL_OUTCOMES))


def test_our_own_names_do_not_collide_with_the_departments_side() -> None:
    assert not set(main.COMMANDS) & set(main.DEPARTMENT_SIDE)
    found = with_entry_points(main.COMMANDS, main.DEPARTMENT_SIDE)
    assert set(found) == set(main.COMMANDS) | set(main.DEPARTMENT_SIDE)
    for name, help_line in main.DEPARTMENT_SIDE.items():
        assert found[name].path == f"enclaves.cli.{name}:app"
        assert found[name].help == help_line
