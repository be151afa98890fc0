"""Large content by digest: who put it, who may read it.

Rules: bytes are durable before a row names them; the owner and the audience may read, nobody else can tell a forbidden
attachment from a missing one; an owner may widen the audience, never narrow it (somebody may have read it already). The
coordinator stores bytes and never parses a ciphertext.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, or_, select
from sqlalchemy.dialects.sqlite import insert

from sandbox.district import District
from sandbox.store.database import Transaction
from sandbox.store.errors import Malformed, NotFound
from sandbox.store.tables import attachment_readers, attachments

MAX_BYTES: Final = 16 * 1024 * 1024 + 64 * 1024


def check_content(sha256: str, data: bytes) -> None:
    """Raise `Malformed` unless `data` has that digest and an allowed size."""
    if len(data) > MAX_BYTES:
        raise Malformed(f"expected at most {MAX_BYTES} bytes, got {len(data)}")
    if hashlib.sha256(data).hexdigest() != sha256:
        raise Malformed("expected the bytes the digest names, got others")


def register(
    district: District,
    transaction: Transaction,
    *,
    sha256: str,
    owner: str,
    size: int,
    audience: Iterable[str],
) -> None:
    """Name stored bytes: `owner` put them, `audience` may read them."""
    transaction.connection.execute(
        insert(attachments)
        .values(sha256=sha256, owner=owner, size=size, stored_at=district.now)
        .on_conflict_do_nothing()
    )
    share(district, transaction, sha256, audience)


def share(district: District, transaction: Transaction, sha256: str, audience: Iterable[str]) -> None:
    """Let `audience` read an attachment that its owner put, and cited for them in a signed document."""
    readers = sorted(set(audience))
    unknown = [party for party in readers if district.party(party) is None]
    if unknown:
        raise Malformed(f"expected parties of the trust root as audience, got `{unknown[0][:63]}`")
    for reader in readers:
        transaction.connection.execute(
            insert(attachment_readers).values(sha256=sha256, reader=reader).on_conflict_do_nothing()
        )


def check_owned(connection: Connection, sha256: str, owner: str) -> int:
    """The size of an attachment that `owner` put; raise `NotFound`."""
    size = connection.execute(
        select(attachments.c.size).where(attachments.c.sha256 == sha256, attachments.c.owner == owner)
    ).scalar()
    if size is None:
        raise NotFound(f"expected attachment {sha256[:16]} put by `{owner}`, got none")
    return int(size)


def check_readable(connection: Connection, sha256: str, *, party: str) -> None:
    """Raise `NotFound` unless `party` put the attachment or is in its audience."""
    mine = select(attachments.c.sha256).where(attachments.c.sha256 == sha256, attachments.c.owner == party)
    shared = select(attachment_readers.c.sha256).where(
        attachment_readers.c.sha256 == sha256, attachment_readers.c.reader == party
    )
    if connection.execute(select(or_(mine.exists(), shared.exists()))).scalar() is not True:
        raise NotFound(f"expected an attachment for this party, got none of name {sha256[:16]}")
