"""What every contribution has, whatever was computed: mask keys for the worker, and the signed answer with its vectors."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence

from enclaves.agent.house import House
from enclaves.agent.live import LiveRun
from enclaves.agent.stages import Stage
from enclaves.protocols import secagg
from enclaves.protocols.sealing import seal
from enclaves.run.errors import RunRefused
from enclaves.run.papers import member_of
from enclaves.transport.party import sealing_key
from enclaves.worker.order import Masks
from policies.decision.permit import Permit
from policies.documents.authorization import Mode
from policies.documents.run import Contribution

KEY_BYTES = 32


def draw_masks(house: House, live: LiveRun) -> Masks:
    """The mask keys of this run: one with each other enclave, a fresh receiver key in mode masked, an opening key."""
    masked = live.papers.plan.mode is Mode.MASKED
    return Masks(
        party=house.party,
        pair_keys=pair_keys(house, live),
        receiver_key=secrets.token_bytes(KEY_BYTES) if masked else None,
        opening_key=secrets.token_bytes(KEY_BYTES),
    )


def send_contribution(
    house: House,
    live: LiveRun,
    granted: Permit,
    *,
    masks: Masks,
    vectors: Sequence[str],
    commitment: bytes,
    cells: str | None = None,
) -> None:
    """Sign and send the contribution whose `vectors` (and sealed `cells`) are put already."""
    receiver = masks.receiver_key
    contribution = Contribution(
        id=f"contribution-{house.party}-{live.papers.run[:12]}",
        run=live.papers.run,
        department=house.department,
        enclave=house.party,
        transcript=live.transcript or "",
        permit=granted.digest,
        vectors=tuple(vectors),
        receiver_key=None if receiver is None else _sealed_receiver_key(house, live, receiver),
        cells=cells,
        commitment=commitment.hex(),
    )
    attached = (*vectors, *(() if cells is None else (cells,)))
    house.wire.send(
        "coordinator",
        "contribution",
        {"contribution": contribution.envelope(house.boot.private).to_json()},
        run=live.papers.run,
        attachments=attached,
    )
    house.sessions.move(live.papers.plan.sid, Stage.SENT)


def check_commitment(commitment: bytes, rest: bytes | None) -> None:
    """Raise RunRefused unless a worker's last frame is a commitment and nothing follows it."""
    if len(commitment) != KEY_BYTES or rest is not None:
        raise RunRefused("worker_output_refused", "expected a commitment last, got something else")


def pair_keys(house: House, live: LiveRun) -> dict[str, bytes]:
    """The mask key shared with each other enclave of the run; parties are named by enclave id."""
    sid = live.papers.plan.sid
    keys: dict[str, bytes] = {}
    for voice in live.voices:
        peer = voice.member.enclave
        if peer != house.party:
            low, high = sorted((house.party, peer), key=str.encode)
            keys[peer] = secagg.pair_key(live.ephemeral, voice.ephemeral_key, sid=sid, low=low, high=high)
    return keys


def _sealed_receiver_key(house: House, live: LiveRun, receiver: bytes) -> str:
    plan = live.papers.plan
    member_of(plan, house.party)
    public = sealing_key(house.trust.party(plan.gate), "a gate")
    info = secagg.receiver_key_info(plan.sid, party=house.party)
    return base64.b64encode(seal(public, receiver, info=info)).decode()
