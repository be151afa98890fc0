"""What the training room refuses beyond the rules of `policies.glm`."""

from __future__ import annotations

from typing import ClassVar

from enclaves.errors import EnclaveError


class TrainingRefused(EnclaveError):
    """A round out of turn, other coefficients than the signed ones, or a message that does not fit the plan."""

    code: ClassVar[str] = "training_refused"
