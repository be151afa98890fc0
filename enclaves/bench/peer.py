"""Starts a peer's script under an interpreter that has the peer installed, and reads its one JSON object."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_SCRIPTS: Final = Path(__file__).parent / "peers"
_SECONDS: Final = 600


class PeerUnavailable(RuntimeError):
    """The peer did not answer; the message is the last line of what it said."""


def run_peer(interpreter: Path, script: str, *sizes: int) -> Mapping[str, float]:
    """The figures that `script` prints. Raises PeerUnavailable."""
    words = [str(interpreter), str(_SCRIPTS / script), *map(str, sizes)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerUnavailable(f"expected `{script}` to run, got {type(error).__name__}") from None
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["nothing"]
        raise PeerUnavailable(f"expected figures of `{script}`, got: {said[-1]}")
    found: Mapping[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found
