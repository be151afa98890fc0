"""The stages of a run in an enclave, and which may follow which."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from enclaves.run.sessions import LOST


class Stage(StrEnum):
    """Where a run stands here; each is durable before the message that it stands for is sent."""

    PLANNED = "planned"
    BUNDLED = "bundled"
    TRANSCRIBED = "transcribed"
    CONTRIBUTED = "contributed"
    """One-shot: the masks are spent, whether or not the contribution has arrived."""
    SENT = "sent"
    SPENT = "spent"
    """Contributed, and then refused or cut off: whether it arrived is not known here, so it counts as if it had."""
    REFUSED = "refused"
    ABORTED = "aborted"
    LOST = LOST


_ENDS: Final = frozenset({Stage.REFUSED, Stage.ABORTED, Stage.LOST})
TRANSITIONS: Final[Mapping[str, frozenset[str]]] = {
    Stage.PLANNED: frozenset({Stage.BUNDLED}) | _ENDS,
    Stage.BUNDLED: frozenset({Stage.TRANSCRIBED}) | _ENDS,
    Stage.TRANSCRIBED: frozenset({Stage.CONTRIBUTED}) | _ENDS,
    Stage.CONTRIBUTED: frozenset({Stage.SENT, Stage.SPENT}),
    Stage.SENT: frozenset(),
    Stage.SPENT: frozenset(),
    Stage.REFUSED: frozenset(),
    Stage.ABORTED: frozenset(),
    Stage.LOST: frozenset(),
}
IN_PROGRESS: Final = (Stage.PLANNED, Stage.BUNDLED, Stage.TRANSCRIBED)
USED: Final = (Stage.CONTRIBUTED, Stage.SENT, Stage.SPENT)
"""Stages in which a run counts against the limits of its scenario or authorization."""
