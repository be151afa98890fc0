"""How many ids a second one core of one department aligns, split by step (`enclaves.protocols.alignment`).

Two departments and a joiner are played in this process on one thread, and the clocks read that thread's own processor time:
a rate is per core, whatever else the machine does. They take in everything a step does to a batch,
payloads, shuffle and commitment included, and leave out sending, sealing for the carrier and writing the log. Rates are per
id of the unpadded set, so that padding counts as a cost; `pipeline` is the slower of the two steps a department does, since
it brings its own set once and passes on as many ids of each other department.
"""

from __future__ import annotations

import secrets
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Final, TypeVar

from enclaves.protocols.alignment.join import deliver, join
from enclaves.protocols.alignment.join_cells import Column, Figure, JoinCells, JoinQuestion, join_cells
from enclaves.protocols.alignment.payload import Amount, Category, PayloadShape, Record
from enclaves.protocols.alignment.roster import SID_BYTES, Roster
from enclaves.protocols.alignment.scenario_key import RANDOM_BYTES, ScenarioKey
from enclaves.protocols.alignment.sizes import MAX_IDS
from enclaves.protocols.alignment.stages import bring, pass_on
from enclaves.protocols.sealing import SealingKey
from policies.disclosure.cells import Kind
from policies.resident import ResidentId, check_character

T = TypeVar("T")

TARGET_PER_SECOND: Final = 10_000
_COUNTY: Final = "990000"
_NAMES: Final = ("left", "right")
_SHAPE: Final = PayloadShape((Category("group", (0, 1, 2, 3)),), (Amount("amount", 0, 1_000_000, 2),))
_QUESTION: Final = JoinQuestion(
    (Column("left", "group"),),
    (Figure("persons", Kind.PERSONS), Figure("sum", Kind.SUM, Column("right", "amount"))),
)


@dataclass(frozen=True, slots=True)
class AlignmentRates:
    """Ids a second on one core, medians: own set brought, another's passed on, delivered at the joiner, joined and summed."""

    ids: int
    bring: float
    pass_on: float
    deliver: float
    join: float

    @property
    def pipeline(self) -> float:
        """What a department keeps up with in both of its steps."""
        return min(self.bring, self.pass_on)


def measure(ids: int, *, repeats: int = 5) -> AlignmentRates:
    """Align two equal sets of `ids` persons, 1 to 10^6, `repeats` times under fresh keys.

    Raises ValueError for other numbers, RuntimeError if a join is not the whole set with the right sum.
    """
    if not 1 <= ids <= MAX_IDS or repeats < 1:
        raise ValueError(f"expected 1 to {MAX_IDS} ids and a repeat, got {ids} and {repeats}")
    people = [(_person(number), Record((number % 4,), (number,))) for number in range(ids)]
    rounds = [_round(people) for _ in range(repeats)]
    bring_s, pass_s, deliver_s, join_s = (statistics.median(step) for step in zip(*rounds, strict=True))
    return AlignmentRates(ids, ids / bring_s, ids / pass_s, ids / deliver_s, ids / join_s)


def _round(people: Sequence[tuple[ResidentId, Record]]) -> tuple[float, float, float, float]:
    """Seconds of each step for one set; of the two departments the one whose name comes first is timed."""
    sid, gate = secrets.token_bytes(SID_BYTES), SealingKey.generate()
    joiner, roster = gate.public, Roster(sid, _NAMES, "gate")
    keys = {name: ScenarioKey(secrets.token_bytes(RANDOM_BYTES), sid=sid, department=name) for name in _NAMES}
    delivered, seconds = [], []
    for name, other in (_NAMES, _NAMES[::-1]):
        own, brought = _timed(
            partial(
                bring,
                people,
                keys[name],
                roster=roster,
                shape=_SHAPE,
                joiner=joiner,
                random_bytes=secrets.token_bytes,
            )
        )
        logged = own.commitment
        raised, passed = _timed(
            partial(
                pass_on,
                own,
                keys[other],
                roster=roster,
                logged=logged,
                joiner=joiner,
                random_bytes=secrets.token_bytes,
            )
        )
        opened, took = _timed(
            partial(deliver, raised, gate, roster=roster, logged=raised.commitment, shape=_SHAPE)
        )
        delivered.append(opened)
        seconds.append((brought, passed, took))
    made, joining = _timed(lambda: join_cells(join(delivered), _QUESTION))
    _check(made, len(people))
    return (*seconds[0], joining)


def _check(made: JoinCells, ids: int) -> None:
    """A fast pipeline that joins something else is no figure."""
    total = int(made.cells.lanes[1].total.sum())
    if int(made.cells.persons.sum()) != ids or total != ids * (ids - 1) // 2:
        raise RuntimeError("expected the whole set with its sum, got another join")


def _timed(step: Callable[[], T]) -> tuple[T, float]:
    start = time.thread_time()
    made = step()
    return made, time.thread_time() - start


def _person(number: int) -> ResidentId:
    """The `number`-th person of a county that does not exist, 1000 a day from 1950 on."""
    day, order = divmod(number, 1000)
    first = f"{_COUNTY}{date(1950, 1, 1) + timedelta(days=day):%Y%m%d}{order:03}"
    return ResidentId(first + check_character(first))
