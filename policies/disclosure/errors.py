"""What goes wrong when cells are judged for release."""

from __future__ import annotations

from typing import ClassVar

from policies.errors import PolicyError


class DisclosureError(PolicyError):
    """The root of this room."""

    code: ClassVar[str] = "disclosure_error"


class LimitLoosened(DisclosureError):
    """An owner's limit is looser than the product's floor, or is no limit at all."""

    code: ClassVar[str] = "limit_loosened"


class CellsInvalid(DisclosureError):
    """Cells, lanes or contributions that do not belong together."""

    code: ClassVar[str] = "cells_invalid"


class AnswerTooLarge(DisclosureError):
    """An answer with more cells, keys or measures than may be released at once."""

    code: ClassVar[str] = "answer_too_large"
