"""The pointer: which snapshot file of a data set is current, and what that file must be.

The pointer is authenticated with a key of the store, so that nobody who can write the folder, but lacks the key, can
make the store believe another file or another checksum. Putting back an older pointer together with its file is caught
by the evidence log, where each snapshot's digest stands, and not here.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from connectors.errors import SnapshotTampered
from connectors.store.keys import PointerKey
from policies.documents import strict_json
from policies.documents.fields import instant
from policies.errors import PolicyError

MAX_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Pointer:
    """One published snapshot: ids and counts, never a row."""

    snapshot: str
    file: str
    sha256: str
    rows: int
    persons: int
    dataset: str
    """Digest of the declaration the rows were checked against."""
    created_at: str

    @property
    def created(self) -> datetime:
        return instant(self.created_at)


def write(pointer: Pointer, key: PointerKey) -> bytes:
    """Canonical JSON of the pointer with its authentication code."""
    body: dict[str, strict_json.Json] = dict(asdict(pointer))
    return strict_json.canonical({**body, "mac": _mac(pointer, key)})


def read(data: bytes, key: PointerKey) -> Pointer:
    """The pointer in `data`, or `SnapshotTampered`."""
    try:
        body = strict_json.parse_object(data, max_bytes=MAX_BYTES)
        mac = body.pop("mac", None)
        pointer = _pointer(body)
    except PolicyError:
        raise SnapshotTampered("expected a pointer in JSON, got another text") from None
    if not isinstance(mac, str) or not hmac.compare_digest(mac.encode(), _mac(pointer, key).encode()):
        raise SnapshotTampered("expected a pointer this store wrote, got another")
    return pointer


def _pointer(body: dict[str, strict_json.Json]) -> Pointer:
    texts = {field: body.get(field) for field in ("snapshot", "file", "sha256", "dataset", "created_at")}
    counts = {field: body.get(field) for field in ("rows", "persons")}
    if set(body) != set(texts) | set(counts):
        raise SnapshotTampered("expected the members of a pointer, got others")
    if not all(isinstance(value, str) for value in texts.values()):
        raise SnapshotTampered("expected text members in a pointer, got others")
    if not all(isinstance(value, int) for value in counts.values()):
        raise SnapshotTampered("expected whole numbers in a pointer, got others")
    return Pointer(**texts, **counts)  # type: ignore[arg-type] # the two checks above are what the types ask


def _mac(pointer: Pointer, key: PointerKey) -> str:
    data = strict_json.canonical(dict(asdict(pointer)))
    return hmac.new(key, data, hashlib.sha256).hexdigest()
