"""The numbers of the disclosure layers, all in this one place, and the only way to change them: towards stricter.

The defaults are those of protocols.md §6.2 and §6.3; they are also the floor. An owner may tighten any of them; of several
owners the strictest wins. `DIRECTIONS` says for each field which way stricter lies. Shares are exact fractions and are
compared as integers; no float takes part in a decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from types import MappingProxyType
from typing import Final, cast

from policies.disclosure.errors import LimitLoosened
from policies.documents.strict_json import Json, quoted

# L0: the size of an answer.
MAX_CELLS: Final = 500
MAX_KEYS: Final = 3
MAX_MEASURES: Final = 10
# L2: the rule of one domain over its own contribution.
LOCAL_PERSONS: Final = 5
LOCAL_TOP_SHARE: Final = Fraction(60, 100)
# L3: the rules for what is released.
PERSONS: Final = 10
DOMAINS: Final = 3
BILATERAL_DOMAINS: Final = 2
P_PERCENT: Final = 10
TOP1_SHARE: Final = Fraction(50, 100)
TOP2_SHARE: Final = Fraction(85, 100)
COMPLEMENT: Final = 10
VARIANCE_PERSONS: Final = 30
# L4: rounding.
COUNT_BASE: Final = 5
SUM_DIGITS: Final = 3
# L5: the atom rule.
ATOM_SIZE: Final = 10
PREDICATES_PER_SNAPSHOT: Final = 200
REFUSALS_PER_SCENARIO: Final = 20
# L8: more cells than this wait for two people.
REVIEW_CELLS: Final = 200

_LARGEST: Final = 1_000_000_000


class Stricter(Enum):
    """Which way a limit grows stricter."""

    HIGHER = "higher"
    LOWER = "lower"


DIRECTIONS: Final[Mapping[str, Stricter]] = MappingProxyType(
    {
        "local_persons": Stricter.HIGHER,
        "local_top_share": Stricter.LOWER,
        "persons": Stricter.HIGHER,
        "domains": Stricter.HIGHER,
        "p_percent": Stricter.HIGHER,
        "top1_share": Stricter.LOWER,
        "top2_share": Stricter.LOWER,
        "complement": Stricter.HIGHER,
        "variance_persons": Stricter.HIGHER,
        "max_cells": Stricter.LOWER,
        "max_keys": Stricter.LOWER,
        "max_measures": Stricter.LOWER,
        "count_base": Stricter.HIGHER,
        "sum_digits": Stricter.LOWER,
        "atom_size": Stricter.HIGHER,
        "predicates_per_snapshot": Stricter.LOWER,
        "refusals_per_scenario": Stricter.LOWER,
        "review_cells": Stricter.LOWER,
    }
)

LimitValue = int | Fraction | str
"""An integer, an exact share, or either as decimal text such as `"0.45"` (a document carries no floats)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits under which one answer is judged. Persons, never rows; shares in [0, 1]. None is looser than its floor."""

    local_persons: int = LOCAL_PERSONS
    local_top_share: Fraction = LOCAL_TOP_SHARE
    persons: int = PERSONS
    domains: int = DOMAINS
    p_percent: int = P_PERCENT
    top1_share: Fraction = TOP1_SHARE
    top2_share: Fraction = TOP2_SHARE
    complement: int = COMPLEMENT
    variance_persons: int = VARIANCE_PERSONS
    max_cells: int = MAX_CELLS
    max_keys: int = MAX_KEYS
    max_measures: int = MAX_MEASURES
    count_base: int = COUNT_BASE
    sum_digits: int = SUM_DIGITS
    atom_size: int = ATOM_SIZE
    predicates_per_snapshot: int = PREDICATES_PER_SNAPSHOT
    refusals_per_scenario: int = REFUSALS_PER_SCENARIO
    review_cells: int = REVIEW_CELLS

    def __post_init__(self) -> None:
        for field in fields(self):
            floor: int | Fraction = _FLOORS[field.name]
            _check_value(field.name, getattr(self, field.name), floor=floor)

    def tightened(self, by: Mapping[str, LimitValue]) -> Limits:
        """These limits with an owner's wishes: per field the stricter of both.

        Raises `LimitLoosened` for an unknown field and for a value looser than the product's floor, even if another owner
        has already tightened the field further: a wish that is not allowed is not silently ignored.
        """
        changes: dict[str, int | Fraction] = {}
        for name, wish in by.items():
            if name not in DIRECTIONS:
                raise LimitLoosened(f"expected the name of a limit, got {quoted(name)}")
            current: int | Fraction = getattr(self, name)
            value = _parsed(name, wish, like=current)
            _check_value(name, value, floor=_FLOORS[name])
            changes[name] = current if _looser(name, value, than=current) else value
        return replace(self, **changes)  # type: ignore[arg-type]  # each value has the type of its field: `_parsed`

    def required_domains(self, n_domains: int, *, bilateral: bool) -> int:
        """How many domains a cell needs: one domain is exempt, two need the signed flag (design.md §4)."""
        if n_domains == 1:
            return 1
        return BILATERAL_DOMAINS if bilateral and n_domains == BILATERAL_DOMAINS else self.domains

    def as_json(self) -> dict[str, Json]:
        """Every limit by name; shares as decimal text or as a ratio if they have no short decimal form."""
        return {
            field.name: value if isinstance(value := getattr(self, field.name), int) else _share_text(value)
            for field in fields(self)
        }


_FLOORS: Final[Mapping[str, int | Fraction]] = MappingProxyType(
    {field.name: cast("int | Fraction", field.default) for field in fields(Limits)}
)
"""What every owner starts from: the defaults."""


def _looser(name: str, value: int | Fraction, *, than: int | Fraction) -> bool:
    return value < than if DIRECTIONS[name] is Stricter.HIGHER else value > than


def _check_value(name: str, value: int | Fraction, *, floor: int | Fraction) -> None:
    if isinstance(value, bool) or not isinstance(value, type(floor)):
        raise LimitLoosened(f"expected {type(floor).__name__} for `{name}`, got {type(value).__name__}")
    least: int | Fraction = 1 if isinstance(floor, int) else Fraction(0)
    if not least <= value <= _LARGEST:
        raise LimitLoosened(f"expected `{name}` within [{least}, {_LARGEST}], got {value}")
    if _looser(name, value, than=floor):
        raise LimitLoosened(f"expected `{name}` no looser than {floor}, got {value}")


def _parsed(name: str, wish: LimitValue, *, like: int | Fraction) -> int | Fraction:
    if isinstance(wish, bool) or not isinstance(wish, int | Fraction | str):
        raise LimitLoosened(f"expected an integer or decimal text for `{name}`, got {type(wish).__name__}")
    try:
        # `Fraction` of a text with a huge exponent would build a huge number.
        value = (
            Fraction(wish)
            if not isinstance(wish, str) or (len(wish) <= 12 and "e" not in wish.lower())
            else None
        )
    except (ValueError, ZeroDivisionError):
        value = None
    if value is None:
        raise LimitLoosened(f"expected an integer or decimal text for `{name}`, got {quoted(str(wish))}")
    if isinstance(like, Fraction):
        return value
    if value.denominator != 1:
        raise LimitLoosened(f"expected an integer for `{name}`, got {value}")
    return int(value)


def _share_text(share: Fraction) -> str:
    thousandths = share * 1000
    if thousandths.denominator != 1:
        return f"{share.numerator}/{share.denominator}"
    return str(Decimal(int(thousandths)).scaleb(-3))
