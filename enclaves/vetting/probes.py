"""Trying a part on rows that nobody has: constants and sweeps, and the same rows in another company (V13, V14).

Source: protocols.md section 6.5. What the figures mean is judged by `policies.vetting`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from enclaves.model.column import Column, Numbers
from policies.documents.dataset import ColumnType
from policies.documents.model import LinearPart, Part

Evaluate = Callable[[Mapping[str, Column], int], Numbers]
SWEEP_VALUES: Final = 1001
"""At most so many values of a column are tried."""
_TRIED_ROWS: Final = 256
_TRIAL_SEED: Final = 20_260_402
# Differences far below a grid unit come from another order of float additions, not from the neighbors.
_UNIT_TOLERANCE: Final = 1e-3
_RELATIVE_TOLERANCE: Final = 1e-6
_WHOLE: Final = frozenset({ColumnType.INTEGER, ColumnType.DATE, ColumnType.BOOLEAN})


@dataclass(frozen=True, slots=True)
class Place:
    """A column as the part uses it: its type, the bounds of all its features together, the texts they compare with."""

    column: str
    type: ColumnType
    low: float
    high: float
    texts: tuple[str, ...]


def places_of(part: Part, types: Mapping[str, ColumnType]) -> dict[str, Place]:
    """The part's columns. A column of unknown type counts as decimal."""
    found: dict[str, Place] = {}
    items = part.features if isinstance(part, LinearPart) else part.inputs
    for name in part.columns:
        own = [item for item in items if item.column == name]
        texts = [text for item in own if (text := getattr(item, "equals", None)) is not None]
        found[name] = Place(
            column=name,
            type=types.get(name, ColumnType.DECIMAL),
            low=min(float(item.low) for item in own),
            high=max(float(item.high) for item in own),
            texts=tuple(dict.fromkeys(texts)),
        )
    return found


def blank(place: Place, slots: int) -> Column:
    """A column in which everything is missing, so that the part's fill stands in."""
    missing = np.ones(slots, dtype=np.bool_)
    if place.type is ColumnType.TEXT:
        return Column(np.full(slots, None, dtype=object), missing)
    return Column(np.zeros(slots, dtype=np.float64), missing)


def alone(evaluate: Evaluate, places: Mapping[str, Place], column: str, values: Column) -> Numbers:
    """The partials that `column` makes by itself, all other columns at their fill."""
    slots = len(values.values)
    return evaluate(
        {name: values if name == column else blank(place, slots) for name, place in places.items()}, slots
    )


def sweep_values(place: Place) -> Column:
    """The values a sweep tries: every whole number, every text compared with and another one, or evenly spaced numbers."""
    if place.type is ColumnType.TEXT:
        texts = np.array([*place.texts, "".join(place.texts) + "."], dtype=object)
        return Column(texts, np.zeros(len(texts), dtype=np.bool_))
    values = np.linspace(place.low, place.high, SWEEP_VALUES)
    if place.type in _WHOLE:
        values = np.unique(np.rint(values))
    if place.texts:
        # A number compared with a text read as one.
        numbers = [float(text) for text in place.texts if _is_number(text)]
        values = np.unique(np.concatenate([values, np.array(numbers, dtype=np.float64)]))[:SWEEP_VALUES]
    return Column(values, np.zeros(len(values), dtype=np.bool_))


def constants(places: Mapping[str, Place]) -> dict[str, Column]:
    """Two rows: all zero (no text), and all missing."""
    found = {}
    for name, place in places.items():
        column = blank(place, 2)
        column.missing[0] = False
        if column.is_text:
            column.values[0] = ""
        found[name] = column
    return found


def is_row_independent(evaluate: Evaluate, columns: Mapping[str, Column], *, slots: int, grid: float) -> bool:
    """Whether some rows score the same in one batch, one by one, and in another order."""
    generator = np.random.default_rng(_TRIAL_SEED)
    picked = generator.permutation(slots)[:_TRIED_ROWS]
    some = _rows(columns, picked)
    batch = evaluate(some, len(picked))
    order = generator.permutation(len(picked))
    permuted = evaluate(_rows(some, order), len(picked))
    single = np.concatenate(
        [evaluate(_rows(some, np.array([row])), 1) for row in range(len(picked))] or [batch]
    )
    return _same(permuted, batch[order], grid=grid) and _same(single, batch, grid=grid)


def _rows(columns: Mapping[str, Column], rows: NDArray[np.int64]) -> dict[str, Column]:
    return {name: Column(column.values[rows], column.missing[rows]) for name, column in columns.items()}


def _same(left: Numbers, right: Numbers, *, grid: float) -> bool:
    return bool(
        np.allclose(left, right, rtol=_RELATIVE_TOLERANCE, atol=_UNIT_TOLERANCE * grid, equal_nan=True)
    )


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
