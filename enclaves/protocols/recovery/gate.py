"""R6: the gate verifies what every stage left, puts secrets together, and opens the sum of the survivors, once.

Steps:
1. All bundles and all n signatures over the same T1: the gate sees the session that every party saw.
2. At least t survivors signed this U3; there is one signed contribution of each survivor and no other.
3. At least t survivors answered; every secret put together fits what its party published.
4. The receiver mask of each survivor opens under its own binding.
5. The session is marked opened, durably. Another set of survivors of the same sid is never opened: the difference of two
   sums would be one party's vector (attack A10).
6. Sum of the vectors, minus receiver masks and self masks of the survivors, minus what is left of their pair masks with the
   parties that are gone.

Follows protocols.md section 2.3, R6. Disclosure control, signing and logging of the outcome are the gate process's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from enclaves.protocols import prg, secagg
from enclaves.protocols.errors import ProtocolError
from enclaves.protocols.recovery import bundles, dealing, inputs, lanes, survivors, unmasking
from enclaves.protocols.recovery.bundles import Bundle, Roll
from enclaves.protocols.recovery.dealing import SignedTranscript
from enclaves.protocols.recovery.errors import Reason, RecoveryRefused
from enclaves.protocols.recovery.inputs import Contribution
from enclaves.protocols.recovery.session import Keys, Session, check_keys
from enclaves.protocols.recovery.stages import Stage, StageStore
from enclaves.protocols.recovery.survivors import Agreement, Survivors
from enclaves.protocols.recovery.unmasking import Answer, Recovered
from enclaves.protocols.ring import Total
from enclaves.protocols.secagg import ReceiverKey

OpenSealed = Callable[[bytes, bytes], bytes]
"""(sealed, info) opened with the gate's key: `enclaves.protocols.sealing.open_sealed`. Raises ProtocolError."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the coordinator relays of one session, unchanged, for the gate to judge."""

    bundles: Sequence[Bundle]
    transcripts: Sequence[SignedTranscript]
    contributions: Sequence[Contribution]
    survivors: Sequence[str]
    agreements: Sequence[Agreement]
    answers: Sequence[Answer]


@dataclass(frozen=True, slots=True)
class Opened:
    """The sum of the survivors' vectors, noise included, and what each of them committed to."""

    survivors: Survivors
    total: Total = field(repr=False)
    commitments: Mapping[str, bytes]


def open_sum(
    session: Session, evidence: Evidence, *, keys: Keys, open_sealed: OpenSealed, stages: StageStore
) -> Opened:
    """Steps 1 to 6. Raises RecoveryRefused, and what `stages` raises if this sid was opened before."""
    check_keys(session, keys)
    roll = bundles.check_bundles(session, evidence.bundles, keys)
    dealing.check_transcripts(session, evidence.transcripts, roll=roll, keys=keys)
    chosen = survivors.check_survivors(session, evidence.survivors)
    survivors.check_agreement(session, evidence.agreements, survivors=chosen, roll=roll, keys=keys)
    contributions = _contributions(session, evidence.contributions, survivors=chosen, roll=roll, keys=keys)
    answers = unmasking.check_answers(session, evidence.answers, survivors=chosen, roll=roll, keys=keys)
    recovered = unmasking.recover(session, answers, survivors=chosen, roll=roll)
    receivers = {
        party: _receiver_mask(session, sent, open_sealed=open_sealed) for party, sent in contributions.items()
    }
    stages.move(session.sid, Stage.OPENED)
    total = _sum(session, contributions, recovered=recovered, receivers=receivers, roll=roll)
    return Opened(chosen, total, {party: sent.commitment for party, sent in contributions.items()})


def _contributions(
    session: Session, sent: Sequence[Contribution], *, survivors: Survivors, roll: Roll, keys: Keys
) -> dict[str, Contribution]:
    """One signed contribution of each survivor, in roster order."""
    by_party = {contribution.party: contribution for contribution in sent}
    if len(by_party) != len(sent) or by_party.keys() != set(survivors):
        raise RecoveryRefused(
            Reason.INPUT, f"expected one contribution of each of {len(survivors)} survivors, got {len(sent)}"
        )
    for contribution in sent:
        inputs.check_contribution(session, contribution, roll=roll, keys=keys)
    return {party: by_party[party] for party in survivors}


def _receiver_mask(session: Session, sent: Contribution, *, open_sealed: OpenSealed) -> ReceiverKey:
    try:
        opened = open_sealed(
            sent.sealed_receiver_mask, secagg.receiver_key_info(session.sid, party=sent.party)
        )
        prg.check_key(opened)
    except ProtocolError:
        raise RecoveryRefused(
            Reason.RECEIVER, f"expected a receiver mask sealed by `{sent.party}` in this session, got another"
        ) from None
    return ReceiverKey(opened)


def _sum(
    session: Session,
    contributions: Mapping[str, Contribution],
    *,
    recovered: Recovered,
    receivers: Mapping[str, ReceiverKey],
    roll: Roll,
) -> Total:
    total = np.zeros(session.words, dtype="<u8")
    for party, sent in contributions.items():
        lanes.add(total, sent.masked, session.lanes)
        lanes.subtract_stream(total, receivers[party], session.lanes)
        lanes.subtract_stream(total, recovered.self_masks[party], session.lanes)
    for gone, seed in recovered.mask_seeds.items():
        mask_key = bundles.mask_key_of(session, seed)
        for party, key in inputs.pair_keys_of(session, gone, mask_key, roll=roll).items():
            if party not in contributions:
                continue
            # What the survivor added is taken away, what it subtracted is given back.
            if secagg.adds(party, gone):
                lanes.subtract_stream(total, key, session.lanes)
            else:
                lanes.add_stream(total, key, session.lanes)
    return Total(total)
