"""The last two rounds of a run that recovers: agree on the survivors, then give the shares away (docs/protocol.md section 7).

Both documents of others are verified here, before the room reads what is in them: who signed, for which run, over which T1.
"""

from __future__ import annotations

from collections.abc import Sequence

from enclaves.agent.house import House
from enclaves.agent.live import LiveRun
from enclaves.agent.recovering import RecoveringMasking
from enclaves.run.errors import RunRefused
from enclaves.run.exchange import check_agreements
from enclaves.run.mail import Body, envelope, envelopes
from policies.documents.survivors import Agreement


def survive(house: House, live: LiveRun, body: Body) -> None:
    """Sign the announced survivors, and say so. Raises RunRefused, RecoveryRefused, PolicyError."""
    masking, transcript = _recovering(live)
    agreement = masking.agree(envelope(body, "survivors"), transcript=transcript, asked=live.asked)
    house.wire.send(
        "coordinator",
        "agreement",
        {"agreement": agreement.envelope(house.boot.private).to_json()},
        run=live.papers.run,
    )


def unmask(house: House, live: LiveRun, body: Body) -> None:
    """Give the shares away once enough survivors agree. Raises RunRefused, RecoveryRefused."""
    masking, transcript = _recovering(live)
    agreements: Sequence[Agreement] = check_agreements(
        envelopes(body, "items"), live.voices, plan=live.papers.plan, transcript=transcript
    )
    shares = masking.unmask(agreements, transcript=transcript)
    house.wire.send(
        "coordinator",
        "unmasking",
        {"unmasking": shares.envelope(house.boot.private).to_json()},
        run=live.papers.run,
    )


def _recovering(live: LiveRun) -> tuple[RecoveringMasking, str]:
    if not isinstance(live.masking, RecoveringMasking) or live.transcript is None:
        raise RunRefused("run_out_of_order", "expected a run that recovers and has contributed, got another")
    return live.masking, live.transcript
