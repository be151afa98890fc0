"""Where sealed scores lie: slots and their Merkle tree as files, the way from a consent to its slot as rows.

The gate's attachment is a bitmap of the effective slots, then one sealed slot of equal size for each of them, in slot
order. It is kept as it came. Beside it lies the tree over all slots (RFC 9162; a slot outside the effective set is an empty
leaf), every complete subtree, level by level, so that a proof is a few short reads and never a recomputation.

A later release under the same authorization replaces a consent's earlier score: the recipient gets the newest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import insert
from sqlalchemy.dialects.sqlite import insert as insert_or

from policies.documents.envelope import Envelope
from policies.documents.fields import instant
from policies.documents.job import Release
from policies.log.merkle import HASH_BYTES, inclusion_path, leaf_hash, node_hash, subtree_root
from sandbox.district import District
from sandbox.scores.errors import SlotsMismatch
from sandbox.store.database import Transaction
from sandbox.store.files import Files
from sandbox.store.tables import releases, scores

MAX_SLOT_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Slots:
    """A parsed attachment: which slots are effective, and the sealed bytes of each."""

    effective: tuple[int, ...]
    slot_bytes: int
    sealed: bytes

    def at(self, position: int) -> bytes:
        return self.sealed[position * self.slot_bytes : (position + 1) * self.slot_bytes]

    def leaves(self, count: int) -> Iterator[bytes]:
        """The leaf data of all `count` slots, empty outside the effective set."""
        position = 0
        for slot in range(count):
            if position < len(self.effective) and self.effective[position] == slot:
                yield self.at(position)
                position += 1
            else:
                yield b""


def parse_slots(data: bytes, count: int) -> Slots:
    """Read an attachment over `count` slots; raise `SlotsMismatch`."""
    bitmap = data[: bitmap_bytes(count)]
    if len(bitmap) != bitmap_bytes(count):
        raise SlotsMismatch(f"expected a bitmap of {count} slots, got {len(bitmap)} bytes")
    # docs/protocol.md: bit k is bit 7-(k mod 8) of byte k div 8.
    effective = tuple(slot for slot in range(count) if bitmap[slot >> 3] >> (7 - (slot & 7)) & 1)
    padding = -count % 8
    if padding and bitmap[-1] & ((1 << padding) - 1):
        raise SlotsMismatch("expected zero bits behind the last slot, got others")
    sealed = data[len(bitmap) :]
    size, rest = divmod(len(sealed), len(effective)) if effective else (0, len(sealed))
    if rest or (effective and not 1 <= size <= MAX_SLOT_BYTES):
        raise SlotsMismatch(f"expected {len(effective)} sealed slots of equal size, got {len(sealed)} bytes")
    return Slots(effective, size, sealed)


def bitmap_bytes(count: int) -> int:
    """How many bytes `count` slots take in a bitmap."""
    return (count + 7) // 8


def shelve(
    district: District,
    transaction: Transaction,
    envelope: Envelope,
    *,
    release: Release,
    consent_ids: Sequence[bytes],
) -> None:
    """Keep a release's slots and make them fetchable; raise `SlotsMismatch` unless the gate's root covers them."""
    count = len(consent_ids)
    slots = parse_slots(district.attachments.read(release.sealed.slots), count)
    levels = _levels([leaf_hash(leaf) for leaf in slots.leaves(count)])
    root = subtree_root(lambda level, index: levels[level][index], 0, count)
    if root.hex() != release.sealed.root:
        raise SlotsMismatch("expected slots under the root the gate signed, got others")
    # The tree is durable before a row names the release; without the row it is never read.
    district.trees.write(envelope.digest, b"".join(b"".join(level) for level in levels))
    connection = transaction.connection
    number = connection.execute(
        insert(releases)
        .values(
            digest=envelope.digest,
            job=release.job,
            authorization=release.authorization,
            recipient=release.recipient,
            slots=count,
            slot_bytes=slots.slot_bytes,
            attachment=release.sealed.slots,
            expires_at=instant(release.sealed.expires_at).timestamp(),
            envelope=envelope.to_bytes(),
        )
        .returning(releases.c.seq)
    ).scalar_one()
    rows = [
        {
            "authorization": release.authorization,
            "consent": consent_ids[slot],
            "release": number,
            "slot": slot,
            "position": position,
        }
        for position, slot in enumerate(slots.effective)
    ]
    if rows:
        statement = insert_or(scores)
        newest = {name: statement.excluded[name] for name in ("release", "slot", "position")}
        connection.execute(
            statement.on_conflict_do_update(index_elements=["authorization", "consent"], set_=newest), rows
        )


def proof(trees: Files, digest: str, slot: int, *, count: int) -> list[bytes]:
    """The inclusion proof of `slot` in the tree of a release with `count` slots."""
    offsets = [0]
    width = count
    while width > 1:
        offsets.append(offsets[-1] + width)
        width //= 2

    def node(level: int, index: int) -> bytes:
        return trees.slice(digest, (offsets[level] + index) * HASH_BYTES, size=HASH_BYTES)

    return inclusion_path(node, slot, size=count)


def _levels(leaves: list[bytes]) -> list[list[bytes]]:
    """All complete subtrees, leaves first; an odd last node of a level stands in no higher one."""
    levels = [leaves]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])
    return levels
