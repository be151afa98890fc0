"""Interim."""

from __future__ import annotations

from sandbox.district import District
from sandbox.store.database import Transaction


def advance_cosigned(district: District, transaction: Transaction) -> None:
    """Wake jobs."""


def tick_jobs(district: District, transaction: Transaction) -> None:
    """Deadlines."""
