"""What arrives between runs: consents, withdrawals, model parts. Verified, then durable, then forgotten in the clear.

Each is idempotent, since a message may be handled again after a crash. A message that does not hold raises and is dropped
by the caller; it never stops the mailbox.
"""

from __future__ import annotations

from enclaves.agent.grants import records
from enclaves.agent.house import House
from enclaves.protocols.sealing import open_sealed
from enclaves.run.errors import RunRefused
from enclaves.run.mail import envelope, text
from enclaves.transport.mailbox import Message
from enclaves.transport.sealed_mail import consent_info
from policies.authorization import check_signed, may_revoke
from policies.documents.consent import Consent
from policies.documents.halts import Revocation, RevocationTarget
from policies.documents.model import Model


def take_consent(house: House, message: Message) -> None:
    """Store a batch of grants sealed to this enclave. Raises PolicyError, SealBroken, RunRefused."""
    head_envelope = envelope(message.body, "consent")
    head = Consent.read(head_envelope)
    check_signed(head_envelope, head, house.trust, revoked_keys=house.witness.halts.revoked_keys)
    if house.consents.holds(head_envelope.digest):
        return
    (attachment,) = _attachments(message, 1)
    packed = open_sealed(
        house.sealing,
        house.wire.get_attachment(attachment),
        info=consent_info(head_envelope.digest, house.party),
    )
    house.consents.add(head_envelope.digest, head, records(packed, head, pids=house.store.pids))


def take_withdrawal(house: House, message: Message) -> None:
    """End the consents that a consent service withdraws. Raises PolicyError, RunRefused."""
    revocation_envelope = envelope(message.body, "revocation")
    revocation = Revocation.read(revocation_envelope)
    check_signed(revocation_envelope, revocation, house.trust, revoked_keys=house.witness.halts.revoked_keys)
    if revocation.target is not RevocationTarget.CONSENT or not may_revoke(revocation, house.trust):
        raise RunRefused("withdrawal_invalid", "expected a withdrawal by a consent service, got another")
    house.consents.withdraw(revocation.digests, service=revocation.by)


def take_part(house: House, message: Message) -> None:
    """Store this department's part of a model, sealed as it came. Raises PolicyError, SealBroken, RunRefused."""
    digest = text(message.body, "model")
    model_envelope = house.wire.get_document(digest)
    model = Model.read(model_envelope)
    check_signed(model_envelope, model, house.trust, revoked_keys=house.witness.halts.revoked_keys)
    if model_envelope.digest != digest or text(message.body, "department") != house.department:
        raise RunRefused("part_mismatch", "expected a part for this department, got another")
    part, *graph = (house.wire.get_attachment(item) for item in _attachments(message, 1, 2))
    house.parts.add(digest, model, part=part, graph=graph[0] if graph else None)


def _attachments(message: Message, *counts: int) -> tuple[str, ...]:
    if len(message.attachments) not in counts:
        raise RunRefused("malformed", f"expected {counts[0]} attachment, got {len(message.attachments)}")
    return message.attachments
