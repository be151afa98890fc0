"""Messages to the coordinator."""

from __future__ import annotations

from policies.documents.trust import PartyEntry
from sandbox.district import District
from sandbox.mailboxes.mailbox import Mail
from sandbox.store.database import Transaction


def handle_message(district: District, transaction: Transaction, mail: Mail, *, sender: PartyEntry) -> None:
    """Handle one message as it arrives."""
