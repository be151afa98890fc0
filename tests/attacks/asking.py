"""Two ways of answering a partner who knows everybody's place in the data and wants one attribute of each person.

`Naive` is plain DuckDB over the rows: it answers anything, exactly or, as an attack asks, with a threshold and rounding. `Ours`
is the product without its processes: a real encrypted store, the SQL gate, the row statement, the rules of the domain and
the atom rule (`enclaves.worker.aggregate.answer`), the rules of the gate, the table as it is presented. The lineage of the
one account is kept over all questions and snapshots; answers and refusals are counted as the enclave counts them.

What an attack learns is compared with a **baseline without membership**: the same guesses, made from the same tables, about
people of whom nothing in the tables comes (each secret drawn afresh), or simply the most frequent value if that is
better. A rate that a table tells of a group helps to guess about anybody; only what is beyond it is about the person.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from connectors.store import DomainStore, LockedTables, TableFile, crypto_module, open_tables
from enclaves.worker.aggregate import answer
from enclaves.worker.lineage import Lineage
from enclaves.worker.order import Masks
from enclaves.worker.question import QuestionOrder, TableOrder
from policies.aggregate.amounts import amounts_of
from policies.aggregate.layout import Groups
from policies.aggregate.question import Asked, asked_of
from policies.atoms.errors import HistoryExhausted, RefusalsExhausted
from policies.atoms.history import History
from policies.disclosure.cells import Cells, Key
from policies.disclosure.limits import Limits
from policies.disclosure.presenting import Having, Order, Table, present
from policies.disclosure.release import Mark, judge
from policies.documents.dataset import Dataset
from policies.documents.query import Query, QueryPart
from policies.sql.query import KeyItem, Nulls
from policies.sql.query import Query as Statement
from policies.sql.row_statement import compile_rows
from tests.attacks.held import Held, both, scenario_of

MARGIN = 0.02
"""How much better than the baseline an attack on ours may be."""
_NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
_KEY, _PID_KEY = bytes(range(32)), bytes(range(32, 64))
_MASKS = Masks(party="enclave", pair_keys={}, receiver_key=bytes(32), opening_key=bytes(32))


class Naive:
    """Plain DuckDB over the same rows, with one of the usual half measures.

    All of them speak of the column `n`: below a threshold the row is left out; it is rounded to a base; it gets noise of a
    deviation, drawn anew each time.
    """

    def __init__(self, *held: Held, threshold: int = 0, base: int = 1, noise: float = 0) -> None:
        self._connection = duckdb.connect()
        self._threshold, self._base, self._noise = threshold, base, noise
        self._dice = np.random.default_rng(1)
        for one in held:
            self.refresh(one)

    def refresh(self, held: Held) -> None:
        """Replace a table."""
        self._connection.register("incoming", held.arrow())
        self._connection.execute(f'CREATE OR REPLACE TABLE "{held.name}" AS FROM incoming')
        self._connection.unregister("incoming")

    def ask(self, sql: str) -> list[dict[str, object]]:
        """The rows by column name."""
        found = self._connection.execute(sql)
        names = [column[0] for column in found.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        kept = [row for row in rows if not self._threshold or int(str(row["n"])) >= self._threshold]
        if self._noise:
            draws = self._dice.normal(0, self._noise, len(kept))
            return [{**row, "n": float(str(row["n"])) + d} for row, d in zip(kept, draws, strict=True)]
        if self._base > 1:
            return [{**row, "n": self._base * round(int(str(row["n"])) / self._base)} for row in kept]
        return kept

    def draw(self) -> float:
        """Noise for a zero that is not in the table."""
        return float(self._dice.normal(0, self._noise))


@dataclass
class _Domain:
    """One department: its store, its open snapshots and what it has told."""

    store: DomainStore
    documents: dict[str, Dataset] = field(default_factory=dict)
    lineage: Lineage = field(default_factory=Lineage)
    opened: dict[tuple[str, ...], LockedTables] = field(default_factory=dict)


class Ours:
    """The product's answers to one account, over one or several departments. Use it as a context: the store is temporary."""

    def __init__(self, *held: Held, groups: Groups | None = None, limits: Limits | None = None) -> None:
        self._temporary = tempfile.TemporaryDirectory()
        self._groups = groups
        self.limits = limits or Limits()
        self._domains: dict[str, _Domain] = {}
        self._answered: dict[str, set[str]] = {}
        self._refused: set[str] = set()
        self.closed = False
        for one in held:
            self.refresh(one)

    def __enter__(self) -> Ours:
        return self

    def __exit__(self, *error: object) -> None:
        for domain in self._domains.values():
            for opened in domain.opened.values():
                opened.close()
        self._temporary.cleanup()

    def refresh(self, held: Held) -> None:
        """A new snapshot of a data set."""
        directory = Path(self._temporary.name) / held.owner
        domain = self._domains.setdefault(
            held.owner, _Domain(DomainStore(directory, store_key=_KEY, pid_key=_PID_KEY))
        )
        document = held.document()
        with domain.store.writer(document) as writer:
            for batch in held.arrow().to_batches(max_chunksize=20_000):
                writer.add(batch)
            domain.store.publish(writer.seal(), now=_NOW)
        for opened in domain.opened.values():
            opened.close()
        domain.opened.clear()
        domain.documents[held.name] = document
        self._datasets = tuple(d for one in self._domains.values() for d in one.documents.values())
        self._scenario = scenario_of(self._datasets)

    def ask(self, sql: str, *, roster: Sequence[str] | None = None) -> list[dict[str, object]]:
        """The rows as released, by column name, None for marks; nothing if the question is refused."""
        shown = self.table(sql, roster=roster)
        if shown is None:
            return []
        names = [*shown.shape.keys, *(measure.name for measure in shown.shape.measures)]
        return [
            {
                n: None if isinstance(v, Mark) else v
                for n, v in zip(names, (*row.key, *row.values), strict=True)
            }
            for row in shown.rows
        ]

    def table(self, sql: str, *, roster: Sequence[str] | None = None) -> Table | None:
        """The table as released; None if the question is refused or there is no room for another."""
        departments = sorted(self._domains if roster is None else roster)
        asked = self.asked(sql, departments)
        layout = asked.layout
        name = repr((sql, departments))
        if layout is None or not self._is_open(name):
            return None
        totals, found = np.zeros(layout.lanes, dtype=np.int64), 0
        kept: list[tuple[Key, ...]] = list(layout.groups or ())
        for department in departments:
            vector, released, keys = self._contribution(asked, department, alone=len(departments) == 1)
            totals += vector
            found += released
            kept = keys if layout.groups is None else kept
        if not found:
            self._refused.add(name)
        else:
            self._answered.setdefault(self._snapshot(), set()).add(name)
        cells, universe = layout.cells(totals, kept)
        judged = judge(cells, self.limits, universe=universe, n_domains=len(departments))
        statement = next(v.query for v in asked.verdicts.values() if v.query is not None)
        return present(
            judged,
            having=None if statement.having is None else Having(statement.having.at_least),
            order=_order(statement),
            limit=statement.limit,
            public_keys=layout.groups is not None,
        )

    def asked(self, sql: str, departments: Sequence[str]) -> Asked:
        """The question as gate and enclaves read it."""
        query = Query(
            id="question",
            partner="partner",
            scenario=self._scenario.digest,
            title=both("question"),
            parts=tuple(QueryPart(department=name, sql=sql) for name in departments),
            groups=self._groups if len(departments) > 1 else None,
        )
        return asked_of(query, (), scenario=self._scenario, datasets=self._datasets)

    def _is_open(self, name: str) -> bool:
        """As `enclaves.agent.lineages` counts: the same question again costs nothing."""
        answered = self._answered.get(self._snapshot(), set())
        history = History(len(answered), {"scenario": len(self._refused)})
        try:
            history.check_open("scenario", self.limits, predicates=0 if name in answered else 1)
        except (HistoryExhausted, RefusalsExhausted):
            self.closed = True
            return False
        return True

    def _snapshot(self) -> str:
        return repr(
            [
                (owner, name, domain.store.pointer(name).snapshot)
                for owner, domain in sorted(self._domains.items())
                for name in sorted(domain.documents)
            ]
        )

    def _contribution(
        self, asked: Asked, department: str, *, alone: bool
    ) -> tuple[NDArray[np.int64], int, list[tuple[Key, ...]]]:
        """Lanes of one department before they are masked, how many cells it releases, their keys."""
        domain, query, layout = self._domains[department], asked.verdicts[department].query, asked.layout
        if query is None or layout is None:
            raise LookupError("expected a governed question")
        snapshots = {table: domain.store.pointer(table).snapshot for table in query.tables}
        order = QuestionOrder(
            permit="permit",
            tables={t: TableOrder(domain.store.snapshot_key(t), s) for t, s in snapshots.items()},
            units=query.tables,
            statement=compile_rows(query, asked.lists[department]),
            apart=asked.apart[department],
            amounts=amounts_of(query, asked.lists[department]),
            layout=layout,
            bounds=asked.bounds[department],
            limits=self.limits,
            one_domain=alone,
            masks=_MASKS,
            lineages=(domain.lineage,),
        )
        answered = answer(order, self._tables(domain, query.tables))
        (domain.lineage,) = answered.lineages
        judged = answered.judged
        cells = judged.cells
        if layout.groups is None:
            at = np.flatnonzero(judged.released)
            keys = tuple(cells.keys[place] for place in at)
            cells = Cells.from_matrix(cells.shape, keys, np.ascontiguousarray(cells.matrix[:, at]))
        vector = layout.vector(cells, universe=answered.universe)
        return vector, int(judged.released.sum()), list(cells.keys)

    def _tables(self, domain: _Domain, names: Sequence[str]) -> LockedTables:
        """The open snapshots of one statement; a real worker opens them for each question."""
        tables = tuple(names)
        if tables not in domain.opened:
            files = {
                name: TableFile(
                    domain.store.folder(name) / domain.store.pointer(name).file,
                    domain.store.snapshot_key(name),
                )
                for name in tables
            }
            domain.opened[tables] = open_tables(files, threads=1, crypto=crypto_module())
        return domain.opened[tables]


@dataclass(frozen=True)
class Learned:
    """What an attack guessed about each target, beside the truth and secrets drawn afresh; equal length."""

    guessed: NDArray[np.int64]
    truth: NDArray[np.int64]
    fresh: NDArray[np.int64]

    @property
    def accuracy(self) -> float:
        return float((self.guessed == self.truth).mean())

    @property
    def baseline(self) -> float:
        """The same guesses about secrets that no table depends on, or the most frequent value."""
        most = int(np.bincount(self.truth).argmax())
        return max(float((self.guessed == self.fresh).mean()), float((self.truth == most).mean()))


def told(
    attack: str, *, zh: str, en: str, naive: Learned, ours: Learned, defence_zh: str, defence_en: str
) -> dict[str, object]:
    """A line of the page of attacks."""
    return {
        "attack": attack,
        "title": {"zh": zh, "en": en},
        "naive": naive.accuracy,
        "ours": ours.accuracy,
        "baseline": ours.baseline,
        "targets": len(ours.truth),
        "defence": {"zh": defence_zh, "en": defence_en},
    }


def _order(statement: Statement) -> list[Order]:
    """ORDER BY in the columns of the table: keys first, then measures."""
    keys = [i for i, item in enumerate(statement.items) if isinstance(item, KeyItem)]
    columns = keys + [i for i in range(len(statement.items)) if i not in keys]
    return [Order(columns.index(o.item), o.descending, o.nulls is Nulls.LAST) for o in statement.order]
