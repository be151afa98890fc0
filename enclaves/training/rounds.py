"""Which coefficients a domain trains on: those that every domain's signed plan names, each round once.

Rules:
1. A round's input digest covers the model, the round's number and every coefficient to the bit. It stands in the signed
   plan as `input_model_digest`, hence in the sid, hence in every pair key: domains that were given different coefficients
   derive different masks, which do not cancel, and the gate opens noise (Pasquini et al., CCS 2022, model inconsistency).
2. A domain computes the digest from the coefficients that it received and refuses any that is not the plan's.
3. Rounds are answered in order, each once. A repeat with the same digest is answered from what was sent, by the caller.

Source: protocols.md §2.3 (each round checks `input_model_digest`, at most 25 rounds).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import struct
from dataclasses import asdict, dataclass

import numpy as np

from enclaves.protocols.labels import Label
from enclaves.training.errors import TrainingRefused
from policies.glm.families import Floats
from policies.glm.specification import Specification

DIGEST_BYTES = 32


def model_digest(specification: Specification) -> bytes:
    """32 bytes that stand for the specification; numbers are written with all their digits."""
    text = json.dumps(asdict(specification), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(Label.TRAIN_MODEL.value + text.encode("ascii")).digest()


def input_digest(specification: Specification, *, number: int, coefficients: Floats) -> bytes:
    """32 bytes: SHA-256(label || model digest || round || coefficients as big-endian doubles)."""
    if coefficients.shape != (specification.parameters,) or not np.isfinite(coefficients).all():
        raise TrainingRefused(f"expected {specification.parameters} finite coefficients, got others")
    # Adding zero turns -0.0 into 0.0: equal coefficients have one digest.
    data = np.asarray(coefficients + 0.0, dtype=">f8").tobytes()
    return hashlib.sha256(
        Label.TRAIN_ROUND.value + model_digest(specification) + struct.pack(">I", number) + data
    ).digest()


@dataclass(frozen=True, slots=True)
class Progress:
    """How many rounds of a run a domain has answered; kept durably by the caller before anything is sent."""

    answered: int = 0

    def admit(
        self, specification: Specification, *, number: int, coefficients: Floats, signed_digest: bytes
    ) -> Progress:
        """Progress after this round. Raises TrainingRefused (rules 2 and 3)."""
        if number != self.answered + 1 or number > specification.rounds:
            raise TrainingRefused(f"expected round {self.answered + 1}, got round {number}")
        if number == 1 and coefficients.any():
            raise TrainingRefused("expected no coefficients in round 1, got some")
        own = input_digest(specification, number=number, coefficients=coefficients)
        if not hmac.compare_digest(own, signed_digest):
            raise TrainingRefused("expected the coefficients of the signed plan, got others")
        return Progress(number)
