"""Whether an answer may join all earlier ones: the atom rule, L5, exact (protocols.md §6.3).

**State.** `atoms` int32[units]: two units share an atom if and only if every answer released so far treated them alike.

**Rule.** An answer is admitted if afterwards every atom it touches holds at least k persons. Cells that would leave an atom of
0 < size < k are withheld, which merges them into "no released cell", until none is left; if no cell is left, the answer is
not admitted and the atoms stay as they were.

**Proof.** Let M be the matrix of all released sums over persons, M[s, i] the weight of person i's amount in sum s (one column
per person and amount). Persons of one atom have equal columns in M, by definition of the atom. A linear combination of
released sums has the weights c·M, which are equal on an atom. So the persons it involves are a union of atoms: none, or at
least k. Rounding, suppression at the gate, HAVING, means, shares and variances are functions of these sums and of public
numbers, and reveal no more than the sums. Atoms that are finer than what is released (a cell that the gate withholds
later) only make the rule stricter.

**What enters the code.** Everything on which a released sum depends, person by person:
- the cell, or the set of cells for a person with rows in several (`admit_pairs`);
- whether a person stands behind a measure: the condition of a conditional aggregate, the null pattern of a nullable column,
  for AVG as for COUNT, since its denominator is a released sum (`admit_values`);
- the roster: an answer over other persons, or the same query asked again when a domain has gone, is one more predicate
  (protocols.md §1.2 A10), and so is "changed since the last snapshot".

**Rows.** If a person has several rows, her amounts in two answers are sums over different rows of hers, and their difference is
an amount of its own: "cost up to day 9" minus "up to day 8" has every visitor on both sides, and is the visit of day 9.
Membership of persons cannot see it. There the units are rows, `owner` says whose, and an atom's size is its distinct
persons; the proof is the same with one column per row. Counts of distinct persons are not sums over rows, so they need
persons as units too: `admit_rows` holds both at once. A join repeats rows: an amount of a table counts as often as
its row occurs. There each table with a measure in the answer is a line of its own, how often being part of what is said
of a unit: `admit_lines`.

**Amounts.** Atoms of k persons can still be dominated by one of them, and the difference of two answers may be the total of an
atom. A line with `amounts` asks of every touched atom what `policies.disclosure.dominance` asks of a cell; what holds in the
atoms holds in every union of atoms. It is exact if the line is kept for one column and refined by the answers that sum that
column, and stricter than needed if it is refined by others too.

**Limits of the proof.** Amounts must be the same in all answers: bounds, to which they are clipped, may not change within a
snapshot (`history`), and a person's total that is clipped over several rows is not a sum over rows: either no total
reaches its bound, or those that do are a feature like a condition. Equal amounts and outside knowledge are not excluded:
a group of k persons may all be alike, and k - 1 of them may know it. Which cells are withheld depends on the data; it tells
that some atom would be small, not whose. That, and refusals, are bounded by counting (`history`), not proved away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from policies.atoms.errors import AtomsInvalid
from policies.atoms.partition import Labels, check_labels, ranked_pairs
from policies.atoms.patterns import (
    Patterns,
    patterns_of_codes,
    patterns_of_counted_values,
    patterns_of_pairs,
    patterns_of_values,
)
from policies.atoms.withholding import Admission as Admission
from policies.atoms.withholding import admitted
from policies.disclosure.limits import Limits

_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class ValueAdmission:
    """The verdict cell by cell, bool[cells], and value by value, bool[measures, cells]; no value outlives its cell."""

    accepted: bool
    cells: NDArray[np.bool_]
    values: NDArray[np.bool_]
    atoms: Labels


@dataclass(frozen=True, slots=True)
class RowAdmission:
    """The verdict for rows of several per person: atoms of persons and of rows, kept side by side."""

    accepted: bool
    released: NDArray[np.bool_]
    person_atoms: Labels
    row_atoms: Labels


@dataclass(frozen=True, slots=True)
class Line:
    """One sort of units and what an answer says of them: pairs `unit`, `code` int32[pairs], a code once for each time.

    `owner` int32[units] is the person of each unit, None if the units are persons. If `counted`, how often a unit is in a
    cell is part of what is said: a row that a join repeats counts as often in a sum. Distinct persons are not counted.

    `amounts` int64[units] each, if given, are amounts of the units, the same in every answer: then no atom may be dominated
    by one or two persons' amounts either, under the limits of `admit_lines`. `behind` bool[measures, pairs], if given, says
    which measures of the answer depend on more than the cell, pair by pair; all lines number the measures alike.
    """

    atoms: Labels
    unit: Labels
    code: Labels
    owner: Labels | None = None
    counted: bool = True
    amounts: tuple[NDArray[np.int64], ...] = ()
    behind: NDArray[np.bool_] | None = None

    def patterns(self, cells: NDArray[np.bool_], values: NDArray[np.bool_]) -> Patterns:
        """What the answer says if only these cells, bool[codes], and values, bool[measures, codes], are released."""
        check_labels(self.code, n=len(self.unit))
        if self.code.size and int(self.code.max()) >= len(cells):
            raise AtomsInvalid(f"expected codes below {len(cells)}, got another")
        behind = np.zeros((len(values), len(self.code)), dtype=np.bool_)
        if self.behind is not None:
            if self.behind.shape != behind.shape or self.behind.dtype != np.bool_:
                raise AtomsInvalid("expected one flag for each measure and each pair, got others")
            behind = self.behind & values[:, self.code]
        kept = np.flatnonzero(cells[self.code]) if not cells.all() else slice(None)
        unit, code, behind = self.unit[kept], self.code[kept], behind[:, kept]
        if self.counted:
            return patterns_of_counted_values(unit, code, behind, units=len(self.atoms), n_cells=len(cells))
        return patterns_of_values(unit, code, behind, persons=len(self.atoms), n_cells=len(cells))


@dataclass(frozen=True, slots=True)
class LinesAdmission:
    """The verdict for several lines: cells bool[codes], values bool[measures, codes], by line the atoms from now on."""

    accepted: bool
    cells: NDArray[np.bool_]
    values: NDArray[np.bool_]
    atoms: tuple[Labels, ...]


def admit(
    atoms: Labels,
    codes: Labels,
    *,
    k: int,
    droppable: bool = True,
    n_codes: int | None = None,
    owner: Labels | None = None,
) -> Admission:
    """Admit an answer in which each unit is in at most one cell: `codes` int32[units], 0 for none.

    `released` is bool[n_codes], its first always false. With `owner` int32[units] the units are rows and k counts persons.
    With `droppable` false it is all cells or none.
    """
    check_labels(codes, n=len(atoms))
    most = int(codes.max(initial=0)) + 1
    n_codes = most if n_codes is None else n_codes
    if n_codes < most:
        raise AtomsInvalid(f"expected codes below {n_codes}, got another")
    return admitted(atoms, patterns_of_codes(codes, n_codes=n_codes), k=k, droppable=droppable, owner=owner)


def admit_pairs(
    atoms: Labels, person: Labels, cell: Labels, n_cells: int, *, k: int, droppable: bool = True
) -> Admission:
    """Admit an answer in which a person may be in several cells: pairs int32[pairs], cells 0 … n_cells - 1."""
    patterns = patterns_of_pairs(person, cell, persons=len(atoms), n_cells=n_cells)
    return admitted(atoms, patterns, k=k, droppable=droppable)


def admit_values(
    atoms: Labels,
    person: Labels,
    cell: Labels,
    behind: NDArray[np.bool_],
    *,
    n_cells: int,
    k: int,
    owner: Labels | None = None,
) -> ValueAdmission:
    """Admit an answer with conditional or nullable measures; `behind` bool[measures, pairs] as in `patterns_of_values`.

    Measures behind which everybody stands need no line of `behind`; measures of one column share one. With `owner`
    int32[units] the units are rows, `person` names rows, and k counts persons.
    """
    patterns = patterns_of_values(person, cell, behind, persons=len(atoms), n_cells=n_cells)
    verdict = admitted(atoms, patterns, k=k, droppable=True, owner=owner)
    released = verdict.released.reshape(1 + len(behind), n_cells)
    return ValueAdmission(verdict.accepted, released[0], released[1:], verdict.atoms)


def admit_lines(lines: Sequence[Line], *, n_codes: int, k: int, limits: Limits = _LIMITS) -> LinesAdmission:
    """Admit one answer on several lines of units at once: what one line withholds is withheld on all.

    Codes are 0 … n_codes - 1. `limits` judges dominance in the atoms of lines with amounts. A cell or value of which no line
    says anything is not released.
    """
    n_measures = max((len(line.behind) for line in lines if line.behind is not None), default=0)
    allowed = np.ones((1 + n_measures, n_codes), dtype=np.bool_)
    answered = np.zeros_like(allowed)
    atoms = []
    for line in lines:
        patterns = line.patterns(allowed[0], allowed[1:])
        verdict = admitted(
            line.atoms, patterns, k=k, droppable=True, owner=line.owner, amounts=line.amounts, limits=limits
        )
        present = np.zeros(allowed.size, dtype=np.bool_)
        present[patterns.feature] = True
        allowed &= (verdict.released | ~present).reshape(allowed.shape)
        answered |= verdict.released.reshape(allowed.shape)
        atoms.append(verdict.atoms)
    answered &= allowed & allowed[0]
    if not answered.any():
        return LinesAdmission(False, answered[0], answered[1:], tuple(line.atoms for line in lines))
    if not allowed.all():
        # Merging parts never makes one smaller: what a later line withheld cannot offend an earlier one.
        final = [line.patterns(answered[0], answered[1:]) for line in lines]
        atoms = [ranked_pairs(line.atoms, left.of_person)[0] for line, left in zip(lines, final, strict=True)]
    return LinesAdmission(True, answered[0], answered[1:], tuple(atoms))


def admit_rows(
    person_atoms: Labels, row_atoms: Labels, *, owner: Labels, codes: Labels, n_codes: int, k: int
) -> RowAdmission:
    """Admit an answer over the rows of one table: `owner` and `codes` int32[rows], code 0 for none; see *Rows* above."""
    check_labels(owner, n=len(row_atoms))
    check_labels(codes, n=len(row_atoms))
    row = np.flatnonzero(codes).astype(np.int32)
    lines = (
        # A row of one table is in one cell, once.
        Line(row_atoms, row, codes[row], owner, counted=False),
        Line(person_atoms, owner[row], codes[row], counted=False),
    )
    verdict = admit_lines(lines, n_codes=n_codes, k=k)
    return RowAdmission(verdict.accepted, verdict.cells, verdict.atoms[1], verdict.atoms[0])
