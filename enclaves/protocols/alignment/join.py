"""The joiner: opens the delivered batches and finds the persons whom the required departments all brought.

Rules:
- A batch is opened only at the last stage and only if its points are those its last department logged.
- Layers are unwrapped from the last to the first; every entry must open, and every record lie within its declared shape.
- A token that stands twice in one batch, or is no element, is refused: a set holds a person once.
- Dummies have weight zero and are dropped before anything is counted. Their tokens match nobody's.

What the joiner sees: per department the tokens, pseudonyms of this scenario only, with coarse attributes and clipped
amounts; which of them coincide; and how many dummies there were. What it lets out is judged by `policies.disclosure`
(`join_cells` gives it the cells). It keeps no batch after the job: `Joined` holds columns and no token.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from enclaves.protocols.alignment.batch import Batch
from enclaves.protocols.alignment.commitment import Commitment, check_commitment
from enclaves.protocols.alignment.errors import BatchInvalid
from enclaves.protocols.alignment.group import Point
from enclaves.protocols.alignment.layers import LAYER_BYTES, Layer, LayerBinding, unwrap
from enclaves.protocols.alignment.payload import Columns, PayloadShape
from enclaves.protocols.alignment.roster import Roster
from enclaves.protocols.errors import ProtocolError
from enclaves.protocols.sealing import SealingKey

LEAST_DEPARTMENTS: Final = 2


@dataclass(frozen=True, slots=True)
class Delivered:
    """One department's set at the joiner: a token per person, and the row of each in `columns`."""

    department: str
    shape: PayloadShape
    rows: Mapping[bytes, int] = field(repr=False)
    columns: Columns = field(repr=False)


@dataclass(frozen=True, slots=True)
class Joined:
    """The persons present in all required departments, in an order that says nothing.

    `columns` has every required department's records, row i of each being the same person; `brought` is how many
    persons each department of the scenario brought.
    """

    persons: int
    shapes: Mapping[str, PayloadShape]
    columns: Mapping[str, Columns] = field(repr=False)
    brought: Mapping[str, int] = field(repr=False)


def deliver(
    batch: Batch, joiner: SealingKey, *, roster: Roster, logged: Commitment, shape: PayloadShape
) -> Delivered:
    """Open a batch at the joiner. Raises BatchInvalid, PointInvalid, SealBroken."""
    last = len(roster.departments)
    if batch.sid != roster.sid or batch.origin not in roster.departments or batch.stage != last:
        raise BatchInvalid(f"expected a batch of this scenario at stage {last}, got another")
    if batch.width != shape.width + last * LAYER_BYTES:
        raise BatchInvalid("expected entries of the width of the declared shape, got others")
    check_commitment(batch.commitment, logged)
    entries, width = batch.entries, batch.width
    way = tuple(enumerate(roster.way(batch.origin), 1))
    for (stage, adder), wrapped_key in zip(reversed(way), reversed(batch.wrapped_keys), strict=True):
        binding = LayerBinding(roster.sid, batch.origin, adder, stage)
        entries = unwrap(Layer(entries, wrapped_key), joiner, width=width, binding=binding)
        width -= LAYER_BYTES
    columns = shape.read(entries)
    rows: dict[bytes, int] = {}
    for row, raw in enumerate(batch.points):
        if rows.setdefault(Point(raw).raw, row) != row:
            raise BatchInvalid("expected each token of a batch once, got one twice")
    kept = {token: row for token, row in rows.items() if columns.weight[row]}
    return Delivered(batch.origin, shape, kept, columns)


def join(delivered: Collection[Delivered], *, required: Collection[str] | None = None) -> Joined:
    """The persons in all `required` departments, by default in all that delivered; at least two are required."""
    by_name = {each.department: each for each in delivered}
    if len(by_name) != len(delivered):
        raise ProtocolError("expected one batch per department, got two of one")
    names = sorted(by_name if required is None else set(required))
    if len(names) < LEAST_DEPARTMENTS or not by_name.keys() >= set(names):
        raise ProtocolError(f"expected at least {LEAST_DEPARTMENTS} departments that delivered, got others")
    chosen = [by_name[name] for name in names]
    smallest = min(chosen, key=lambda each: len(each.rows))
    # Tokens are pseudorandom, so that their order says nothing about a person or a batch.
    common = sorted(token for token in smallest.rows if all(token in each.rows for each in chosen))
    return Joined(
        persons=len(common),
        shapes={each.department: each.shape for each in chosen},
        columns={each.department: _taken(each, common) for each in chosen},
        brought={each.department: len(each.rows) for each in delivered},
    )


def _taken(delivered: Delivered, tokens: list[bytes]) -> Columns:
    at: NDArray[np.int64] = np.array([delivered.rows[token] for token in tokens], dtype=np.int64)
    columns = delivered.columns
    return Columns(columns.weight[at], columns.codes[at], columns.amounts[at])
