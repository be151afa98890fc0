"""The insurer's receipts, one envelope a line, kept where it says; each checked before it is kept.

A receipt is signed by the coordinator for the operator and says how many scores were delivered at what price (RQ-317); the
insurer needs it to dispute an invoice.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from policies.authorization import check_signed
from policies.documents import envelope as dsse
from policies.documents import strict_json
from policies.documents.envelope import Envelope
from policies.documents.job import Delivery, Receipt
from policies.documents.trust import TrustRoot
from policies.errors import PolicyError
from sandbox.client.errors import ReceiptRefused

RECEIPTS: Final = "receipts.jsonl"
"""The file in a recipient's folder."""


class ReceiptBook:
    """Receipts of one insurer: in memory, and with a path also in a file that only grows.

    Whoever asked again for an answer that got lost is given the same receipt again; it is kept once.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._receipts: dict[str, Envelope] = {}
        if path is not None and path.exists():
            whole, _, torn = path.read_bytes().rpartition(b"\n")
            if torn:
                # A crash cut the last line short: that receipt was never told of as kept.
                os.truncate(path, len(whole) + bool(whole))
            for line in whole.splitlines():
                envelope = dsse.parse(line)
                self._receipts[envelope.digest] = envelope

    @property
    def receipts(self) -> tuple[Receipt, ...]:
        return tuple(Receipt.read(envelope) for envelope in self._receipts.values())

    def keep(self, envelope: Envelope) -> None:
        """Add a checked receipt unless it is there; on disk when this returns."""
        if envelope.digest in self._receipts:
            return
        if self._path is not None:
            with self._path.open("ab") as file:
                file.write(envelope.to_bytes() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        self._receipts[envelope.digest] = envelope


def check_receipt(
    envelope: Envelope,
    trust: TrustRoot,
    *,
    recipient: str,
    authorization: str,
    deliveries: Sequence[Delivery],
) -> Receipt:
    """Raise ReceiptRefused unless the receipt is signed and says exactly what was delivered to `recipient`."""
    try:
        receipt = Receipt.read(envelope)
        check_signed(envelope, receipt, trust)
    except PolicyError as error:
        raise ReceiptRefused(f"receipt: {error}") from None
    if (receipt.recipient, receipt.authorization) != (recipient, authorization):
        raise ReceiptRefused("expected a receipt of this recipient and authorization, got another")
    if receipt.units != len(deliveries) or receipt.deliveries != deliveries_digest(deliveries):
        raise ReceiptRefused("expected a receipt of exactly what was delivered, got another")
    return receipt


def deliveries_digest(deliveries: Sequence[Delivery]) -> str:
    """How a receipt names what was delivered: the digest of the ordered list."""
    return strict_json.digest([delivery.model_dump(mode="json") for delivery in deliveries])
