"""Resident identity numbers (GB 11643-1999) in the one canonical form everything else uses.

Canonical: 18 characters, 17 digits and a check character by ISO 7064 MOD 11-2, upper-case X. A number of the old
15-digit form is upgraded (century 19, check computed). Names and fuzzy matches are never used (protocols.md §5).

Only ASCII digits count: full-width and other scripts' digits are refused, not folded, because two spellings of one
person would be two persons to a budget. The order codes 996 to 999 of the old form marked centenarians, whose century is
not 19; such a number is refused rather than given to somebody else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from policies.errors import PolicyError

_WEIGHTS: Final = tuple(pow(2, 17 - position, 11) for position in range(17))
_CHECKS: Final = "10X98765432"
_CENTENARIANS: Final = frozenset({"996", "997", "998", "999"})


class ResidentIdInvalid(PolicyError):
    """Text that is no resident identity number; the message never quotes it."""

    code = "resident_id_invalid"


@dataclass(frozen=True, slots=True, order=True)
class ResidentId:
    """A valid number in canonical form. Build one with `parse`."""

    text: str

    def __post_init__(self) -> None:
        check_resident_id(self.text)

    def __repr__(self) -> str:
        return "ResidentId(…)"

    @classmethod
    def parse(cls, text: str) -> ResidentId:
        """Canonicalize and check: trims, upper-cases the check character, upgrades 15 digits to 18."""
        text = text.strip()
        if text.endswith("x"):
            text = f"{text[:-1]}X"
        if len(text) == 15 and text.isascii() and text.isdigit():
            if text[12:] in _CENTENARIANS:
                raise ResidentIdInvalid(
                    "expected a birth in the 20th century, got a centenarian's order code"
                )
            text = f"{text[:6]}19{text[6:]}"
            text += check_character(text)
        return cls(text)


def check_character(first_17: str) -> str:
    """The 18th character for 17 ASCII digits."""
    if len(first_17) != 17 or not first_17.isascii() or not first_17.isdigit():
        raise ResidentIdInvalid("expected 17 digits, got text of another form")
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, first_17, strict=True))
    return _CHECKS[total % 11]


def check_resident_id(text: str) -> None:
    """Raise `ResidentIdInvalid` unless `text` is canonical and valid."""
    if len(text) != 18 or not text.isascii() or not text[:17].isdigit():
        raise ResidentIdInvalid(
            f"expected 17 digits and a check character, got {len(text)} characters of another form"
        )
    try:
        date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        raise ResidentIdInvalid("expected a calendar date of birth in digits 7 to 14") from None
    if check_character(text[:17]) != text[17]:
        raise ResidentIdInvalid("expected a matching check character, got another")
