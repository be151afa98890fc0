"""A run while it lives in memory: papers, own keys, slots, what the others said. Gone with the process, by design."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from enclaves.agent.consents import Words
from enclaves.agent.parts import OpenPart
from enclaves.protocols.secagg import EphemeralKey
from enclaves.run.exchange import Voice
from enclaves.run.papers import Papers
from enclaves.witness.witness import Seen
from policies.documents.envelope import Envelope


@dataclass(slots=True)
class LiveRun:
    """One run between its plan and its contribution."""

    papers: Papers
    part: OpenPart
    seen: Seen
    seen_at: int
    """When the intent was seen, Unix seconds."""
    pids: Words = field(repr=False)
    accepted: NDArray[np.bool_]
    bundle: Envelope
    ephemeral: EphemeralKey = field(repr=False)
    context: bytes | None
    """The gate's public context in mode bfv."""
    voices: tuple[Voice, ...] = ()
    effective: NDArray[np.bool_] | None = None
    transcript: str | None = None


def draw_ephemeral() -> EphemeralKey:
    """A fresh X25519 key for one run."""
    return EphemeralKey(secrets.token_bytes(32))
