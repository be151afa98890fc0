"""What was spent of the privacy budgets, and the one way to a noisy answer: the privacy ledger.

Rules:
1. What fits is decided by `policies.privacy.budget`: a scenario's rho within 92 days, and within 365 days the rho of the
   person about whom most was said, over all scenarios of this domain.
2. The debit is durable before any noise is drawn, and never taken back: a job that fails afterwards has spent it.
3. A release is named by everything that determines it (query, snapshot, scenario, universe, persons, rho, variances,
   shape). One name has one debit and one answer, for ever: the noised vector is stored, sealed, before it is returned, and
   whoever repeats the release gets the stored one without paying again. Repeats cannot be averaged.
4. A process that dies between debit and answer leaves the debit. The next attempt draws anew, which is no second answer: the
   first draw was seen by nobody. When two attempts race, the first stored answer is what both return.
5. A universe is the population a query is about; its debits count for every person in it. Two universes are taken to share
   people unless the owner declares them apart. A release about listed persons (a cohort) debits those: a person is a pid
   (HMAC under the domain key), compared by its first 64 bits, as in `enclaves.agent.capacity`.
6. Debits form a hash chain whose head can be logged. `is_whole` says whether they are still what the chain was made of.

Honest limit: whoever can edit or roll back the department's own file can undo all of this, and make the chain anew; only a
head that was logged elsewhere shows it.
That `rho` pays for the variances is the caller's to ensure (`policies.privacy.zcdp.variance`). Source: protocols.md §6.4.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from enclaves.agent.capacity import Keys, among
from enclaves.agent.consents import Words
from enclaves.agent.noised import Noised
from enclaves.noise.request import check_request
from enclaves.noise.tails import check_headroom, largest_noise
from enclaves.run.durable import Durable
from policies.privacy.budget import (
    LARGEST,
    PERSON_WINDOW_DAYS,
    SCENARIO_WINDOW_DAYS,
    Budgets,
    Remaining,
    Spent,
    debit,
    remaining,
)
from policies.privacy.errors import PrivacyInvalid
from policies.privacy.zcdp import RHO_UNIT, units

Vector = NDArray[np.int64]
Draw = Callable[[Fraction, int], Vector]
"""Noise of a variance, so many times: `enclaves.noise.gaussian.draw` or `enclaves.noise.skellam.draw_skellam`."""

Row = tuple[bytes, int, str, str, int, bytes | None]
"""A debit as it is stored: release, at, scenario, universe, units, persons of a cohort."""

_DAY_S: Final = 86_400
_SCENARIO_S: Final = SCENARIO_WINDOW_DAYS * _DAY_S
_PERSON_S: Final = PERSON_WINDOW_DAYS * _DAY_S
_TABLES: Final = (
    """CREATE TABLE IF NOT EXISTS privacy_debits (
        debit INTEGER PRIMARY KEY, release BLOB NOT NULL UNIQUE, at INTEGER NOT NULL, scenario TEXT NOT NULL,
        universe TEXT NOT NULL, units INTEGER NOT NULL, persons BLOB, chain BLOB NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS privacy_debits_scenario ON privacy_debits (scenario, at)",
    "CREATE INDEX IF NOT EXISTS privacy_debits_at ON privacy_debits (at)",
)
_START: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class _Release:
    """Everything that determines one noisy answer but the data. `now` is in Unix seconds and no part of the name."""

    query: str
    snapshot: str
    scenario: str
    universe: str
    rho: Fraction
    variances: tuple[Fraction, ...]
    shape: tuple[int, ...]
    keys: Keys | None
    now: int

    @property
    def name(self) -> bytes:
        """SHA-256 over the parts, 32 bytes."""
        cohort = None if self.keys is None else hashlib.sha256(_packed(self.keys)).hexdigest()
        parts = [self.query, self.snapshot, self.scenario, self.universe, str(self.rho), cohort]
        numbers = [list(map(str, self.variances)), list(self.shape)]
        return hashlib.sha256(json.dumps([*parts, *numbers]).encode("ascii")).digest()


class PrivacyLedger:
    """Debits and noised answers in the enclave's durable file.

    `key` (32 bytes, of the domain) seals the answers; `apart` lists groups of universes of which no two share a person.
    """

    def __init__(
        self,
        durable: Durable,
        key: bytes,
        *,
        budgets: Budgets = LARGEST,
        apart: Iterable[frozenset[str]] = (),
    ) -> None:
        self._durable = durable
        self._noised = Noised(durable, key)
        self._budgets = budgets
        self._apart = tuple(apart)
        durable.define(*_TABLES)

    def release(
        self,
        query: str,
        snapshot: str,
        *,
        scenario: str,
        universe: str,
        rho: Fraction,
        exact: Vector,
        sigma2: Fraction | Sequence[Fraction],
        now: int,
        draw: Draw,
        persons: Words | None = None,
        budgets: Budgets | None = None,
    ) -> Vector:
        """`exact` with noise, as it was released the first time; the shape of `exact`.

        `exact` has shape [cells] with one variance, or [measures, cells] with one variance each. `query` and `snapshot`
        are digests; `persons` are the pids of a cohort, shape [persons, 2]; `budgets` tighten the ledger's own.
        Raises BudgetExhausted, PrivacyInvalid, NoiseRefused or NoisedUnreadable; after a debit only if drawing or storing
        fails.
        """
        variances = _variances(exact, sigma2)
        keys = None if persons is None else np.unique(persons[:, 0])
        asked = _Release(query, snapshot, scenario, universe, rho, variances, exact.shape, keys=keys, now=now)
        # 1. What was answered once is answered the same way for ever.
        if (stored := self._noised.find(asked.name)) is not None:
            return stored.reshape(exact.shape)
        # 2. Refused before it costs anything: noise that cannot be drawn, a sum that could leave 64 bits.
        _check_room(exact, variances)
        # 3. The debit is on disk before there is any noise.
        self._debit(asked, self._budgets if budgets is None else self._budgets.tightest(budgets))
        # 4. The answer is on disk before anybody sees it; what stands on disk is the answer.
        self._noised.keep(asked.name, _with_noise(exact, variances, draw))
        kept = self._noised.find(asked.name)
        if kept is None:
            raise PrivacyInvalid("expected the noised answer to be stored, got none")
        return kept.reshape(exact.shape)

    def remaining(self, scenario: str, universe: str, now: int, *, persons: Words | None = None) -> Remaining:
        """What the scenario may still spend, and what may still be said about the worst-off person."""
        keys = None if persons is None else np.unique(persons[:, 0])
        return remaining(self._spent(scenario, universe, keys=keys, now=now), self._budgets)

    def scenarios(self) -> list[str]:
        """Every scenario that ever spent anything, by name."""
        rows = self._durable.rows("SELECT DISTINCT scenario FROM privacy_debits ORDER BY scenario")
        return [row[0] for row in rows]

    def debits(self) -> int:
        """How many debits there ever were."""
        return int(self._durable.rows("SELECT count(*) FROM privacy_debits")[0][0])

    def head(self) -> str:
        """The head of the chain of debits, hexadecimal: it changes with every debit."""
        return self._last_chain().hex()

    def is_whole(self) -> bool:
        """Whether every debit is what the chain was made of; that the latest ones are gone only a logged head shows."""
        chain = _START
        for *row, kept in self._durable.rows(
            "SELECT release, at, scenario, universe, units, persons, chain FROM privacy_debits ORDER BY debit"
        ):
            chain = _chained(chain, tuple(row))
            if chain != kept:
                return False
        return True

    def _debit(self, asked: _Release, budgets: Budgets) -> None:
        with self._durable.transaction():
            if self._durable.rows("SELECT 1 FROM privacy_debits WHERE release = ?", (asked.name,)):
                return
            spent = self._spent(asked.scenario, asked.universe, keys=asked.keys, now=asked.now)
            debit(spent, rho=asked.rho, budgets=budgets)
            packed = None if asked.keys is None else _packed(asked.keys)
            row = (asked.name, asked.now, asked.scenario, asked.universe, units(asked.rho), packed)
            self._durable.run(
                "INSERT INTO privacy_debits (release, at, scenario, universe, units, persons, chain)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*row, _chained(self._last_chain(), row)),
            )

    def _spent(self, scenario: str, universe: str, *, keys: Keys | None, now: int) -> Spent:
        ((by_scenario,),) = self._durable.rows(
            "SELECT COALESCE(SUM(units), 0) FROM privacy_debits WHERE scenario = ? AND at > ?",
            (scenario, now - _SCENARIO_S),
        )
        of_universes = sum(
            spent
            for other, spent in self._durable.rows(
                "SELECT universe, SUM(units) FROM privacy_debits WHERE persons IS NULL AND at > ? GROUP BY universe",
                (now - _PERSON_S,),
            )
            if not self._are_apart(universe, other)
        )
        worst = of_universes + self._worst_of_cohorts(keys, since=now - _PERSON_S)
        return Spent(by_scenario * RHO_UNIT, worst * RHO_UNIT)

    def _worst_of_cohorts(self, keys: Keys | None, *, since: int) -> int:
        """The most units that cohort debits after `since` took from one of `keys`, or of anybody."""
        people = np.empty(0, dtype=np.uint64) if keys is None else keys
        spent = np.zeros(len(people), dtype=np.int64)
        for cost, packed in self._durable.rows(
            "SELECT units, persons FROM privacy_debits WHERE persons IS NOT NULL AND at > ?", (since,)
        ):
            debited = np.frombuffer(packed, dtype="<u8").astype(np.uint64)
            if keys is None:
                fresh = debited[~among(debited, people)]
                place = np.searchsorted(people, fresh)
                people, spent = np.insert(people, place, fresh), np.insert(spent, place, 0)
            spent[among(people, debited)] += cost
        return int(spent.max(initial=0))

    def _are_apart(self, one: str, other: str) -> bool:
        return one != other and any({one, other} <= group for group in self._apart)

    def _last_chain(self) -> bytes:
        found = self._durable.rows("SELECT chain FROM privacy_debits ORDER BY debit DESC LIMIT 1")
        return found[0][0] if found else _START


def _variances(exact: Vector, sigma2: Fraction | Sequence[Fraction]) -> tuple[Fraction, ...]:
    """One variance for each row of `exact`; for a flat vector one."""
    if exact.dtype != np.int64:
        raise PrivacyInvalid("expected 64-bit integers to add noise to, got other numbers")
    single = isinstance(sigma2, Fraction)
    variances = (sigma2,) if isinstance(sigma2, Fraction) else tuple(sigma2)
    if exact.ndim != (1 if single else 2) or (not single and len(variances) != len(exact)):
        raise PrivacyInvalid("expected cells with one variance, or measures of cells with one variance each")
    if not variances or not all(variance > 0 for variance in variances):
        raise PrivacyInvalid("expected variances above zero, got one that is not")
    return variances


def _check_room(exact: Vector, variances: tuple[Fraction, ...]) -> None:
    for variance in variances:
        check_request(variance, exact.size // len(variances))
    # As Python integers: the absolute value of the least 64-bit integer is none.
    largest = max(abs(int(exact.max(initial=0))), abs(int(exact.min(initial=0))))
    check_headroom(largest, max(map(largest_noise, variances), default=0))


def _with_noise(exact: Vector, variances: tuple[Fraction, ...], draw: Draw) -> Vector:
    rows = exact.reshape(len(variances), -1)
    noise = [draw(variance, rows.shape[1]) for variance in variances]
    return (rows + np.array(noise, dtype=np.int64).reshape(rows.shape)).reshape(-1)


def _chained(before: bytes, row: Row) -> bytes:
    """The link of a debit: over the link before it and every column of its row."""
    release, *plain, persons = row
    cohort = None if persons is None else hashlib.sha256(persons).hexdigest()
    return hashlib.sha256(before + json.dumps([release.hex(), *plain, cohort]).encode("ascii")).digest()


def _packed(keys: Keys) -> bytes:
    return keys.astype("<u8").tobytes()
