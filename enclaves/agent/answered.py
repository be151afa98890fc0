"""Over which domains a question of this state of the data has been opened: once decided, the same for ever.

A question is named by its statement, its parameters and the whole roster, the state of the data by the snapshots it was asked
of (`asked`). The set is durable before it is signed. Were a second set signed for the same question of the same data, the
difference of the two sums would be the part of the domains that are in one of them alone (protocols.md section 1.2, A10).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from enclaves.run.durable import Durable
from enclaves.run.errors import RunRefused

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS answered (
    question TEXT NOT NULL, snapshot TEXT NOT NULL, survivors TEXT NOT NULL, PRIMARY KEY (question, snapshot)
) WITHOUT ROWID
"""


class Answered:
    """Sets of survivors by question and snapshots, in the enclave's durable file."""

    def __init__(self, durable: Durable) -> None:
        self._durable = durable
        durable.define(_TABLE)

    def keep(self, question: str, snapshot: str, *, survivors: Sequence[str]) -> None:
        """Remember the set of a question. Raises RunRefused(`survivors_changed`) if another was remembered before."""
        # Ids hold no space.
        named = " ".join(survivors)
        with self._durable.transaction():
            known = self._durable.rows(
                "SELECT survivors FROM answered WHERE question = ? AND snapshot = ?", (question, snapshot)
            )
            if known and known[0][0] != named:
                raise RunRefused(
                    "survivors_changed", "expected the domains that this question was opened over, got others"
                )
            self._durable.run("INSERT OR IGNORE INTO answered VALUES (?, ?, ?)", (question, snapshot, named))
