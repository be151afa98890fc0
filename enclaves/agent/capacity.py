"""How much has been released about a person, kept here and nowhere else: the capacity ledger.

Rules:
1. What fits is decided by `policies.capacity`, over the debits of the last 365 days of one partner, and for the same model
   over those of the last 30 days: a second score must come from the same snapshot of the data.
2. Debited durably before anything is contributed, for every effective slot, whether or not the person is known here.
   A debit is never taken back: a run that fails afterwards has spent it.
3. Idempotent by job: a further attempt of a job debits only persons that no earlier attempt debited.
4. A person is a pid (HMAC under the domain key), compared by its first 64 bits: a coincidence could only refuse.

Stored as one packed row for each attempt, kept for ever; the sums over the window are held in memory for each partner and
rebuilt when a debit leaves it. Source: protocols.md V16 and attack A3; design.md section 5a.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from enclaves.agent.consents import Words
from enclaves.run.durable import Durable
from policies.capacity import REPEAT_DAYS, WINDOW_DAYS, CapacityExhausted, accepts
from policies.documents.authorization import Limits

Keys = NDArray[np.uint64]

_WINDOW_S: Final = WINDOW_DAYS * 86_400
_REPEAT_S: Final = REPEAT_DAYS * 86_400
_TABLES: Final = (
    """CREATE TABLE IF NOT EXISTS debits (
        debit INTEGER PRIMARY KEY, partner TEXT NOT NULL, at INTEGER NOT NULL, model TEXT NOT NULL,
        job TEXT NOT NULL, bits INTEGER NOT NULL, persons BLOB NOT NULL, snapshot TEXT NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS debits_partner ON debits (partner, at)",
)


@dataclass(frozen=True, slots=True)
class Account:
    """What a job would spend on each person, and under which limits. `now` is in Unix seconds.

    `snapshot` names the rows a score would be made of; without a name they count as other rows than any before.
    """

    partner: str
    model: str
    job: str
    bits: int
    limits: Limits
    now: int
    snapshot: str = ""


@dataclass(slots=True)
class _Latest:
    """When each person was last scored: sorted keys and Unix seconds."""

    keys: Keys = field(default_factory=lambda: np.empty(0, dtype=np.uint64))
    at: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def add(self, keys: Keys, *, at: int) -> None:
        known = among(keys, self.keys)
        self.at[np.searchsorted(self.keys, keys[known])] = at
        place = np.searchsorted(self.keys, keys[~known])
        self.keys = np.insert(self.keys, place, keys[~known])
        self.at = np.insert(self.at, place, at)

    def since(self, keys: Keys, start: int) -> NDArray[np.bool_]:
        """Which of `keys` were scored after `start`."""
        return among(keys, self.keys[self.at > start])


@dataclass(slots=True)
class _Sums:
    """What one partner has spent within the window: sorted keys, their bits, and the keys of each model and job."""

    since: int | None = None
    """When the oldest debit counted was made; None without one."""
    persons: Keys = field(default_factory=lambda: np.empty(0, dtype=np.uint64))
    bits: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    models: dict[str, Keys] = field(default_factory=dict)
    jobs: dict[str, Keys] = field(default_factory=dict)
    scored: dict[tuple[str, str], _Latest] = field(default_factory=dict)
    """By model and snapshot."""

    def add(self, keys: Keys, account: Account, *, at: int) -> None:
        """Count one debit of the sorted, distinct `keys`."""
        self.since = at if self.since is None else min(at, self.since)
        known = among(keys, self.persons)
        self.bits[np.searchsorted(self.persons, keys[known])] += account.bits
        fresh = keys[~known]
        place = np.searchsorted(self.persons, fresh)
        self.persons = np.insert(self.persons, place, fresh)
        self.bits = np.insert(self.bits, place, account.bits)
        for sums, name in ((self.models, account.model), (self.jobs, account.job)):
            sums[name] = _with(sums.get(name, keys[:0]), keys)
        self.scored.setdefault((account.model, account.snapshot), _Latest()).add(keys, at=at)

    def from_other_data(self, keys: Keys, account: Account) -> NDArray[np.bool_]:
        """Whom the model scored within the last days from other rows than the account's."""
        found = np.zeros(len(keys), dtype=np.bool_)
        for (model, snapshot), latest in self.scored.items():
            if model == account.model and (snapshot != account.snapshot or not snapshot):
                found |= latest.since(keys, account.now - _REPEAT_S)
        return found

    def spent(self, keys: Keys) -> NDArray[np.int64]:
        found = among(keys, self.persons)
        result = np.zeros(len(keys), dtype=np.int64)
        result[found] = self.bits[np.searchsorted(self.persons, keys[found])]
        return result


class CapacityLedger:
    """Debits in the enclave's durable file."""

    def __init__(self, durable: Durable) -> None:
        self._durable = durable
        self._sums: dict[str, _Sums] = {}
        durable.define(*_TABLES)

    def has_room(self, account: Account, pids: Words) -> NDArray[np.bool_]:
        """For each pid, whether the account's bits and model still fit; true for whom this job has debited already."""
        sums = self._of(account)
        # Sorted needles walk the sorted sums in order, which the processor's caches reward.
        order = np.argsort(pids[:, 0])
        keys = pids[order, 0]
        versions = np.zeros(len(keys), dtype=np.int64)
        for persons in sums.models.values():
            versions += among(keys, persons)
        fits = accepts(
            sums.spent(keys),
            versions,
            counted=among(keys, sums.models.get(account.model, keys[:0])),
            other_data=sums.from_other_data(keys, account),
            bits=account.bits,
            limits=account.limits,
        )
        result = np.empty(len(keys), dtype=np.bool_)
        result[order] = fits | among(keys, sums.jobs.get(account.job, keys[:0]))
        return result

    def released(self, account: Account, pids: Words) -> NDArray[np.int64]:
        """Bits released about each pid to the account's partner within the last 365 days."""
        return self._of(account).spent(pids[:, 0])

    def debit(self, account: Account, pids: Words) -> None:
        """Debit persons, durably. Raises CapacityExhausted, debiting nobody, if one of them has no room left."""
        with self._durable.transaction():
            if not self.has_room(account, pids).all():
                raise CapacityExhausted("expected room for every effective slot, got less")
            sums = self._of(account)
            keys = np.unique(pids[:, 0])
            fresh = keys[~among(keys, sums.jobs.get(account.job, keys[:0]))]
            if len(fresh) == 0:
                return
            self._durable.run(
                "INSERT INTO debits (partner, at, model, job, bits, persons, snapshot) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    account.partner,
                    account.now,
                    account.model,
                    account.job,
                    account.bits,
                    fresh.astype("<u8").tobytes(),
                    account.snapshot,
                ),
            )
        # Only after the commit: sums that a rollback left behind would refuse, but also hide the next attempt's debit.
        sums.add(fresh, account, at=account.now)

    def _of(self, account: Account) -> _Sums:
        start = account.now - _WINDOW_S
        sums = self._sums.get(account.partner)
        if sums is None or (sums.since is not None and sums.since <= start):
            sums = self._sums[account.partner] = _Sums()
            for model, job, bits, at, persons, snapshot in self._durable.rows(
                "SELECT model, job, bits, at, persons, snapshot FROM debits WHERE partner = ? AND at > ? ORDER BY debit",
                (account.partner, start),
            ):
                then = Account(account.partner, model, job, bits, account.limits, at, snapshot)
                sums.add(np.frombuffer(persons, dtype="<u8").astype(np.uint64), then, at=at)
        return sums


def _with(known: Keys, keys: Keys) -> Keys:
    """The sorted union of two sorted arrays of distinct keys."""
    fresh = keys[~among(keys, known)]
    return np.insert(known, np.searchsorted(known, fresh), fresh)


def among(keys: Keys, known: Keys) -> NDArray[np.bool_]:
    """Which of `keys` stand in the sorted `known`."""
    if len(known) == 0:
        return np.zeros(len(keys), dtype=np.bool_)
    at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    found: NDArray[np.bool_] = known[at] == keys
    return found
