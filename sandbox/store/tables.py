"""Where the coordinator's state lies. The evidence log's tables stand beside these, in `sandbox.log.tables`.

Times are Unix seconds. Digests and run ids are 64 hex digits, consent ids 16 bytes. JSON columns hold canonical or compact
JSON as text. Nothing here names a person: consents are random ids and salted commitments.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

METADATA: Final = MetaData()

documents: Final = Table(
    "documents",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("kind", String(64), nullable=False, index=True),
    Column("id", String(80), nullable=False),
    Column("envelope", LargeBinary, nullable=False),
    Column("signers", Text, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("log_index", Integer),
)

attachments: Final = Table(
    "attachments",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("owner", String(63), primary_key=True),
    Column("size", Integer, nullable=False),
    Column("stored_at", Float, nullable=False),
)

attachment_readers: Final = Table(
    "attachment_readers",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("reader", String(63), primary_key=True),
)

messages: Final = Table(
    "messages",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("recipient", String(63), nullable=False),
    Column("sender", String(63), nullable=False),
    Column("topic", String(40), nullable=False),
    Column("run", String(64)),
    Column("body", Text, nullable=False),
    Column("attachments", Text, nullable=False),
    Column("sent_at", Float, nullable=False),
    Index("messages_by_recipient", "recipient", "seq"),
    # A message of one run is said once to one recipient; saying it again changes nothing.
    UniqueConstraint("recipient", "sender", "topic", "run"),
    sqlite_autoincrement=True,
)

mailbox_cursors: Final = Table(
    "mailbox_cursors",
    METADATA,
    Column("party", String(63), primary_key=True),
    Column("read_to", Integer, nullable=False),
)

consents: Final = Table(
    "consents",
    METADATA,
    Column("id", LargeBinary(16), primary_key=True),
    Column("head", String(64), nullable=False, index=True),
    Column("scenario", String(64), nullable=False),
    Column("recipient", String(63), nullable=False),
    Column("service", String(63), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("commitment", String(64), nullable=False, unique=True),
    Column("withdrawn", Boolean, nullable=False),
    Index("consents_by_scenario", "scenario", "recipient", "id"),
)

jobs: Final = Table(
    "jobs",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("mode", String(16), nullable=False),
    Column("submitter", String(63), nullable=False),
    Column("recipient", String(63), nullable=False),
    Column("scenario", String(64), nullable=False),
    Column("authorization", String(64)),
    Column("slots", Integer, nullable=False),
    Column("state", String(24), nullable=False, index=True),
    Column("attempt", Integer, nullable=False),
    Column("run", String(64)),
    Column("intent", Integer),
    Column("await_size", Integer),
    Column("deadline", Float),
    Column("expires_at", Float, nullable=False),
    Column("reason", Text),
    Column("submitted_at", Float, nullable=False),
    Index("jobs_by_grant", "scenario", "authorization", "kind"),
)

job_progress: Final = Table(
    "job_progress",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("job", String(64), nullable=False, index=True),
    Column("at", Float, nullable=False),
    Column("step", String(40), nullable=False),
)

runs: Final = Table(
    "runs",
    METADATA,
    Column("sid", String(64), primary_key=True),
    Column("job", String(64), nullable=False, index=True),
    Column("attempt", Integer, nullable=False),
    Column("plan", String(64), nullable=False),
    Column("release", String(64)),
)

run_items: Final = Table(
    "run_items",
    METADATA,
    # For a key, which precedes the plan, the run is `key:<job>:<attempt>`.
    Column("run", String(96), primary_key=True),
    Column("topic", String(40), primary_key=True),
    Column("party", String(63), primary_key=True),
    Column("body", Text, nullable=False),
)

releases: Final = Table(
    "releases",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("job", String(64), nullable=False, index=True),
    Column("authorization", String(64), nullable=False),
    Column("recipient", String(63), nullable=False),
    Column("slots", Integer, nullable=False),
    Column("slot_bytes", Integer, nullable=False),
    Column("attachment", String(64), nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("envelope", LargeBinary, nullable=False),
)

scores: Final = Table(
    "scores",
    METADATA,
    Column("authorization", String(64), primary_key=True),
    Column("consent", LargeBinary(16), primary_key=True),
    Column("release", Integer, nullable=False),
    Column("slot", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    sqlite_with_rowid=False,
)

sealed_tables: Final = Table(
    "sealed_tables",
    METADATA,
    Column("release", String(64), primary_key=True),
    Column("job", String(64), nullable=False, index=True),
    Column("authorization", String(64), nullable=False),
    Column("recipient", String(63), nullable=False),
    Column("attachment", String(64), nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("envelope", LargeBinary, nullable=False),
)

output_reviews: Final = Table(
    "output_reviews",
    METADATA,
    # A reviewer who approved may still reject, once each.
    Column("release", String(64), primary_key=True),
    Column("reviewer", String(63), primary_key=True),
    Column("finding", String(16), primary_key=True),
    Column("review", String(64), nullable=False, unique=True),
)

nonces: Final = Table(
    "nonces",
    METADATA,
    Column("keyid", String(64), primary_key=True),
    Column("nonce", String(32), primary_key=True),
    Column("seen_at", Float, nullable=False, index=True),
    sqlite_with_rowid=False,
)

answers: Final = Table(
    "answers",
    METADATA,
    Column("party", String(63), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("request", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("at", Float, nullable=False, index=True),
    sqlite_with_rowid=False,
)

counters: Final = Table(
    "counters",
    METADATA,
    Column("name", String(120), primary_key=True),
    Column("value", Integer, nullable=False),
)

usage_events: Final = Table(
    "usage_events",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("period", String(7), nullable=False),
    Column("recipient", String(63), nullable=False),
    Column("event", Text, nullable=False),
    Column("receipt", LargeBinary, nullable=False),
    Index("usage_by_period", "period", "recipient", "seq"),
)

witnesses: Final = Table(
    "witnesses",
    METADATA,
    Column("party", String(63), primary_key=True),
    Column("mailed_size", Integer, nullable=False),
    Column("mailed_at", Float, nullable=False),
    Column("cosigned_size", Integer, nullable=False),
    Column("cosigned_at", Float, nullable=False),
)
