"""The README says only what the tree can do: its targets, commands, links and figures' places exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_make_target_it_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"(?:`|\$ )make ([a-z]+)", TEXT))
    assert {"demo", "test"} <= named <= targets


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize(
    "command", sorted(set(re.findall(r"^\$ domicile ([a-z ]+?)(?: [A-Z-]|$|  )", TEXT, re.MULTILINE)))
)
def test_every_command_it_names_has_help(command: str) -> None:
    argv = [sys.executable, "-m", "sandbox.cli.main", *command.split(), "--help"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert "Usage" in done.stdout


def test_what_it_says_was_refused_are_codes_of_the_rule_book() -> None:
    codes = set(re.findall(r"  ([a-z]+_[a-z_]+)  ", TEXT))
    policies = "".join(path.read_text() for path in (ROOT / "policies" / "library").glob("*.cedar"))
    assert codes
    assert [code for code in codes if f'@code("{code}")' not in policies] == []
