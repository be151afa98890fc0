"""When a data set is due: the seven synchronization frequencies of the plan as days (RQ-106).

A period is the longest the calendar allows, so that a refresh on the same day of every month is never overdue.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from policies.documents.dataset import SyncFrequency

PERIOD_DAYS: Final[Mapping[SyncFrequency, int | None]] = MappingProxyType(
    {
        SyncFrequency.ONCE: None,
        SyncFrequency.DAILY: 1,
        SyncFrequency.WEEKLY: 7,
        SyncFrequency.MONTHLY: 31,
        SyncFrequency.QUARTERLY: 92,
        SyncFrequency.HALF_YEARLY: 184,
        SyncFrequency.YEARLY: 366,
    }
)


def due_at(frequency: SyncFrequency, refreshed_at: datetime) -> datetime | None:
    """When the next refresh is due; None for data imported once."""
    days = PERIOD_DAYS[frequency]
    return None if days is None else refreshed_at + timedelta(days=days)


def is_overdue(frequency: SyncFrequency, refreshed_at: datetime, *, now: datetime) -> bool:
    """Whether the refresh after `refreshed_at` should have happened by `now`."""
    due = due_at(frequency, refreshed_at)
    return due is not None and now > due
