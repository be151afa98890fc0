"""The stages of a run at the gate, and which may follow which."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from enclaves.run.sessions import LOST


class Stage(StrEnum):
    """Where a run stands here."""

    OPENED = "opened"
    """One-shot: a run is opened once, whatever becomes of it."""
    RELEASED = "released"
    """The release is signed and durable with its slots; nothing has left."""
    HANDED_OVER = "handed-over"
    REFUSED = "refused"
    ABORTED = "aborted"
    LOST = LOST


TRANSITIONS: Final[Mapping[str, frozenset[str]]] = {
    Stage.OPENED: frozenset({Stage.RELEASED, Stage.REFUSED, Stage.ABORTED, Stage.LOST}),
    Stage.RELEASED: frozenset({Stage.HANDED_OVER, Stage.ABORTED}),
    Stage.HANDED_OVER: frozenset(),
    Stage.REFUSED: frozenset(),
    Stage.ABORTED: frozenset(),
    Stage.LOST: frozenset(),
}
IN_PROGRESS: Final = (Stage.OPENED,)
"""What a restart loses: totals are in memory alone."""
RELEASED: Final = frozenset({Stage.RELEASED, Stage.HANDED_OVER})
