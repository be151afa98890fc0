"""Tables sealed to a party: what the gate sealed, opened and proven to whoever holds the key.

A table counts only if, in this order:

1. the authorization is signed by everybody its scenario names, and names this party and its sealing key;
2. the release is signed by the pinned gate, is the one asked for, under this authorization, for this recipient and key;
3. the sealed bytes are those whose SHA-256 and size the gate signed;
4. they open under the release's run and this party, to a table with its disclosure report;
5. the report is the one whose digest the gate signed.

A reviewer's copy is the same but for steps 1 and 3: the release names its SHA-256 among the copies.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from enclaves.errors import EnclaveError
from enclaves.protocols.sealing import SealingKey, open_sealed
from enclaves.transport.sealed_mail import table_info
from policies.authorization import check_signed
from policies.documents import strict_json
from policies.documents.envelope import Envelope
from policies.documents.job import Delivery, Receipt, TableRelease
from policies.documents.query import ResultFormat
from policies.documents.strict_json import Json
from policies.documents.trust import TrustRoot
from policies.errors import PolicyError
from sandbox.client.errors import InputMalformed, ReleaseRefused
from sandbox.client.recipient import Recipient

MAX_TABLE_BYTES: Final = 16 << 20
TABLE_SLOT: Final = 0
"""A receipt names a table as slot 0 of its release."""
_MEMBERS: Final = frozenset({"format", "table", "report"})


@dataclass(frozen=True, slots=True)
class OpenedTable:
    """A table with what was withheld of it and why. `table` holds the bytes in `format`."""

    release: str
    format: ResultFormat
    table: bytes
    report: Mapping[str, Json]
    receipt: Receipt | None = None
    """What the fetch cost; None for a reviewer's copy."""

    @property
    def text(self) -> str:
        """The table as text; raises InputMalformed for Arrow, which is none."""
        if self.format is ResultFormat.ARROW:
            raise InputMalformed("expected a table in csv or json, got arrow bytes")
        return self.table.decode("utf-8")


class TableRecipient(Recipient):
    """A recipient of tables."""

    def fetch_table(self, authorization: str, release: str) -> OpenedTable:
        """Fetch, prove and open the table of a release (digest); `Refused` with the reason if there is none to have.

        Raises ReleaseRefused for a table that lies, ReceiptRefused for a receipt that does. Each call is a delivery.
        """
        approved = self.checked_authorization(authorization)
        fetched = self.endpoint.fetch_table(authorization, release, scenario=approved.scenario)
        document = checked_release(fetched.release, release, self.trust)
        said = (document.authorization, document.recipient, document.recipient_sealing_key)
        if said != (authorization, self.party, self.sealing_digest()):
            raise ReleaseRefused("expected a release for this authorization and recipient, got another")
        deliveries = [Delivery(release=release, slot=TABLE_SLOT)]
        # Before the table is opened: what was delivered was charged, whatever is in it.
        receipt = self.keep_receipt(fetched.receipt, authorization=authorization, deliveries=deliveries)
        if len(fetched.sealed) != document.sealed.size:
            raise ReleaseRefused(f"expected {document.sealed.size} sealed bytes, got {len(fetched.sealed)}")
        info = table_info(document.run, self.party)
        opened = open_table(fetched.sealed, document, document.sealed.sha256, key=self.sealing(), info=info)
        return OpenedTable(release, opened.format, opened.table, opened.report, receipt)


def checked_release(envelope: Envelope, digest: str, trust: TrustRoot) -> TableRelease:
    """The table release of that digest, signed by the pinned gate; raises ReleaseRefused."""
    try:
        release = TableRelease.read(envelope)
        check_signed(envelope, release, trust)
    except PolicyError as error:
        raise ReleaseRefused(f"release: {error}") from None
    if envelope.digest != digest:
        raise ReleaseRefused("expected the release asked for, got another")
    return release


def open_table(
    sealed: bytes, release: TableRelease, sha256: str, *, key: SealingKey, info: bytes
) -> OpenedTable:
    """The table in `sealed`, whose SHA-256 the release names; raises ReleaseRefused."""
    if hashlib.sha256(sealed).hexdigest() != sha256:
        raise ReleaseRefused("expected the sealed bytes that the release names, got others")
    try:
        payload = open_sealed(key, sealed, info=info)
        body = strict_json.parse_object(payload, max_bytes=2 * MAX_TABLE_BYTES)
        if set(body) != _MEMBERS or not isinstance(body["report"], dict):
            raise ReleaseRefused("expected a table with format and report, got other members")
        if strict_json.digest(body["report"]) != release.report:
            raise ReleaseRefused("expected the disclosure report that the release names, got another")
        table = base64.b64decode(str(body["table"]), validate=True)
        form = ResultFormat(str(body["format"]))
        if form is not ResultFormat.ARROW:
            table.decode("utf-8")
        return OpenedTable(release.digest, form, table, body["report"])
    except (EnclaveError, PolicyError) as error:
        raise ReleaseRefused(f"table: {error}") from None
    except ValueError:  # base64, UTF-8 and the format's name
        raise ReleaseRefused("expected a table in a known format, got other content") from None
