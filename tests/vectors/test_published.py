"""Every file of vectors beside the repository is run by a test that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vectors.published import WYCHEPROOF


def test_every_wycheproof_file_is_used() -> None:
    if not WYCHEPROOF.is_dir():
        pytest.skip("expected ../shared/vectors/wycheproof, got no such folder")
    names = {path.name for path in WYCHEPROOF.glob("*.json")}
    source = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert len(names) == 8
    assert {name for name in names if f'"{name}"' not in source} == set()
