"""A coordinator in this process whose gate seals scores that the insurer can open, and batches over it."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from enclaves.protocols.sealing import ScoreBinding, SealingKey, SlotSealer
from enclaves.transport.party import PartyKeys
from policies.documents.authorization import Limits
from policies.documents.fields import instant
from policies.documents.job import Plan
from sandbox.client.batch.order import BatchOrder
from sandbox.client.batch.scoring import score_batch
from sandbox.client.batch.steps import BatchStep
from sandbox.client.insurer import Insurer
from sandbox.client.receipts import ReceiptBook
from sandbox.store.tables import jobs, usage_events
from tests.sandbox.doubles import Cast, Double, GateDouble
from tests.sandbox.inside import Inside
from tests.sandbox.kit import Site, key_of
from tests.sandbox.papers import Papers, agree, consents

SEALING = SealingKey(hashlib.sha256(b"test sealing").digest())
BAND = "1"
"""Of everybody: three partials of 4 against the cuts 10, 20 and 30."""


class SealingGate(GateDouble):
    """Seals each slot to the insurer as the real gate does."""

    def sealer(self, plan: Plan, expires_at: str) -> tuple[str, Callable[[int, int], bytes]]:
        binding = ScoreBinding(plan.sid, plan.recipient, int(instant(expires_at).timestamp()))
        sealer = SlotSealer(SEALING.public, binding)
        wrap = base64.b64encode(sealer.wrapped_key).decode()
        return wrap, lambda slot, band: sealer.seal_slots(bytes([band]), start=slot)


def cast_of(site: Site) -> Cast:
    """Everybody who computes, with a gate that seals for real."""
    cast = Cast(site)
    cast.gate = SealingGate(site, "gate")
    return cast


@dataclass
class Stage:
    """An agreed scenario at a coordinator in this process; the doubles take their turns while a batch rests."""

    site: Inside
    papers: Papers
    cast: Cast
    folder: Path
    frozen: bool = False
    """Whether the doubles are away."""
    rests: int = field(default=0)

    @property
    def authorization(self) -> str:
        return self.papers.authorization.digest

    def insurer(self) -> Insurer:
        """The insurer as a process that starts: nothing but its receipts is remembered."""
        keys = PartyKeys(key_of("insurer"), SEALING)
        return Insurer(
            self.site.endpoint("insurer"),
            keys,
            receipts=ReceiptBook(self.folder / "receipts.jsonl"),
            clock=lambda: datetime.fromtimestamp(self.site.district.now, UTC),
        )

    def granted(self, count: int) -> list[str]:
        """Fresh consents, as the insurer holds them."""
        return [grant.id.hex() for grant in consents(self.site, self.papers, count)]

    def order(self, ids: list[str], name: str, **changes: object) -> BatchOrder:
        """A batch over `ids`: small slices, smaller pages."""
        subjects = self.folder / f"{name}.txt"
        subjects.write_text("".join(f"{consent}\n" for consent in ids))
        values: dict[str, object] = {"slice_size": 5, "page": 2, "ahead": 2}
        return BatchOrder(
            self.authorization,
            subjects,
            self.folder / f"{name}.csv",
            **(values | changes),  # type: ignore[arg-type]  # members of an order
        )

    def run(self, order: BatchOrder) -> list[BatchStep]:
        """The whole batch, or as much of it as comes before an error."""
        return list(self.steps(order))

    def steps(self, order: BatchOrder) -> Iterator[BatchStep]:
        return score_batch(self.insurer(), order, pause=self._rest, every=0)

    def _rest(self, _: float) -> None:
        self.rests += 1
        assert self.rests < 5000, "expected the batch to end"
        if not self.frozen:
            for double in self.everyone:
                double.turn()

    @property
    def everyone(self) -> list[Double]:
        return [*self.cast.enclaves, self.cast.gate]

    def jobs(self) -> Counter[str]:
        """Jobs under the authorization, by state."""
        query = select(jobs.c.state).where(jobs.c.authorization == self.authorization)
        with self.site.district.database.read() as connection:
            return Counter(connection.execute(query).scalars())

    def billed(self) -> int:
        """Scores that the operator metered."""
        with self.site.district.database.read() as connection:
            events = connection.execute(select(usage_events.c.event)).scalars().all()
        return sum(_units(event) for event in events)

    def received(self) -> int:
        """Scores for which the insurer holds receipts on disk."""
        return sum(receipt.units for receipt in ReceiptBook(self.folder / "receipts.jsonl").receipts)


@contextmanager
def stage_in(folder: Path, *, limits: Limits | None = None) -> Iterator[Stage]:
    """A stage for one block."""
    home = folder / "site"
    home.mkdir(parents=True)
    site = Inside(home)
    try:
        yield Stage(site, agree(site, limits=limits), cast_of(site).catch_up(), folder)
    finally:
        site.close()


def rows(path: Path) -> list[dict[str, str]]:
    """The rows of an output."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def outcomes(path: Path) -> dict[str, str]:
    """Consent → band or code of refusal, each consent once."""
    found = rows(path)
    told = {row["consent"]: row["band"] or row["refused"] for row in found}
    assert len(told) == len(found), "expected each consent once"
    return told


def _units(event: str) -> int:
    return int(json.loads(event)["data"]["units"])
