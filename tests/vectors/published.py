"""Public test vectors: Wycheproof's beside the repository (`../shared/vectors`), others in the wheel cryptography-vectors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import cryptography_vectors
import pytest

Case: TypeAlias = dict[str, Any]

WYCHEPROOF = Path(__file__).parents[2].parent / "shared" / "vectors" / "wycheproof"
WHEEL = Path(cryptography_vectors.__file__).parent


def wycheproof(name: str) -> tuple[int, list[tuple[Case, Case]]]:
    """The declared number of cases of C2SP/wycheproof's `name`, and each case behind its group. Skips without the file."""
    path = WYCHEPROOF / name
    if not path.exists():
        pytest.skip(f"expected ../shared/vectors/wycheproof/{name}, got no such file")
    found: Case = json.loads(path.read_text("utf-8"))
    cases = [(group, case) for group in found["testGroups"] for case in group["tests"]]
    return found["numberOfTests"], cases


def hpke(name: str) -> list[Case]:
    """RFC 9180's own vectors, or those of the post-quantum suites."""
    found: list[Case] = json.loads((WHEEL / "HPKE" / name).read_text("utf-8"))
    return found


def responses(path: str) -> Iterator[dict[str, bytes]]:
    """The ENCRYPT cases of a NIST response file (`name = hex` lines), each as bytes by name."""
    text = (WHEEL / path).read_text("utf-8").partition("[DECRYPT]")[0]
    for block in text.split("\n\n"):
        lines = (line for line in block.splitlines() if " = " in line and not line.startswith("#"))
        named = dict(line.split(" = ") for line in lines)
        if "KEY" in named:
            yield {name: bytes.fromhex(value) for name, value in named.items() if name != "COUNT"}
