"""What goes wrong when an answer is weighed against all earlier ones."""

from __future__ import annotations

from typing import ClassVar

from policies.errors import PolicyError


class AtomsInvalid(PolicyError):
    """Atoms, codes or stored bytes that do not belong together."""

    code: ClassVar[str] = "atoms_invalid"


class HistoryExhausted(PolicyError):
    """The snapshot has answered as many predicates as it may; the next snapshot starts anew."""

    code: ClassVar[str] = "history_exhausted"


class RefusalsExhausted(PolicyError):
    """So many refusals in one scenario that people must look at it before the next query."""

    code: ClassVar[str] = "refusals_exhausted"


class BoundsChanged(PolicyError):
    """A measure under other bounds than earlier answers of the same snapshot used."""

    code: ClassVar[str] = "bounds_changed"
