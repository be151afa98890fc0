"""What every released sum is made of, person by person and row by row: the units of the atom rule, over all snapshots.

- **Persons** are pids, over all tables of the domain. **Rows** are the different rows a table ever held, known by a 64-bit
  hash over pid and every column: the same row in two snapshots is one unit, a changed row is two. A unit that is no longer
  there stays, in no cell of any later answer, so that what an update changed is weighed like anything else.
- A unit that is new joins those that no released sum has touched; `outside` is their atom's label.
- Every unit has a second atom, `apart`: of the questions apart from their sensitive columns, whatever became of them
  (`policies.aggregate.apart`).
- Labels are dense, as `policies.atoms` asks.

Kept by the enclave, sealed, in the domain's own file (`enclaves.agent.lineages`); only a worker sees it open.
protocols.md section 6.3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from enclaves.worker.arrays import Arrays, read_arrays, write_arrays
from enclaves.worker.errors import OrderInvalid
from policies.atoms.partition import Labels
from policies.documents.strict_json import Json

Pids = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Units:
    """Atoms of some units; `outside` is the label of those in no released sum (the next free one if there are none)."""

    atoms: Labels
    outside: int

    def grown(self, old: NDArray[np.intp], size: int) -> Units:
        """`size` units, the old ones at the places `old`, the others new."""
        atoms = np.full(size, self.outside, dtype=np.int32)
        atoms[old] = self.atoms
        return Units(atoms, self.outside)

    def refined(self, atoms: Labels, codes: Labels) -> Units:
        """After an answer: the atoms it leaves, and who is still outside."""
        untouched = np.flatnonzero((self.atoms == self.outside) & (codes == 0))
        outside = int(atoms[untouched[0]]) if len(untouched) else int(atoms.max(initial=-1)) + 1
        return Units(atoms, outside)


NOBODY = Units(np.zeros(0, dtype=np.int32), 0)


@dataclass(frozen=True, slots=True)
class RowLine:
    """The rows one table ever held: hashes ascending, owners as places among the persons, atoms.

    `place` is the unit of each row of the snapshot `snapshot`, in the order of the file.
    """

    snapshot: str
    hashes: NDArray[np.uint64]
    owner: Labels
    units: Units
    apart: Units
    place: NDArray[np.int32]
    columns: Mapping[str, Units] = field(default_factory=dict)
    """By summed column the atoms of the answers that sum it."""

    def column(self, name: str) -> Units:
        """The atoms of a column; everything is one atom before its first sum."""
        return self.columns.get(name, Units(np.zeros(len(self.hashes), dtype=np.int32), 0))


@dataclass(frozen=True, slots=True)
class Refined:
    """What an answer leaves of one sort of units: their atoms, and which it touches (0 for not at all)."""

    atoms: Labels
    touched: Labels


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer leaves: of the rows of each table, and of the persons."""

    tables: Mapping[str, Refined]
    persons: Refined


Summed = Mapping[tuple[str, str], Refined]
"""By table and column: what the sums of an answer leave of its rows."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """All units of one account in one domain. `pids` ascending, uint64 [persons, 2]."""

    pids: Pids = field(default_factory=lambda: np.empty((0, 2), dtype=np.uint64))
    persons: Units = NOBODY
    apart: Units = NOBODY
    tables: Mapping[str, RowLine] = field(default_factory=dict)

    def joined(self, population: Pids) -> tuple[Lineage, NDArray[np.int32]]:
        """With the persons of `population` (ascending) among the units; and the place of each."""
        if np.array_equal(population, self.pids):
            return self, np.arange(len(population), dtype=np.int32)
        both = np.unique(_keys(np.concatenate([self.pids, population])))
        old, new = np.searchsorted(both, _keys(self.pids)), np.searchsorted(both, _keys(population))
        tables = {
            name: replace(line, owner=old[line.owner].astype(np.int32)) for name, line in self.tables.items()
        }
        persons, apart = self.persons.grown(old, len(both)), self.apart.grown(old, len(both))
        return Lineage(_words(both), persons, apart, tables), new.astype(np.int32)

    def with_rows(
        self, table: str, snapshot: str, *, hashes: NDArray[np.uint64], owner: NDArray[np.int32]
    ) -> Lineage:
        """With the rows of a snapshot, in the order of the file, among the units; `owner` are places of persons."""
        line = self.tables.get(table)
        known = np.empty(0, dtype=np.uint64) if line is None else line.hashes
        both, first = np.unique(np.concatenate([known, hashes]), return_index=True)
        owners = np.concatenate([NOBODY.atoms if line is None else line.owner, owner])[first]
        units, apart = (NOBODY, NOBODY) if line is None else (line.units, line.apart)
        old = np.searchsorted(both, known)
        place = np.searchsorted(both, hashes).astype(np.int32)
        held = RowLine(
            snapshot,
            both,
            owners.astype(np.int32),
            units.grown(old, len(both)),
            apart.grown(old, len(both)),
            place,
            {} if line is None else {c: held.grown(old, len(both)) for c, held in line.columns.items()},
        )
        return replace(self, tables={**self.tables, table: held})

    def after(self, told: Told) -> Lineage:
        """After an answer."""
        tables = {
            table: replace(
                self.tables[table], units=self.tables[table].units.refined(left.atoms, left.touched)
            )
            for table, left in told.tables.items()
        }
        persons = self.persons.refined(told.persons.atoms, told.persons.touched)
        return replace(self, persons=persons, tables={**self.tables, **tables})

    def after_sums(self, summed: Summed) -> Lineage:
        """After the sums of an answer."""
        tables = dict(self.tables)
        for (table, column), left in summed.items():
            line = tables[table]
            refined = line.column(column).refined(left.atoms, left.touched)
            tables[table] = replace(line, columns={**line.columns, column: refined})
        return replace(self, tables=tables)

    def after_asking(self, told: Told) -> Lineage:
        """After a question, apart from sensitive columns."""
        tables = {
            table: replace(
                self.tables[table], apart=self.tables[table].apart.refined(left.atoms, left.touched)
            )
            for table, left in told.tables.items()
        }
        apart = self.apart.refined(told.persons.atoms, told.persons.touched)
        return replace(self, apart=apart, tables={**self.tables, **tables})

    def frames(self) -> Iterator[bytes]:
        """The lineage as frames."""
        arrays: dict[str, NDArray[np.generic]] = {
            "pids": self.pids.reshape(-1),
            "persons": self.persons.atoms,
            "apart": self.apart.atoms,
        }
        facts: dict[str, Json] = {"outside": self.persons.outside, "outside_apart": self.apart.outside}
        tables: dict[str, Json] = {}
        for number, (name, line) in enumerate(sorted(self.tables.items())):
            tables[name] = {
                "number": number,
                "snapshot": line.snapshot,
                "outside": line.units.outside,
                "outside_apart": line.apart.outside,
                "columns": [[column, held.outside] for column, held in sorted(line.columns.items())],
            }
            arrays |= {
                f"hashes{number}": line.hashes,
                f"owner{number}": line.owner,
                f"rows{number}": line.units.atoms,
                f"apart{number}": line.apart.atoms,
                f"place{number}": line.place,
            }
            for place, (_, held) in enumerate(sorted(line.columns.items())):
                arrays[f"column{number}_{place}"] = held.atoms
        yield from write_arrays({**facts, "tables": tables}, arrays)

    @classmethod
    def read(cls, frames: Iterator[bytes]) -> Lineage:
        """The inverse of `frames`. Raises OrderInvalid."""
        found = read_arrays(frames)
        tables = found.member("tables")
        if not isinstance(tables, dict):
            raise OrderInvalid("expected tables by name in a lineage, got another form")
        pids = found.array("pids", np.uint64).reshape(-1, 2)
        persons = Units(found.array("persons", np.int32), found.integer("outside"))
        apart = Units(found.array("apart", np.int32), found.integer("outside_apart"))
        if not len(pids) == len(persons.atoms) == len(apart.atoms):
            raise OrderInvalid("expected two atoms for each person of a lineage, got another number")
        return cls(pids, persons, apart, {name: _line(found, value) for name, value in tables.items()})


def _line(found: Arrays, value: Json) -> RowLine:
    match value:
        case {
            "number": int() as number,
            "snapshot": str() as snapshot,
            "outside": int() as outside,
            "outside_apart": int() as outside_apart,
            "columns": list() as columns,
        }:
            pass
        case _:
            raise OrderInvalid("expected a table of a lineage, got another form")
    hashes, owner = found.array(f"hashes{number}", np.uint64), found.array(f"owner{number}", np.int32)
    atoms, place = found.array(f"rows{number}", np.int32), found.array(f"place{number}", np.int32)
    apart = found.array(f"apart{number}", np.int32)
    if not len(hashes) == len(owner) == len(atoms) == len(apart):
        raise OrderInvalid("expected a hash, an owner and two atoms for each row of a lineage, got others")
    held = {}
    for at, column in enumerate(columns):
        match column:
            case [str() as name, int() as free]:
                held[name] = Units(found.array(f"column{number}_{at}", np.int32), free)
            case _:
                raise OrderInvalid("expected a column of a lineage, got another form")
    if any(len(units.atoms) != len(hashes) for units in held.values()):
        raise OrderInvalid("expected an atom for each row of a summed column, got another number")
    return RowLine(snapshot, hashes, owner, Units(atoms, outside), Units(apart, outside_apart), place, held)


def _keys(pids: Pids) -> NDArray[np.void]:
    """Pids as 16-byte items that sort like the pids."""
    return np.ascontiguousarray(pids.astype(">u8")).view("S16").reshape(-1)


def _words(keys: NDArray[np.void]) -> Pids:
    # An item of 16 bytes keeps its trailing zeros in the buffer; only what reads items one by one drops them.
    return np.ascontiguousarray(keys).view(">u8").reshape(-1, 2).astype(np.uint64)
