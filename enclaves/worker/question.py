"""The order of an aggregate worker: compiled statements, the layout of the answer, the limits, the lineage, the masks.

Frames: the header (canonical JSON); noise, if the answer is differentially private; then the lineages. As with every order the
partner's text is not in it, only what was compiled from the closed query; and keys are neither stored nor shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from enclaves.worker.arrays import Arrays, read_arrays, write_arrays
from enclaves.worker.errors import OrderInvalid
from enclaves.worker.lineage import Lineage
from enclaves.worker.order import MASK_MEMBERS, Masks, key_bytes, key_text
from policies.aggregate.amounts import Amount
from policies.aggregate.apart import Apart
from policies.aggregate.layout import Groups, Layout
from policies.disclosure.cells import Coverage, Kind, Measure, Shape
from policies.disclosure.limits import Limits
from policies.disclosure.local import PersonBound
from policies.documents.strict_json import Json
from policies.errors import PolicyError

MAX_ACCOUNTS: Final = 4


@dataclass(frozen=True, slots=True)
class TableOrder:
    """One table: the key of its snapshot file and the snapshot's id."""

    key: bytes = field(repr=False)
    snapshot: str


@dataclass(frozen=True, slots=True)
class QuestionOrder:
    """Everything an aggregate worker is told, besides the snapshot files bound into its room under the tables' names."""

    permit: str
    tables: Mapping[str, TableOrder]
    units: tuple[str, ...]
    """The tables in the order of FROM; their rows are the units of the atom rule."""
    statement: str
    apart: Apart | None
    """The question apart from sensitive columns, if it has any."""
    layout: Layout
    bounds: tuple[PersonBound | None, ...]
    limits: Limits
    one_domain: bool
    masks: Masks
    lineages: tuple[Lineage, ...] = field(repr=False)
    """One for each account the answer is weighed on."""
    noise: NDArray[np.int64] | None = field(default=None, repr=False)
    """Of a differentially private answer, int64[layout.noise_shape]: paid for before this order was written."""
    most_rows: int | None = None
    """The rows of the statement that are kept of one person, where that is what the noise was measured by."""
    amounts: tuple[Amount, ...] = ()
    """The summed columns."""

    def __post_init__(self) -> None:
        if sorted(self.units) != sorted(self.tables) or self.masks.receiver_key is None:
            raise OrderInvalid("expected the tables of FROM and a receiver key, got others")
        if (self.noise is not None, self.most_rows is not None) != (self.layout.noised,) * 2:
            raise OrderInvalid("expected noise and the rows of a person exactly in a private answer")
        if self.noise is not None and self.noise.shape != self.layout.noise_shape:
            raise OrderInvalid(f"expected noise of shape {self.layout.noise_shape}, got another shape")
        if self.most_rows is not None and self.most_rows < 1:
            raise OrderInvalid("expected at least one row of a person, got none")

    def frames(self) -> Iterator[bytes]:
        """The order's frames."""
        members: dict[str, Json] = {
            "permit": self.permit,
            "tables": {n: {"key": key_text(t.key), "snapshot": t.snapshot} for n, t in self.tables.items()},
            "units": list(self.units),
            "statement": self.statement,
            "apart": None if self.apart is None else _apart_json(self.apart),
            "amounts": [[a.table, a.column, a.statement, list(a.measures)] for a in self.amounts],
            "keys": list(self.layout.shape.keys),
            "measures": [_measure_json(measure) for measure in self.layout.shape.measures],
            "groups": None if self.layout.groups is None else [list(group) for group in self.layout.groups],
            "noised": self.layout.noised,
            "most_rows": self.most_rows,
            "bounds": [None if b is None else [str(b.low), str(b.high)] for b in self.bounds],
            "limits": dict(self.limits.as_json()),
            "one_domain": self.one_domain,
            **self.masks.to_json(),
            "accounts": len(self.lineages),
        }
        noise = np.empty(0, dtype=np.int64) if self.noise is None else self.noise.reshape(-1)
        yield from write_arrays(members, {"noise": noise})
        for lineage in self.lineages:
            yield from lineage.frames()

    @classmethod
    def read(cls, frames: Iterator[bytes]) -> Self:
        """The inverse of `frames`. Raises OrderInvalid."""
        found = read_arrays(frames)
        noise = found.array("noise", np.int64)
        try:
            layout = _layout(found)
            return cls(
                permit=_text(found, "permit"),
                tables=_tables(found.member("tables")),
                units=tuple(str(unit) for unit in _items(found, "units")),
                statement=_text(found, "statement"),
                apart=_apart(found.member("apart")),
                amounts=tuple(map(_amount, _items(found, "amounts"))),
                layout=layout,
                bounds=tuple(map(_bound, _items(found, "bounds"))),
                limits=_limits(found.member("limits")),
                one_domain=found.member("one_domain") is True,
                masks=Masks.from_json({name: found.member(name) for name in MASK_MEMBERS}),
                lineages=tuple(Lineage.read(frames) for _ in range(_accounts(found))),
                noise=noise.reshape(layout.noise_shape) if layout.noised else None,
                most_rows=None if found.member("most_rows") is None else found.integer("most_rows"),
            )
        except (PolicyError, KeyError, ValueError, TypeError, AttributeError):
            raise OrderInvalid("expected an aggregate order, got another form") from None


def _measure_json(measure: Measure) -> Json:
    return {
        "name": measure.name,
        "kind": measure.kind.value,
        "coverage": measure.coverage.value,
        "scale": measure.scale,
        "places": measure.places,
    }


def _apart_json(apart: Apart) -> Json:
    return {
        "statement": apart.statement,
        "keys": list(apart.keys),
        "coverages": [coverage.value for coverage in apart.coverages],
    }


def _apart(value: Json) -> Apart | None:
    match value:
        case None:
            return None
        case {"statement": str() as statement, "keys": list() as keys, "coverages": list() as coverages}:
            places = tuple(key for key in keys if isinstance(key, int))
            return Apart(statement, places, tuple(Coverage(coverage) for coverage in coverages))
        case _:
            raise OrderInvalid("expected a question apart from sensitive columns, got another form")


def _amount(value: Json) -> Amount:
    match value:
        case [str() as table, str() as column, str() as statement, list() as measures]:
            return Amount(
                table, column, statement, tuple(place for place in measures if isinstance(place, int))
            )
        case _:
            raise OrderInvalid("expected a summed column, got another form")


def _layout(found: Arrays) -> Layout:
    keys = tuple(str(key) for key in _items(found, "keys"))
    shape = Shape(keys, tuple(map(_measure, _items(found, "measures"))))
    groups = found.member("groups")
    cells = None if groups is None else _groups(_items(found, "groups"))
    return Layout(shape, cells, noised=found.member("noised") is True)


def _groups(items: list[Json]) -> Groups:
    return tuple(
        tuple(None if p is None else str(p) for p in group) for group in items if isinstance(group, list)
    )


def _measure(value: Json) -> Measure:
    match value:
        case {
            "name": str() as name,
            "kind": str() as kind,
            "coverage": str() as coverage,
            "scale": int() as scale,
            "places": int() | None as places,
        }:
            return Measure(name, Kind(kind), Coverage(coverage), scale=scale, places=places)
        case _:
            raise OrderInvalid("expected a measure, got another form")


def _bound(value: Json) -> PersonBound | None:
    match value:
        case None:
            return None
        case [str() as low, str() as high]:
            return PersonBound(int(low), int(high))
        case _:
            raise OrderInvalid("expected a bound, got another form")


def _limits(value: Json) -> Limits:
    if not isinstance(value, dict):
        raise OrderInvalid("expected limits by name, got another form")
    return Limits().tightened({n: v for n, v in value.items() if isinstance(v, int | str)})


def _tables(value: Json) -> dict[str, TableOrder]:
    if not isinstance(value, dict):
        raise OrderInvalid("expected tables by name, got another form")
    tables = {}
    for name, table in value.items():
        match table:
            case {"key": str() as key, "snapshot": str() as snapshot}:
                tables[name] = TableOrder(key_bytes(key), snapshot)
            case _:
                raise OrderInvalid("expected a table with key and snapshot, got another form")
    return tables


def _accounts(found: Arrays) -> int:
    count = found.integer("accounts")
    if not 1 <= count <= MAX_ACCOUNTS:
        raise OrderInvalid(f"expected 1 to {MAX_ACCOUNTS} accounts, got {count}")
    return count


def _text(found: Arrays, name: str) -> str:
    value = found.member(name)
    if not isinstance(value, str):
        raise OrderInvalid(f"expected text in `{name}`")
    return value


def _items(found: Arrays, name: str) -> list[Json]:
    value = found.member(name)
    if not isinstance(value, list):
        raise OrderInvalid(f"expected a list in `{name}`")
    return list(value)
