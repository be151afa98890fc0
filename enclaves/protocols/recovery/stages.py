"""How far a party and the gate are in a session: stages are left forwards only, and written down before anything is sent.

The tables have the form that `enclaves.run.sessions` takes; the store behind `StageStore` is durable, and refuses a stage
that does not follow the one it has for this sid. So a process that comes back after a crash cannot mask or answer again:
its keys are gone and its stage is not (protocols.md section 2.3, "Binding").
"""

from collections.abc import Mapping
from enum import StrEnum, unique
from typing import Final, Protocol

from enclaves.protocols.recovery.errors import Reason, RecoveryRefused


@unique
class Stage(StrEnum):
    """The last thing that a party did, or that the gate did."""

    PLANNED = "planned"
    KEYED = "keyed"
    DEALT = "dealt"
    READY = "ready"
    MASKED = "masked"
    SENT = "sent"
    AGREED = "agreed"
    REVEALED = "revealed"
    OPENED = "opened"
    ENDED = "ended"


# INVARIANT: no stage is reachable from itself, so each is entered once.
PARTY_STAGES: Final[Mapping[str, frozenset[str]]] = {
    Stage.PLANNED: frozenset({Stage.KEYED, Stage.ENDED}),
    Stage.KEYED: frozenset({Stage.DEALT, Stage.ENDED}),
    Stage.DEALT: frozenset({Stage.READY, Stage.ENDED}),
    Stage.READY: frozenset({Stage.MASKED, Stage.ENDED}),
    Stage.MASKED: frozenset({Stage.SENT, Stage.ENDED}),
    Stage.SENT: frozenset({Stage.AGREED, Stage.ENDED}),
    Stage.AGREED: frozenset({Stage.REVEALED, Stage.ENDED}),
    Stage.REVEALED: frozenset(),
    Stage.ENDED: frozenset(),
}
GATE_STAGES: Final[Mapping[str, frozenset[str]]] = {
    Stage.PLANNED: frozenset({Stage.OPENED, Stage.ENDED}),
    Stage.OPENED: frozenset(),
    Stage.ENDED: frozenset(),
}


class StageStore(Protocol):
    """The session table of a process; its caller has begun the sid at `planned`, once."""

    def move(self, sid: bytes, stage: str, /) -> None:
        """Enter `stage`, durably before returning. Raises an error of its own if it does not follow the present one."""


def check_follows(present: Stage, wanted: Stage) -> None:
    """Raise RecoveryRefused unless a party may go from `present` to `wanted`."""
    if wanted not in PARTY_STAGES[present]:
        raise RecoveryRefused(
            Reason.OUT_OF_ORDER, f"expected a session that may become {wanted}, got stage {present}"
        )
