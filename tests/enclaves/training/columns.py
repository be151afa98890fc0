"""Every party of a run over split columns in one process, and what each of them sees of the others."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from enclaves.protocols.ring import Total
from enclaves.training.dealing import Dealer, Hand, Step, Stream, Words
from enclaves.training.sharing import Exchange
from enclaves.training.vertical import Member, VerticalPlan, for_gate
from enclaves.training.vertical_gate import VerticalGate
from policies.glm.fit import Fit
from tests.enclaves.training.parties import Rows, masked_sum


@dataclass
class Table:
    """Where parties sit and words are carried; if `watched`, `seen[k]` is all that party k received."""

    parties: int
    salt: str = ""
    watched: bool = False
    seen: list[list[Words]] = field(default_factory=list)

    def __post_init__(self) -> None:
        keys = [hashlib.sha256(f"party {k} {self.salt}".encode()).digest() for k in range(self.parties)]
        self.dealer = Dealer(keys)
        self.queue: list[Words] = []
        self.hands = [
            Hand(Stream(key), self._corrections() if k == 0 else None) for k, key in enumerate(keys)
        ]
        self.seen = [[] for _ in keys]

    def _corrections(self):  # type: ignore[no-untyped-def]  # A generator over a queue that grows.
        while True:
            yield self.queue.pop(0)

    def deal(self, steps: Sequence[Step]) -> None:
        self.queue += self.dealer.deal(steps)

    def run(self, programs: Sequence[Exchange]) -> list[Words]:
        """Drive all parties in step: every part goes to every other party, and to nobody else."""
        results: list[Words | None] = [None] * len(programs)
        parts = [next(program) for program in programs]
        while parts:
            for k in range(len(parts) if self.watched else 0):
                self.seen[k] += [part.copy() for j, part in enumerate(parts) if j != k]
            total = np.sum(np.stack(parts), axis=0, dtype=np.uint64)
            after = []
            for k, program in enumerate(programs):
                try:
                    after.append(program.send(total))
                except StopIteration as end:
                    results[k] = end.value
            parts = after
        return [result for result in results if result is not None]


def to_gate(shares: Sequence[Words], sid: str) -> Total:
    """What the gate opens of these shares."""
    digest = hashlib.sha256(sid.encode()).digest()
    encoded = {f"d{k:02d}": for_gate(share) for k, share in enumerate(shares)}
    return masked_sum(encoded, sids=dict.fromkeys(encoded, digest))


def seated(plan: VerticalPlan, rows: Rows, table: Table) -> list[Member]:
    """The members with their columns of `rows`."""
    members, at = [], 0
    for k, holding in enumerate(plan.holdings):
        own = rows.features[:, at : at + len(holding)]
        at += len(holding)
        members.append(
            Member(
                plan,
                party=k,
                hand=table.hands[k],
                features=own,
                outcome=rows.outcome if k == 0 else None,
                persons=rows.persons,
            )
        )
    return members


def train_columns(plan: VerticalPlan, rows: Rows, table: Table | None = None) -> Fit:
    """A whole run."""
    table = table or Table(len(plan.holdings))
    members, gate = seated(plan, rows, table), VerticalGate(plan)
    table.deal(plan.gram_steps())
    found = gate.gram(to_gate(table.run([member.gram() for member in members]), "gram"))
    while found is None:
        table.deal(plan.round_steps())
        programs = [member.logistic(gate.coefficients(k)) for k, member in enumerate(members)]
        number = gate.asked.number
        found = gate.logistic(to_gate(table.run(programs), f"round {number}"))
    return found
