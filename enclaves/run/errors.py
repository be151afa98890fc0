"""Why a run is refused by an enclave or the gate, apart from a denial of the decision point."""

from __future__ import annotations

from typing import ClassVar

from enclaves.errors import EnclaveError


class RunRefused(EnclaveError):
    """A run that does not hold together; `code` travels in the `refusal` to the coordinator."""

    code: ClassVar[str] = "run_refused"

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code  # type: ignore[misc]  # the instance knows the one code that the class stands for


class ProcessRefused(EnclaveError):
    """A process that must not start: wrong pin, wrong keys, no isolation, an unreadable setting."""

    code: ClassVar[str] = "process_refused"


class TooFewPersons(EnclaveError):
    """A statistic over fewer than ten persons, which is not told."""

    code: ClassVar[str] = "too_few_persons"
