"""Confined: the exact integer sums of a governed statement over one partition, cell by cell.

Frames: those of a question order without noise; its masks and lineages are not used. Emits arrays (`enclaves.worker.arrays`):
the cells' keys, and int64[1 + 4 x measures, cells] flat: persons of the cell, then for each measure persons behind it, rows,
sum and sum of squares in fixed point.

A partition is not a domain: which cells may leave is judged on the sums of all partitions, never on one partition's, so the
limits on persons are not applied here and nothing emitted here may leave the domain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from connectors.store import TableFile, open_tables
from enclaves.isolation.bubblewrap import DATA_ROOT
from enclaves.worker.arrays import write_arrays
from enclaves.worker.entries import Entries, read_entries
from enclaves.worker.errors import OrderInvalid
from enclaves.worker.question import QuestionOrder
from policies.aggregate.keys import to_wire
from policies.disclosure.cells import Shape
from policies.documents.strict_json import Json

LANES = 4


def main(frames: Iterator[bytes], emit: Callable[[bytes], None]) -> None:
    """Target of `enclaves.isolation.confined.run_confined`."""
    order = QuestionOrder.read(frames)
    check_summable(order)
    if next(frames, None) is not None:
        raise OrderInvalid("expected no frame behind the lineage, got one")
    files = {name: TableFile(Path(DATA_ROOT) / name, table.key) for name, table in order.tables.items()}
    shape = order.layout.shape
    with open_tables(files) as tables:
        entries = read_entries(
            tables.run(order.statement),
            shape,
            order.layout.groups,
            tables=len(order.units),
            max_cells=order.limits.max_cells,
        )
        matrix = summed(entries, shape, persons=len(tables.population()))
    keys: list[Json] = [[to_wire(part) for part in key] for key in entries.keys]
    for frame in write_arrays({"keys": keys}, {"sums": matrix.reshape(-1)}):
        emit(frame)


def check_summable(order: QuestionOrder) -> None:
    """Raise OrderInvalid for a question whose sums over persons are more than sums: with noise, or clipped for each person."""
    if order.noise is not None or order.most_rows is not None:
        raise OrderInvalid("expected an exact question over partitions, got a private one")
    if any(bound is not None for bound in order.bounds):
        raise OrderInvalid("expected amounts that are not clipped for each person, got bounds")


def summed(entries: Entries, shape: Shape, *, persons: int) -> NDArray[np.int64]:
    """int64[1 + 4 x measures, cells]."""
    cells = len(entries.keys)
    given = entries.contributions(shape, persons=persons)
    rows = [_added(given.cell, np.ones(len(given.cell), dtype=np.int64), cells)]
    for amounts in given.measures:
        rows.append(_added(given.cell, (amounts.rows > 0).astype(np.int64), cells))
        rows += [_added(given.cell, lane, cells) for lane in (amounts.rows, amounts.total, amounts.squares)]
    return np.stack(rows)


def _added(cell: NDArray[np.int32], lane: NDArray[np.int64], cells: int) -> NDArray[np.int64]:
    """Integer sums by cell: floats, as `bincount` makes them, would round beyond 2^53."""
    total = np.zeros(cells, dtype=np.int64)
    np.add.at(total, cell, lane)
    return total
