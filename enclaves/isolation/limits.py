"""What one confined run may use, as one value that the parent enforces and the child sets.

Rules (protocols.md section 7.3):
- The operating system is the limit, not the engine inside: rlimits in the child, a SIGKILL watchdog in the parent.
- A worker that can interrupt itself does so at `wall_seconds`; the watchdog kills at `KILL_FACTOR` times that, so
  that nothing outlives 1.5 times the limit.
- Every limit has a ceiling here; a caller may tighten, not lift.
"""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Self

from enclaves.isolation.errors import IsolationError

KILL_FACTOR: Final = 1.4
MAX_FRAME_BYTES: Final = (16 << 20) + (64 << 10)

_CEILINGS: Final[dict[str, int]] = {
    "address_space_bytes": 16 << 30,
    "cpu_seconds": 3_600,
    "file_bytes": 1 << 30,
    "open_files": 1_024,
    "processes": 256,
    "scratch_bytes": 1 << 30,
    "wall_seconds": 3_600,
    "input_bytes": 8 << 30,
    "output_bytes": 8 << 30,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one run; the defaults are those of protocols.md 7.3 for a query job."""

    address_space_bytes: int = 3 << 30
    cpu_seconds: int = 60
    file_bytes: int = 64 << 20
    open_files: int = 64
    processes: int = 64
    scratch_bytes: int = 64 << 20
    """Size of the in-memory /tmp, the only place the worker may write."""
    wall_seconds: float = 30.0
    input_bytes: int = 2 << 30
    """Total of all order frames; each frame is at most `MAX_FRAME_BYTES`."""
    output_bytes: int = 512 << 20
    """Total of all result frames."""

    def __post_init__(self) -> None:
        """Raises IsolationError for a limit that is not positive or lies above its ceiling."""
        for name, ceiling in _CEILINGS.items():
            value = getattr(self, name)
            # bool is an int; a limit of True would be one byte or one second.
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= ceiling:
                raise IsolationError(f"expected {name} above 0 and at most {ceiling}, got {value}")
            if name != "wall_seconds" and not isinstance(value, int):
                raise IsolationError(f"expected {name} as a whole number, got {value}")

    @property
    def kill_after_seconds(self) -> float:
        """When the parent's watchdog kills, counted from the start of the process."""
        return KILL_FACTOR * self.wall_seconds

    def to_mapping(self) -> dict[str, Any]:
        """Plain numbers by name, for the first frame."""
        return asdict(self)

    @classmethod
    def from_mapping(cls, mapping: object) -> Self:
        """The inverse of `to_mapping`. Raises IsolationError for missing, foreign or unfit entries."""
        if not isinstance(mapping, dict) or mapping.keys() != {each.name for each in fields(cls)}:
            raise IsolationError("expected exactly the limits by name, got another mapping")
        return cls(**mapping)


@dataclass(frozen=True, slots=True)
class Start:
    """The first frame: which module the child runs, and within which limits."""

    target: str
    limits: Limits

    def to_bytes(self) -> bytes:
        """JSON; no key and no data stands in it."""
        return json.dumps({"target": self.target, "limits": self.limits.to_mapping()}).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Raises IsolationError for anything but what `to_bytes` writes."""
        try:
            mapping = json.loads(data)
        except (ValueError, RecursionError):
            raise IsolationError("expected a start frame, got other bytes") from None
        if not isinstance(mapping, dict) or mapping.keys() != {"target", "limits"}:
            raise IsolationError("expected a target and limits, got other entries")
        if not isinstance(mapping["target"], str):
            raise IsolationError("expected the target as a string")
        return cls(target=mapping["target"], limits=Limits.from_mapping(mapping["limits"]))
