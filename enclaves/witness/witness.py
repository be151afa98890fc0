"""A witness of the evidence log: it replays every entry since it last looked, remembers, and only then cosigns.

Rules:
1. What counts as halted for this party is its own replay, never somebody's word.
2. Durable before cosigned: a cosignature is made from the remembered state, so it never names a smaller or another log.
3. A note that contradicts what was seen is kept as evidence and refuses everything that follows (`LogRolledBack`).
4. A checkpoint counts as fresh by the oldest of the quorum's newest cosignatures; times in the future do not count.
5. At start the log must still offer everything this witness has seen; otherwise it refuses to start (attack A7).

Follows design.md section 2, protocols.md section 8 (rule 8), C2SP tlog-witness in what it demands.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from enclaves.run.wire import Log
from enclaves.transport.problem import NotFound
from enclaves.witness.errors import CheckpointStale, LogRolledBack, WitnessError
from enclaves.witness.memory import WitnessMemory
from policies.documents.trust import TrustRoot
from policies.halts import Halts
from policies.keys import IdentityKey
from policies.log import note as notes
from policies.log.entry import Entry
from policies.log.errors import LogForked
from policies.log.merkle import check_inclusion, leaf_hash
from policies.log.note import Checkpoint, Note, TreeHead
from policies.log.witness import advance

MAX_AGE_S: Final = 600
SKEW_S: Final = 60


@dataclass(frozen=True, slots=True)
class Seen:
    """An entry proven to stand under a fresh, quorum-cosigned head that agrees with the own replay."""

    entry: Entry
    size: int
    age_s: int


class Witness:
    """One party's witness; safe to share between threads."""

    def __init__(
        self,
        memory: WitnessMemory,
        log: Log,
        *,
        trust: TrustRoot,
        pin: str,
        party: str,
        key: Ed25519PrivateKey,
        clock: Callable[[], int],
    ) -> None:
        self._memory = memory
        self._log = log
        self._trust = trust
        self._pin = pin
        self._party = party
        self._key = key
        self._clock = clock
        self._lock = threading.RLock()
        self._keys = {party.id: party.key.raw for party in trust.parties if party.id in trust.witnesses}

    @property
    def halts(self) -> Halts:
        """What the replay so far has stopped."""
        return self._memory.halts

    @property
    def size(self) -> int:
        return self._memory.state.size

    def check_start(self) -> None:
        """Raise LogRolledBack unless the log still holds all this witness has seen; then catch up."""
        if self.size == 0:
            return
        with self._lock:
            self._follow(self._log.latest().note)

    def cosign(self) -> int:
        """Catch up with the log's newest note, remember it, cosign it and return its size."""
        with self._lock:
            head = self._follow(self._log.latest().note)
            if self._party in self._keys:
                line = notes.cosign(head, self._key, name=self._party, at=self._clock())
                self._log.post_cosignature(head.size, line)
            return head.size

    def see(self, index: int) -> Seen:
        """The entry at `index` under a fresh head that a quorum cosigned and that the own replay confirms.

        Raises CheckpointStale without such a head, LogRolledBack on contradiction, LogInvalid on malformed answers.
        """
        with self._lock:
            try:
                text = self._log.checkpoint(index + 1).note
            except NotFound:
                raise CheckpointStale(f"expected a checkpoint beyond entry {index}, got none") from None
            head = self._cosigned(text)
            if head.size <= index:
                raise CheckpointStale(f"expected a checkpoint beyond entry {index}, got size {head.size}")
            age_s = self._age(head)
            self._confirm(text, head)
            data = self._page(index, index + 1)[0]
            path = self._log.inclusion(index, head.size)
            check_inclusion(leaf_hash(data), index, size=head.size, path=path, root=head.root)
            return Seen(Entry.parse(data), head.size, age_s)

    def catch_up(self) -> None:
        """Replay up to the log's newest note, without cosigning it."""
        with self._lock:
            self._follow(self._log.latest().note)

    # The own replay

    def _follow(self, text: str) -> TreeHead:
        """Replay up to the log-signed note `text` and remember; a note of equal size confirms."""
        origin = self._trust.log.origin
        old = self._memory.state
        size = TreeHead.parse(Note.parse(text).body).size
        entries = self._entries(old.size, size)
        try:
            new = advance(
                old, note=text, entries=entries, origin=origin, log_key=self._log_key(), pin=self._pin
            )
        except LogForked as error:
            self._memory.keep_fork(text, seen_at=self._clock())
            raise LogRolledBack(str(error)) from None
        if new.size > old.size:
            # Halts first, then durable, and only the caller's cosignature after that.
            halts = self._memory.halts.replay(Entry.parse(data) for data in entries)
            self._memory.advance(new, halts)
        return new.head(origin)

    def _confirm(self, text: str, head: Checkpoint) -> None:
        """Raise LogRolledBack unless the cosigned head is one the own replay passed through."""
        if head.size >= self.size:
            self._follow(text)
            return
        # The replay jumped over this size: from the last stand before it, through it, to the next stand after it.
        before = self._memory.frontier_at_most(head.size)
        after = self._memory.frontier_at_least(head.size)
        through = before.extend(leaf_hash(data) for data in self._entries(before.size, head.size))
        if through.root() != head.root:
            raise LogRolledBack(f"expected the root seen at size {head.size}, got another")
        rest = through.extend(leaf_hash(data) for data in self._entries(head.size, after.size))
        if rest.root() != after.root():
            raise LogRolledBack(f"expected the root seen at size {after.size}, got another")

    def _entries(self, start: int, end: int) -> list[bytes]:
        entries: list[bytes] = []
        while start + len(entries) < end:
            entries += self._page(start + len(entries), end)
        return entries

    def _page(self, start: int, end: int) -> list[bytes]:
        page = self._log.entries(start, end)
        if not 1 <= len(page) <= end - start:
            raise WitnessError(f"expected entries from {start} to {end}, got {len(page)}")
        return page

    # The quorum's head

    def _cosigned(self, text: str) -> Checkpoint:
        return notes.check_checkpoint(
            text,
            origin=self._trust.log.origin,
            log_key=self._log_key(),
            witness_keys=self._keys,
            quorum=self._trust.quorum,
        )

    def _age(self, head: Checkpoint) -> int:
        """Seconds since the moment by which a quorum had cosigned. Raises CheckpointStale beyond ten minutes."""
        now = self._clock()
        times = sorted((at for at in head.cosigned_at.values() if at <= now + SKEW_S), reverse=True)
        if len(times) < self._trust.quorum:
            raise CheckpointStale("expected cosignatures of a quorum, got some from the future")
        age_s = max(0, now - times[self._trust.quorum - 1])
        if age_s > MAX_AGE_S:
            raise CheckpointStale(f"expected cosignatures of the last {MAX_AGE_S} s, got {age_s} s old ones")
        return age_s

    def _log_key(self) -> bytes:
        return IdentityKey.from_base64(self._trust.log.key).raw
