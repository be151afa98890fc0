"""How much was withheld and by which rule: the report that goes with every answer, so that nothing is withheld silently.

`DisclosureReport` goes to the recipient: counts by rule, rounding and limits, in canonical JSON without floats. It tells no
rule of a single cell. `LocalReport` says why a domain withheld what it did; it stays in the domain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from policies.disclosure.limits import Limits
from policies.disclosure.rules import WORDS, Rule
from policies.documents.strict_json import Json, canonical

_NONE: Final = 0


class Tally:
    """Which rule each of n cells failed first. Cells outside `over` are somebody else's to count."""

    def __init__(self, n_cells: int, *, over: NDArray[np.bool_] | None = None) -> None:
        self._considered = np.ones(n_cells, dtype=np.bool_) if over is None else over.copy()
        self._rules: list[Rule] = list(Rule)
        self._first = np.zeros(n_cells, dtype=np.int16)

    def note(self, rule: Rule, failing: NDArray[np.bool_]) -> None:
        """Count `rule` for the cells that fail it and failed none before."""
        fresh = failing & self.passing
        self._first[fresh] = self._rules.index(rule) + 1

    @property
    def passing(self) -> NDArray[np.bool_]:
        """The considered cells that have failed no rule so far."""
        return np.asarray(self._considered & (self._first == _NONE))

    def rule(self, cell: int) -> Rule | None:
        """The rule that withholds one cell, if any."""
        index = int(self._first[cell])
        return None if index == _NONE else self._rules[index - 1]

    @property
    def counts(self) -> Mapping[Rule, int]:
        """How many cells each rule withholds; only rules that do."""
        found = np.bincount(self._first, minlength=len(self._rules) + 1)
        return MappingProxyType(
            {rule: int(found[index]) for index, rule in enumerate(self._rules, start=1) if found[index]}
        )


@dataclass(frozen=True, slots=True)
class LocalReport:
    """What a domain withheld of its own contribution, by rule. Not for the recipient."""

    cells: int
    cells_by_rule: Mapping[Rule, int]
    values_by_rule: Mapping[Rule, int]

    @classmethod
    def of(cls, cells: Tally, measures: Sequence[Tally]) -> LocalReport:
        """The report of one tally over the cells and one per measure."""
        return cls(len(cells.passing), cells.counts, _added(tally.counts for tally in measures))

    def with_cells(self, rule: Rule, count: int) -> LocalReport:
        """The same with `count` more cells withheld by `rule`."""
        return replace(self, cells_by_rule=_added([self.cells_by_rule, {rule: count} if count else {}]))

    def as_json(self) -> dict[str, Json]:
        """Counts by rule code."""
        return {
            "cells": self.cells,
            "cells_by_rule": _by_code(self.cells_by_rule),
            "values_by_rule": _by_code(self.values_by_rule),
        }


@dataclass(frozen=True, slots=True)
class DisclosureReport:
    """What the recipient is told of an answer: cells and values withheld by rule, partial cells, rounding, limits.

    `values_by_rule` counts single values withheld in cells that are released. `partial` counts released cells in which
    not every domain contributes, `partial_values` the same for single values.
    """

    cells: int
    values: int
    cells_by_rule: Mapping[Rule, int]
    values_by_rule: Mapping[Rule, int]
    partial: int
    partial_values: int
    n_domains: int
    bilateral: bool
    limits: Limits
    privacy: Mapping[str, Json] | None = None
    """Of a differentially private answer, whose numbers are noised and not rounded: rho and the error of each number."""

    @property
    def withheld_cells(self) -> int:
        """Cells of which nothing is released."""
        return sum(self.cells_by_rule.values())

    @property
    def withheld_values(self) -> int:
        """Values withheld in released cells."""
        return sum(self.values_by_rule.values())

    @property
    def needs_review(self) -> bool:
        """Whether the answer is so large that two people must look at it first (L8)."""
        return self.cells > self.limits.review_cells

    def as_json(self) -> dict[str, Json]:
        """The report as it is filed; every rule that withheld something has its words beside it."""
        rules = sorted({*self.cells_by_rule, *self.values_by_rule}, key=list(Rule).index)
        words: dict[str, Json] = {rule.value: {"zh": WORDS[rule].zh, "en": WORDS[rule].en} for rule in rules}
        rounding: Json = {"count_base": self.limits.count_base, "sum_digits": self.limits.sum_digits}
        return {
            "cells": self.cells,
            "values": self.values,
            "withheld_cells": self.withheld_cells,
            "withheld_values": self.withheld_values,
            "cells_by_rule": _by_code(self.cells_by_rule),
            "values_by_rule": _by_code(self.values_by_rule),
            "rules": words,
            "partial_cells": self.partial,
            "partial_values": self.partial_values,
            "domains": self.n_domains,
            "bilateral": self.bilateral,
            "needs_review": self.needs_review,
            "rounding": rounding if self.privacy is None else None,
            "privacy": None if self.privacy is None else dict(self.privacy),
            "limits": self.limits.as_json(),
        }

    @property
    def body(self) -> bytes:
        """Canonical JSON (RFC 8785) of `as_json`."""
        return canonical(self.as_json())


def _added(parts: Iterable[Mapping[Rule, int]]) -> Mapping[Rule, int]:
    total: dict[Rule, int] = {}
    for part in parts:
        for rule, count in part.items():
            total[rule] = total.get(rule, 0) + count
    return MappingProxyType(total)


def _by_code(counts: Mapping[Rule, int]) -> dict[str, Json]:
    return {rule.value: count for rule, count in counts.items()}
