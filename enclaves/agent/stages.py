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
    READY = "ready"
    """Of a run that recovers: all shares dealt to this enclave are open."""
    MASKED = "masked"
    """Of a run that recovers: the masks are with the worker, and nothing has left."""
    CONTRIBUTED = "contributed"
    """One-shot: the masks are spent, whether or not the contribution has arrived."""
    SENT = "sent"
    DELIVERED = "delivered"
    """Sent, in a run that recovers: shares are still to be given."""
    AGREED = "agreed"
    """The one set of survivors is signed."""
    REVEALED = "revealed"
    """One-shot: shares have been given away, whether or not they have arrived."""
    SPENT = "spent"
    """Contributed, and then refused or cut off: whether it arrived is not known here, so it counts as if it had."""
    REFUSED = "refused"
    ABORTED = "aborted"
    LOST = LOST


_ENDS: Final = frozenset({Stage.REFUSED, Stage.ABORTED, Stage.LOST})
TRANSITIONS: Final[Mapping[str, frozenset[str]]] = {
    Stage.PLANNED: frozenset({Stage.BUNDLED}) | _ENDS,
    Stage.BUNDLED: frozenset({Stage.TRANSCRIBED}) | _ENDS,
    Stage.TRANSCRIBED: frozenset({Stage.CONTRIBUTED, Stage.READY}) | _ENDS,
    Stage.READY: frozenset({Stage.MASKED}) | _ENDS,
    Stage.MASKED: frozenset({Stage.CONTRIBUTED}) | _ENDS,
    Stage.CONTRIBUTED: frozenset({Stage.SENT, Stage.DELIVERED, Stage.SPENT}),
    Stage.DELIVERED: frozenset({Stage.AGREED, Stage.SPENT}),
    Stage.AGREED: frozenset({Stage.REVEALED, Stage.SPENT}),
    Stage.REVEALED: frozenset(),
    Stage.SENT: frozenset(),
    Stage.SPENT: frozenset(),
    Stage.REFUSED: frozenset(),
    Stage.ABORTED: frozenset(),
    Stage.LOST: frozenset(),
}
IN_PROGRESS: Final = (Stage.PLANNED, Stage.BUNDLED, Stage.TRANSCRIBED, Stage.READY, Stage.MASKED)
OWING: Final = (Stage.CONTRIBUTED, Stage.DELIVERED, Stage.AGREED)
"""Stages whose masks are spent and from which something was still to come: if it cannot, the run is `spent`."""
USED: Final = (*OWING, Stage.SENT, Stage.REVEALED, Stage.SPENT)
"""Stages in which a run counts against the limits of its scenario or authorization."""
