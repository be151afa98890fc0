"""Mailboxes: who left what for whom, and waiting for it."""
