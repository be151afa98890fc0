"""What every recipient of results holds: its checked authorizations, its sealing key, its receipts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Self

from enclaves.protocols.sealing import SealingKey
from enclaves.transport.channel import now_utc
from enclaves.transport.endpoint import Endpoint
from enclaves.transport.party import PartyConfig, PartyKeys
from policies.authorization import check_signed
from policies.documents.authorization import Authorization, Scenario
from policies.documents.envelope import Envelope
from policies.documents.job import Delivery, Receipt
from sandbox.client.errors import InputMalformed
from sandbox.client.receipts import RECEIPTS, ReceiptBook, check_receipt
from sandbox.client.submission import Submitter


class Recipient(Submitter):
    """A party that results are sealed to."""

    def __init__(
        self,
        endpoint: Endpoint,
        keys: PartyKeys,
        *,
        receipts: ReceiptBook | None = None,
        clock: Callable[[], datetime] = now_utc,
    ) -> None:
        super().__init__(endpoint, keys, clock=clock)
        self.receipts = receipts or ReceiptBook()
        self._authorizations: dict[str, Authorization] = {}

    @classmethod
    def open(cls, directory: Path) -> Self:
        config = PartyConfig.load(directory / "client.toml")
        keys = PartyKeys.load(config.keys)
        return cls(config.endpoint(keys), keys, receipts=ReceiptBook(directory / RECEIPTS))

    def checked_authorization(self, digest: str) -> Authorization:
        """The authorization, signed by everybody its scenario names, for this party and its sealing key.

        It is checked once. Raises InputMalformed for one that names another recipient or key.
        """
        if digest not in self._authorizations:
            envelope = self.endpoint.get_document(digest)
            authorization = Authorization.read(envelope)
            scenario = self.document(Scenario, authorization.scenario)
            check_signed(envelope, authorization, self.trust, scenario=scenario)
            named = {recipient.party: recipient.sealing_key for recipient in authorization.recipients}
            if named.get(self.party) != self.sealing_digest():
                raise InputMalformed("expected an authorization that names this party and its sealing key")
            self._authorizations[digest] = authorization
        return self._authorizations[digest]

    def keep_receipt(
        self, envelope: Envelope, *, authorization: str, deliveries: Sequence[Delivery]
    ) -> Receipt:
        """Check the receipt of exactly `deliveries` and keep it; raises ReceiptRefused."""
        receipt = check_receipt(
            envelope, self.trust, recipient=self.party, authorization=authorization, deliveries=deliveries
        )
        self.receipts.keep(envelope)
        return receipt

    def sealing(self) -> SealingKey:
        """This party's private sealing key; raises InputMalformed without one."""
        return sealing_of(self.keys)

    def sealing_digest(self) -> str:
        """How authorization and release name the sealing key: SHA-256 of its base64 text."""
        text = base64.b64encode(self.sealing().public.raw)
        return hashlib.sha256(text).hexdigest()


def sealing_of(keys: PartyKeys) -> SealingKey:
    """The private sealing key of a key file; raises InputMalformed without one."""
    if keys.sealing is None:
        raise InputMalformed("expected a sealing key in the key file, got none")
    return keys.sealing
