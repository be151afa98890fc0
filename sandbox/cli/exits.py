"""The one table from an error to an exit status: 0 done, 2 malformed, 3 refused, 4 not found, 5 unavailable.

Codes map in `enclaves.transport.errors`; here stand only the answers of the coordinator, which say it by their class.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from enclaves.errors import EnclaveError
from enclaves.transport.errors import outcome
from enclaves.transport.problem import Malformed, NotFound, Problem, ProblemRaised, Refused, Unavailable
from policies.errors import PolicyError
from sandbox.errors import SandboxError

DONE: Final = 0
MALFORMED: Final = 2
REFUSED: Final = 3
NOT_FOUND: Final = 4
UNAVAILABLE: Final = 5

Known = PolicyError | EnclaveError | SandboxError
KNOWN: Final = (PolicyError, EnclaveError, SandboxError)
_ANSWERS: Final[Mapping[type[ProblemRaised], int]] = MappingProxyType(
    {Malformed: MALFORMED, Refused: REFUSED, NotFound: NOT_FOUND, Unavailable: UNAVAILABLE}
)


def exit_status(error: Known) -> int:
    """The exit status of `error`."""
    if isinstance(error, ProblemRaised):
        return _ANSWERS.get(type(error), REFUSED)
    return outcome(error.code).exit


def problem_of(error: Known) -> Problem:
    """`error` as a problem document: the coordinator's own, or one with code and message."""
    if isinstance(error, ProblemRaised):
        return error.problem
    return Problem(error.code, outcome(error.code).status, detail=str(error))
