"""What the model room refuses."""

from __future__ import annotations

from typing import ClassVar

from enclaves.errors import EnclaveError


class ModelError(EnclaveError):
    """A part does not fit the columns it is given, or the columns do not fit the part."""

    code: ClassVar[str] = "model_error"


class OnnxRefused(ModelError):
    """A graph that fails a static check; `check` names it as protocols.md section 6.5 does."""

    code: ClassVar[str] = "onnx_refused"

    def __init__(self, check: str, reason: str) -> None:
        super().__init__(f"{check}: {reason}")
        self.check = check
        self.reason = reason
