"""A run while it lives in memory: papers, own keys, slots, what the others said. Gone with the process, by design."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from enclaves.agent.consents import Words
from enclaves.agent.hidden import HiddenPart
from enclaves.agent.masking import Masking
from enclaves.agent.parts import OpenPart
from enclaves.run.errors import RunRefused
from enclaves.run.exchange import Voice
from enclaves.run.papers import Papers
from enclaves.witness.witness import Seen
from enclaves.worker.rows import Reading
from policies.documents.envelope import Envelope


@dataclass(frozen=True, slots=True)
class Scoring:
    """What a run of a model has beside its papers: the own part, the persons of the slots, in mode bfv the gate's context."""

    part: OpenPart | HiddenPart
    pids: Words = field(repr=False)
    context: bytes | None


@dataclass(slots=True)
class LiveRun:
    """One run from its plan to its last word; `scoring` is None in an aggregate, which asks about everybody."""

    papers: Papers
    scoring: Scoring | None
    seen: Seen
    seen_at: int
    """When the intent was seen, Unix seconds."""
    accepted: NDArray[np.bool_]
    bundle: Envelope
    masking: Masking = field(repr=False)
    voices: tuple[Voice, ...] = ()
    effective: NDArray[np.bool_] | None = None
    transcript: str | None = None
    asked: tuple[str, str] | None = None
    """Name and snapshots of the question that was answered; None in a run of a model."""

    @property
    def part(self) -> OpenPart:
        """The own part with its weights. Raises RunRefused in an aggregate and in mode paillier."""
        part = self._of_model().part
        if isinstance(part, HiddenPart):
            raise RunRefused("mode_mismatch", "expected a part with its weights, got an encrypted one")
        return part

    @property
    def hidden(self) -> HiddenPart | None:
        """The own part in mode paillier, whose weights are not seen here; None in other modes."""
        part = self._of_model().part
        return part if isinstance(part, HiddenPart) else None

    @property
    def reading(self) -> Reading:
        """What says which columns are read."""
        return self._of_model().part.part

    @property
    def pids(self) -> Words:
        """Pids of the slots. Raises RunRefused in an aggregate."""
        return self._of_model().pids

    @property
    def context(self) -> bytes | None:
        """The gate's public context in mode bfv. Raises RunRefused in an aggregate."""
        return self._of_model().context

    def _of_model(self) -> Scoring:
        if self.scoring is None:
            raise RunRefused("job_kind_mismatch", "expected a run of a model, got an aggregate")
        return self.scoring
