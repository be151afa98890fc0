"""Who takes part in an alignment, and the way each department's batch goes.

The departments stand in the order of their names' bytes. A batch starts at its origin, goes round to every other
department in that order, and ends at the joiner, who has no data in the scenario (protocols.md section 5, pattern 2).
The stage of a batch is how many departments have raised it: 1 when its origin sends it, n when the joiner gets it.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from enclaves.protocols.errors import ProtocolError

SID_BYTES: Final = 32
MAX_DEPARTMENTS: Final = 50
MAX_NAME_BYTES: Final = 255


@dataclass(frozen=True, slots=True)
class Roster:
    """One scenario's alignment: its id of 32 bytes, 2 to 50 departments in order, and the joiner."""

    sid: bytes
    departments: tuple[str, ...]
    joiner: str

    def __post_init__(self) -> None:
        """Raises ProtocolError for names out of order or twice, a joiner among the departments, or a wrong sid."""
        if len(self.sid) != SID_BYTES:
            raise ProtocolError(f"expected a sid of {SID_BYTES} bytes, got {len(self.sid)}")
        if not 2 <= len(self.departments) <= MAX_DEPARTMENTS:
            raise ProtocolError(f"expected 2 to {MAX_DEPARTMENTS} departments, got {len(self.departments)}")
        names = [name_bytes(name) for name in self.departments]
        if any(first >= second for first, second in pairwise(names)):
            raise ProtocolError("expected different departments in the order of their names, got others")
        name_bytes(self.joiner)
        if self.joiner in self.departments:
            raise ProtocolError(f"expected a joiner that is no department, got `{self.joiner}`")

    def way(self, origin: str) -> tuple[str, ...]:
        """The departments in the order in which they raise the batch of `origin`, which comes first."""
        if origin not in self.departments:
            raise ProtocolError(f"expected a department of the roster, got `{origin}`")
        at = self.departments.index(origin)
        return self.departments[at:] + self.departments[:at]

    def holder(self, origin: str, *, stage: int) -> str:
        """Who gets the batch of `origin` once `stage` departments have raised it: the next one, or the joiner."""
        if not 1 <= stage <= len(self.departments):
            raise ProtocolError(f"expected a stage of 1 to {len(self.departments)}, got {stage}")
        return (*self.way(origin), self.joiner)[stage]


def name_bytes(name: str) -> bytes:
    """The bytes of a party's name, 1 to 255 of them."""
    raw = name.encode("utf-8", errors="surrogatepass")
    if not 1 <= len(raw) <= MAX_NAME_BYTES:
        raise ProtocolError(f"expected a name of 1 to {MAX_NAME_BYTES} bytes, got {len(raw)}")
    return raw


def framed_name(name: str) -> bytes:
    """u8 length || name: no two lists of names share these bytes."""
    raw = name_bytes(name)
    return bytes([len(raw)]) + raw
