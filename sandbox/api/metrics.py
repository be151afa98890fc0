"""What an operator watches, in Prometheus form: counts by id and state, never data."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge

REQUESTS: Final = Counter("domicile_requests", "Signed requests answered", ["method", "route", "status"])
JOBS: Final = Gauge("domicile_jobs", "Jobs by state", ["state"])
LOG_SIZE: Final = Gauge("domicile_log_entries", "Entries in the evidence log")
MAILBOX_DEPTH: Final = Gauge("domicile_mailbox_depth", "Messages not yet read", ["party"])
