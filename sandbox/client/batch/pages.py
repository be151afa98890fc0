"""One page of a batch: asked for under a key of its own, written, journaled; the same page is never paid for twice.

Rules this module decides:

1. That a page is asked for is journaled before it is sent, under a key that follows from the batch and the page. After a
   crash it is asked for under the same key: the coordinator gives its first answer again and bills nothing more.
2. The coordinator keeps first answers for a day. A page asked for longer ago and not written is unsettled: it is asked for
   again only where the caller says so.
3. The receipt is kept, then the rows are appended, then the journal tells of them.
4. A page refused as a whole is journaled as denied, which bills nothing, and raised; only "no fetches left" is written, as
   the refusal of everybody it hit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from enclaves.transport.endpoint import FetchRefused, Problem, Refused
from policies.documents.fields import instant, instant_text
from sandbox.client.batch.journal import Asking, Denied, Written
from sandbox.client.batch.order import OpenBatch
from sandbox.client.batch.score_file import HEADER, rows_of
from sandbox.client.batch.state import SliceState, pack
from sandbox.client.errors import PageUnsettled
from sandbox.scores.reasons import REASONS

if TYPE_CHECKING:
    from sandbox.client.insurer import Insurer, Score

KEPT: Final = timedelta(hours=23)
"""An hour less than the coordinator keeps first answers."""
QUOTA: Final = "quota_exhausted"
UNSCORED: Final = frozenset({"score_not_found", "score_expired"})
"""What round 0 hears of somebody who is to be scored."""


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of one open batch."""

    insurer: Insurer
    batch: OpenBatch

    def write(self, number: int, ids: Sequence[bytes]) -> tuple[Score | FetchRefused, ...]:
        """Ask for and write the next page of slice `number`, whose ids are `ids`; returns what was written.

        Raises Refused with the reason where a policy says no to the page, PageUnsettled, ReleaseRefused, ReceiptRefused.
        """
        found = self.batch.state.slice(number)
        if found.current is None:
            return ()
        turn, page = found.current
        consents = [ids[place].hex() for place in found.positions(turn, page)]
        if turn == 1 and found.job is None:
            # Nobody was scored because no fetches were left.
            results: tuple[Score | FetchRefused, ...] = tuple(FetchRefused(c, QUOTA) for c in consents)
            quota = True
        else:
            results, quota = self._ask(number, found, consents)
        waiting = [turn == 0 and isinstance(r, FetchRefused) and r.code in UNSCORED for r in results]
        written = tuple(r for r, waits in zip(results, waiting, strict=True) if not waits)
        self._record(number, written, waiting=waiting, quota=quota)
        return written

    def _ask(
        self, number: int, found: SliceState, consents: Sequence[str]
    ) -> tuple[tuple[Score | FetchRefused, ...], bool]:
        """The verified results of a page, and whether no fetches were left."""
        key = self._announce(number, found)
        authorization = self.batch.begun.authorization
        try:
            page = self.insurer.fetch_page(authorization, consents, idempotency_key=key)
            results, denied = page.results, page.denied
        except Refused as refused:
            if len(consents) != 1:
                raise
            # One consent alone is answered with the problem itself, whichever kind of refusal it is.
            results = (FetchRefused(consents[0], refused.problem.code),)
            denied = None if refused.problem.code in REASONS else refused.problem
        if denied is not None and denied.code != QUOTA:
            self._deny(number, denied)
        return results, denied is not None

    def _announce(self, number: int, found: SliceState) -> str:
        """Journal that the next page is about to be asked for, unless it was; returns its key."""
        turn, page = found.current or (0, 0)
        now = self.insurer.clock()
        if found.asked is not None and now - instant(found.asked.at) > KEPT and not self.batch.order.again:
            raise PageUnsettled(
                f"slice {number}: expected to go on within 23 hours of asking, got {found.asked.at};"
                " asked again, a page may be billed twice"
            )
        if found.asked is None or self.batch.order.again:
            self.batch.record(
                Asking(slice=number, round=turn, page=page, turn=found.turn, at=instant_text(now))
            )
        return f"{self.batch.begun.batch}.{number}.{turn}.{page}.{found.turn}"

    def _deny(self, number: int, denied: Problem) -> None:
        self.batch.record(Denied(slice=number, code=denied.code))
        raise Refused(denied)

    def _record(
        self,
        number: int,
        results: Sequence[Score | FetchRefused],
        *,
        waiting: Sequence[bool],
        quota: bool,
    ) -> None:
        """Rows on disk, then the journal's word of them."""
        state = self.batch.state
        turn, page = state.slice(number).current or (0, 0)
        rows = rows_of(results)
        if rows and state.end == 0:
            rows = HEADER + rows
        if rows:
            self.batch.output.append(rows)
        refused = sum(isinstance(result, FetchRefused) for result in results)
        self.batch.record(
            Written(
                slice=number,
                round=turn,
                page=page,
                end=state.end + len(rows),
                sha256=hashlib.sha256(rows).hexdigest(),
                scored=len(results) - refused,
                refused=refused,
                waiting=pack(waiting),
                quota=quota,
            )
        )
