"""What the events of a journal mean together: how far each slice is, how long the output is.

A slice has two rounds of pages. Round 0 asks for every subject as it is: whoever has a stored score or no consent gets a
row, the others wait. One job scores those that wait; round 1 asks for them again and gives each a row, whatever comes.
Pages of a round are written in order. A finished slice is forgotten but for its number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sandbox.client.batch.journal import Asking, Begun, Denied, Drawn, Ended, Event, Submitted, Written
from sandbox.client.batch.steps import Totals
from sandbox.client.errors import JournalDamaged


@dataclass(slots=True)
class SliceState:
    """One slice of `count` subjects, asked for in pages of `page`."""

    count: int
    page: int
    waiting: bytearray = field(init=False)
    """One byte a subject, 1 where round 0 found no score yet."""
    written: list[int] = field(default_factory=lambda: [0, 0])
    """Pages written, by round."""
    job: Drawn | None = None
    asked: Asking | None = None
    """The page that was asked for last, until it is written."""
    turn: int = 0

    def __post_init__(self) -> None:
        self.waiting = bytearray(self.count)

    @property
    def current(self) -> tuple[int, int] | None:
        """Round and page that come next; None when the slice is finished."""
        for number, subjects in enumerate((self.count, self.waiting.count(1))):
            if self.written[number] * self.page < subjects:
                return number, self.written[number]
        return None

    @property
    def finished(self) -> bool:
        return self.current is None

    def positions(self, number: int, page: int) -> Sequence[int]:
        """The subjects of a page, by their place in the slice."""
        start, end = page * self.page, (page + 1) * self.page
        return range(start, min(end, self.count)) if number == 0 else self.waited()[start:end]

    def waited(self) -> list[int]:
        """Everybody whom the slice's job scores, by their place in the slice."""
        return [place for place, waits in enumerate(self.waiting) if waits]


@dataclass(slots=True)
class BatchState:
    """A batch as far as its journal tells."""

    begun: Begun | None = None
    end: int = 0
    """Bytes of the output that are accounted for."""
    scored: int = 0
    refused: int = 0
    exhausted: bool = False
    """The authorization has no fetches left: nobody else is scored under it in vain."""
    finished: set[int] = field(default_factory=set)
    unfinished: dict[int, SliceState] = field(default_factory=dict)

    def slice(self, number: int) -> SliceState:
        """The state of an unfinished slice."""
        begun = self._begun()
        if number not in self.unfinished:
            left = begun.subjects - number * begun.slice
            if number in self.finished or left < 1:
                raise JournalDamaged(f"journal: expected an unfinished slice, got slice {number}")
            self.unfinished[number] = SliceState(min(begun.slice, left), begun.page)
        return self.unfinished[number]

    def totals(self) -> Totals:
        begun = self._begun()
        return Totals(
            slices=-(-begun.subjects // begun.slice),
            slices_done=len(self.finished),
            subjects=begun.subjects,
            scored=self.scored,
            refused=self.refused,
        )

    def apply(self, event: Event) -> None:
        """Take one event; raises JournalDamaged for one that contradicts those before it."""
        match event:
            case Begun():
                if self.begun is not None:
                    raise JournalDamaged("journal: expected one beginning, got two")
                self.begun = event
            case Asking():
                self.slice(event.slice).asked = event
            case Denied():
                self.slice(event.slice).asked = None
                self.slice(event.slice).turn += 1
            case Drawn():
                self.slice(event.slice).job = event
            case Submitted():
                self._check_job(event)
            case Ended():
                self._check_job(event)
                self.slice(event.slice).job = None
            case Written():
                self._write(event)

    def _write(self, event: Written) -> None:
        found = self.slice(event.slice)
        if (event.round, event.page) != found.current or event.end < self.end:
            raise JournalDamaged(f"journal: expected the next page of slice {event.slice}, got another")
        positions = found.positions(event.round, event.page)
        waiting = unpack(event.waiting, len(positions)) if event.round == 0 else [False] * len(positions)
        if event.scored + event.refused + sum(waiting) != len(positions):
            raise JournalDamaged(
                f"journal: expected every subject of a page of slice {event.slice}, got others"
            )
        # Where nobody waits the bytes stay 0; round 1 leaves them, since its pages are counted in them.
        for place, waits in zip(positions, waiting, strict=True):
            found.waiting[place] |= waits
        found.written[event.round] += 1
        found.asked, found.turn = None, 0
        self.end, self.exhausted = event.end, self.exhausted or event.quota
        self.scored, self.refused = self.scored + event.scored, self.refused + event.refused
        if found.finished:
            del self.unfinished[event.slice]
            self.finished.add(event.slice)

    def _check_job(self, event: Submitted | Ended) -> None:
        drawn = self.slice(event.slice).job
        if drawn is None or drawn.job != event.job:
            raise JournalDamaged(f"journal: expected the job of slice {event.slice}, got another")

    def _begun(self) -> Begun:
        if self.begun is None:
            raise JournalDamaged("journal: expected a beginning first, got another event")
        return self.begun


def pack(flags: Sequence[bool]) -> str:
    """Flags as hex digits, eight flags to a byte, the first in the highest bit; empty where none is set."""
    if not any(flags):
        return ""
    bits = "".join("1" if flag else "0" for flag in flags)
    size = (len(flags) + 7) // 8
    return int(bits.ljust(8 * size, "0"), 2).to_bytes(size, "big").hex()


def unpack(text: str, count: int) -> list[bool]:
    """The `count` flags of `pack`; raises JournalDamaged for another text."""
    size = (count + 7) // 8
    if not text:
        return [False] * count
    if len(text) != 2 * size:
        raise JournalDamaged(f"journal: expected {size} bytes of flags, got {len(text) // 2}")
    bits = f"{int(text, 16):0{8 * size}b}"
    return [bit == "1" for bit in bits[:count]]
