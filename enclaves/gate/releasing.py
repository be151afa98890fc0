"""What may leave: a band for each effective slot, sealed to the recipient; a vet job's rounded band counts; a sealed table.

Rules:
1. The recipient's key is the pinned one, named by digest in authorization and plan; slots are bound to run, recipient and
   expiry. A slot outside the effective set is an empty leaf of the tree and no bytes of the file.
2. The gate's signature stands over the root of all slots, the wrap and the file's digest: it covers each slot.
3. Signed, then durable, then announced. Only `handing_over` lets slots go.
4. Vet: counts to the nearest five, 0 below ten; fewer than ten persons in all, nothing. No slot is ever sealed.

protocols.md sections 6.2 (L3, L4) and 9.2; docs/protocol.md section 4.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from enclaves.gate.house import House
from enclaves.gate.stages import Stage
from enclaves.gate.tables import table_release
from enclaves.gate.totals import Totals, opened
from enclaves.gate.verifying import Verified
from enclaves.protocols.sealing import EMPTY_BAND, SLOT_SEALED_BYTES, ScoreBinding, SlotSealer
from enclaves.run import bitmap
from enclaves.run.errors import RunRefused
from enclaves.run.papers import Papers, recipient_of
from enclaves.run.rounding import rounded_count, rounded_persons
from enclaves.transport.documents import MAX_ATTACHMENT_BYTES
from enclaves.transport.party import sealing_key
from policies import banding
from policies.documents.authorization import JobKind
from policies.documents.document import Document
from policies.documents.fields import instant, instant_text
from policies.documents.job import Release, Sealed, TableRelease
from policies.documents.vetting import VetBands
from policies.log.merkle import Frontier, leaf_hash

VALIDITY: Final = timedelta(days=365)
"""How long a sealed score may be fetched, at most; the authorization may end earlier."""
_EMPTY_LEAF: Final = leaf_hash(b"")


def release(house: House, verified: Verified) -> None:
    """Open, band, seal, sign, keep, announce. Raises before anything leaves."""
    plan = verified.papers.plan
    document, slots = _RELEASES[plan.job_kind](house, verified)
    envelope = document.envelope(house.identity)
    with house.shelf.together():
        house.sessions.move(plan.sid, Stage.RELEASED)
        house.shelf.put(plan.sid, envelope, slots=slots)
    announce(house, plan.sid)


def announce(house: House, sid: bytes) -> None:
    """Tell the coordinator what was signed; nothing sealed travels yet. Repeating it changes nothing."""
    envelope = house.shelf.release(sid)
    copies = TableRelease.read(envelope).reviewers if envelope.kind == TableRelease.kind else ()
    attachments = [copy.sha256 for copy in copies]
    body = {"document": envelope.to_json()}
    house.wire.send("coordinator", "release", body, run=sid.hex(), attachments=attachments)


def _scores(house: House, verified: Verified) -> tuple[Document, str | None]:
    document = _release(house, verified)
    return document, document.sealed.slots


def _table(house: House, verified: Verified) -> tuple[Document, str | None]:
    document = table_release(house, verified)
    return document, document.sealed.sha256


def _release(house: House, verified: Verified) -> Release:
    papers, effective = verified.papers, verified.effective
    plan, authorization = papers.plan, papers.authorization
    if authorization is None:
        raise RunRefused("authorization_missing", "expected an authorization for a release, got none")
    count = int(effective.sum())
    _check_size(plan.slots, count)
    expires_at = min(house.now() + VALIDITY, instant(authorization.term.not_after))
    binding = ScoreBinding(plan.sid, plan.recipient, int(expires_at.timestamp()))
    sealer = SlotSealer(sealing_key(recipient_of(plan, house.trust), "a recipient"), binding)
    tree = _Tree()
    slots = house.shelf.write(
        plan.sid, _file(effective, sealer, tree=tree, totals=opened(house, verified), papers=papers)
    )
    return Release(
        id=f"release-{plan.sid.hex()[:16]}",
        gate=house.party,
        run=plan.sid.hex(),
        job=plan.job,
        authorization=authorization.digest,
        model=plan.scored_model,
        recipient=plan.recipient,
        recipient_sealing_key=plan.recipient_sealing_key,
        bands=papers.model.bands,
        sealed=Sealed(
            count=count,
            wrap=base64.b64encode(sealer.wrapped_key).decode(),
            root=tree.frontier.root().hex(),
            slots=slots,
            expires_at=instant_text(expires_at),
        ),
        issued_at=instant_text(house.now()),
    )


class _Tree:
    """The RFC 9162 tree over all slots, in slot order."""

    def __init__(self) -> None:
        self.frontier = Frontier()

    def add(self, sealed: bytes, effective: NDArray[np.bool_]) -> None:
        """Add a chunk: `sealed` holds its effective slots alone."""
        cuts = iter(range(0, len(sealed), SLOT_SEALED_BYTES))
        leaves = (
            leaf_hash(sealed[(at := next(cuts)) : at + SLOT_SEALED_BYTES]) if holds else _EMPTY_LEAF
            for holds in effective.tolist()
        )
        self.frontier = self.frontier.extend(leaves)


def _file(
    effective: NDArray[np.bool_],
    sealer: SlotSealer,
    *,
    tree: _Tree,
    totals: Iterable[Totals],
    papers: Papers,
) -> Iterator[bytes]:
    """The attachment piece by piece: the effective bitmap, then the sealed effective slots of each chunk."""
    yield bitmap.pack(effective)
    start = 0
    for chunk in totals:
        here = effective[start : start + len(chunk)]
        bands = np.where(here, banding.bands(chunk, papers.model.cut_points), np.uint8(EMPTY_BAND))
        sealed = sealer.seal_slots(bands.astype(np.uint8).tobytes(), start=start)
        kept = np.frombuffer(sealed, dtype=np.uint8).reshape(-1, SLOT_SEALED_BYTES)[here].tobytes()
        tree.add(kept, here)
        yield kept
        start += len(chunk)


def _check_size(slots: int, count: int) -> None:
    """What cannot be handed over is not opened."""
    size = (slots + 7) // 8 + SLOT_SEALED_BYTES * count
    if size > MAX_ATTACHMENT_BYTES:
        raise RunRefused(
            "too_many_slots", f"expected at most {MAX_ATTACHMENT_BYTES} bytes of slots, got {size}"
        )


def _vet_bands(house: House, verified: Verified) -> tuple[Document, str | None]:
    plan, model = verified.papers.plan, verified.papers.model
    persons = rounded_persons(int(verified.effective.sum()))
    counts = np.zeros(model.bands, dtype=np.int64)
    start = 0
    for chunk in opened(house, verified):
        here = verified.effective[start : start + len(chunk)]
        counts += np.bincount(banding.bands(chunk[here], model.cut_points), minlength=model.bands)
        start += len(chunk)
    bands = VetBands(
        id=f"vet-bands-{plan.sid.hex()[:16]}",
        gate=house.party,
        job=plan.job,
        model=plan.scored_model,
        persons=persons,
        counts=tuple(rounded_count(int(count)) for count in counts),
    )
    return bands, None


_RELEASES: Final[Mapping[JobKind, Callable[[House, Verified], tuple[Document, str | None]]]] = (
    MappingProxyType({JobKind.SCORE: _scores, JobKind.VET: _vet_bands, JobKind.AGGREGATE: _table})
)
"""By kind: what is signed, and the digest of the sealed file that is handed over with it, if any."""
