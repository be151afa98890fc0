"""Confined: answer a governed statement over one domain's rows as masked lanes, and say what that adds to the lineage.

Steps, in this order (protocols.md section 6.2, L0 to L5, and 2.3, R3):
1. The row statement runs on the locked tables; its rows become who contributes what to which cell. Where noise was measured by
   the rows of one person, no more than those are kept, the first of them in the tables' order.
2. The local rules withhold cells and values that must not leave the domain, whoever else contributes.
3. The atom rule withholds cells that would leave fewer than k persons by subtraction from any earlier answer.
4. What is left is laid out, with a noised copy behind it if that is asked for, committed to, masked.

Emits: the verdict (canonical JSON: cells, what was withheld by which rule, and without a dictionary the keys of the cells
that leave), then each account's lineage after this answer, then the masked vector, then the commitment. The enclave makes
the lineages durable before it lets the vector go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from connectors.store import LockedTables, TableFile, open_tables
from enclaves.isolation.bubblewrap import DATA_ROOT
from enclaves.protocols import ring
from enclaves.worker.entries import Entries, read_entries
from enclaves.worker.errors import OrderInvalid
from enclaves.worker.lineage import Lineage
from enclaves.worker.question import QuestionOrder
from enclaves.worker.weighing import Apart, Weighed, Weight, weigh
from policies.aggregate.keys import to_wire
from policies.disclosure.cells import Cells
from policies.disclosure.local import LocallyJudged, judge_locally
from policies.documents import strict_json
from policies.documents.strict_json import Json


@dataclass(frozen=True, slots=True)
class Answered:
    """What of an answer may leave the domain, the lineages after it, and how many persons it was asked of."""

    judged: LocallyJudged
    lineages: list[Lineage]
    universe: int


def main(frames: Iterator[bytes], emit: Callable[[bytes], None]) -> None:
    """Target of `enclaves.isolation.confined.run_confined`."""
    order = QuestionOrder.read(frames)
    if next(frames, None) is not None:
        raise OrderInvalid("expected no frame behind the lineage, got one")
    files = {name: TableFile(Path(DATA_ROOT) / name, table.key) for name, table in order.tables.items()}
    with open_tables(files) as tables:
        answered = answer(order, tables)
    emit(strict_json.canonical(_verdict(answered.judged, order)))
    for lineage in answered.lineages:
        emit_lineage(lineage, emit)
    # 4. The vector.
    leaving = _leaving(answered.judged, order)
    encoded = ring.encode(order.layout.vector(leaving, universe=answered.universe, noise=order.noise))
    commitment = hashlib.sha256(order.masks.opening_key + ring.to_wire(encoded)).digest()
    emit(ring.to_wire(order.masks.one_use(order.layout.lanes).mask(encoded)))
    emit(commitment)


def answer(order: QuestionOrder, tables: LockedTables) -> Answered:
    """Steps 1 to 3 on open tables. Raises DisclosureError, AtomsInvalid, StoreError, OrderInvalid."""
    # 1. Rows to entries.
    population = tables.population()
    shape, groups = order.layout.shape, order.layout.groups
    entries = read_entries(
        tables.run(order.statement),
        shape,
        groups,
        tables=len(order.units),
        max_cells=order.limits.max_cells,
    )
    if order.most_rows is not None:
        entries = entries.first_of_each(order.most_rows)
    lines = list(_known(order, tables, population))
    # 2. The local rules.
    judged = judge_locally(
        entries.contributions(shape, persons=len(population)),
        shape=shape,
        keys=entries.keys,
        bounds=order.bounds,
        universe=len(population),
        limits=order.limits,
        one_domain=order.one_domain,
    )
    # 3. The atom rule.
    judged, lineages = weigh(
        judged,
        lines,
        entries,
        _apart(order, tables, entries),
        [Weight.of(amount, tables.run(amount.statement)) for amount in order.amounts],
        tables=order.units,
        limits=order.limits,
    )
    return Answered(judged, lineages, len(population))


def emit_lineage(lineage: Lineage, emit: Callable[[bytes], None]) -> None:
    """How many frames follow, then the frames."""
    frames = list(lineage.frames())
    emit(len(frames).to_bytes(4, "big"))
    for frame in frames:
        emit(frame)


def _known(order: QuestionOrder, tables: LockedTables, population: NDArray[np.uint64]) -> Iterator[Weighed]:
    """The lineages with this population and the rows of every table in them."""
    identities: dict[str, tuple[NDArray[np.uint64], NDArray[np.int32]]] = {}
    for account in order.lineages:
        lineage, place = account.joined(population)
        for table in order.units:
            line, snapshot = lineage.tables.get(table), order.tables[table].snapshot
            if line is None or line.snapshot != snapshot:
                if table not in identities:
                    identities[table] = tables.identities(table)
                hashes, persons = identities[table]
                lineage = lineage.with_rows(table, snapshot, hashes=hashes, owner=place[persons])
        yield Weighed(lineage, place)


def _apart(order: QuestionOrder, tables: LockedTables, entries: Entries) -> Apart:
    """The question apart from its sensitive columns: itself, if it has none."""
    if order.apart is None:
        return Apart(entries, order.layout.shape, np.arange(len(entries.keys)))
    shape, groups = order.apart.shape(order.layout.shape), order.layout.groups
    projected = [tuple(key[place] for place in order.apart.keys) for key in entries.keys]
    rest = read_entries(
        tables.run(order.apart.statement),
        shape,
        # Of a public dictionary the keys are its text.
        None if groups is None else tuple(dict.fromkeys(projected)),  # type: ignore[arg-type]
        tables=len(order.units),
        max_cells=None,
    )
    # True, 1 and 1.0 are different keys.
    place_of = {tuple((type(part), part) for part in key): place for place, key in enumerate(rest.keys)}
    cell = [place_of[tuple((type(part), part) for part in key)] for key in projected]
    return Apart(rest, shape, np.array(cell, dtype=np.intp))


def _leaving(judged: LocallyJudged, order: QuestionOrder) -> Cells:
    """The cells as they are laid out: all of a public dictionary, or those that are not withheld."""
    if order.layout.groups is not None:
        return judged.cells
    kept = np.flatnonzero(judged.released)
    keys = tuple(judged.cells.keys[at] for at in kept)
    return Cells.from_matrix(judged.cells.shape, keys, np.ascontiguousarray(judged.cells.matrix[:, kept]))


def _verdict(judged: LocallyJudged, order: QuestionOrder) -> Json:
    leaving = _leaving(judged, order)
    return {
        "released": int(judged.released.sum()),
        "report": judged.report.as_json(),
        "keys": None if order.layout.groups is not None else [[to_wire(p) for p in k] for k in leaving.keys],
    }
