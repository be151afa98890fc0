"""What must be true after every crash: nothing lost, no mask used twice, nothing billed twice.

Looks at the parties' answers, at the exported log, and at the files that the processes left on disk; asks no process
whether it behaved.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import numpy as np

from policies.documents import envelope as dsse
from policies.documents.authorization import Mode
from policies.documents.job import Plan
from policies.documents.price import PriceFiling
from policies.documents.run import Bundle, Contribution
from sandbox.client.auditor import verify_offline
from tests.stories.crashes import Site

LOGGED_WITHIN_S = 20.0
WORD = 8
"""Bytes a slot takes in a masked vector."""


def check_books(site: Site) -> dict[str, int]:
    """Everything of this module; returns what was counted."""
    check_answers(site)
    entries = check_log(site)
    check_witnesses(site)
    return {"entries": len(entries), **check_masks(site), **check_bills(site, entries)}


def check_answers(site: Site) -> None:
    """Every document, job and consent that was acknowledged is answered for as it was."""
    endpoint = site.agency.endpoint
    for status in site.told.jobs.values():
        assert endpoint.job(status.job) == status, "a job that had ended has changed"
        site.told.documents.update(status.releases)
    for digest in site.told.documents | set(site.told.jobs):
        assert endpoint.get_document(digest).digest == digest
    known = {item.id: item.state for item in site.insurer.endpoint.consents(site.scenario, "insurer")}
    for consent in itertools.chain.from_iterable(site.groups):
        assert known[consent] == ("withdrawn" if consent in site.withdrawn else "granted")


def check_log(site: Site) -> list[dict[str, Any]]:
    """The log verifies offline, continues what was exported before, and holds an entry for all that was acknowledged."""
    deadline = time.monotonic() + LOGGED_WITHIN_S
    while missing := _unrecorded(site, entries := _exported(site)):
        assert time.monotonic() < deadline, f"acknowledged, but not in the log: {missing}"
        time.sleep(0.2)
    return entries


def check_witnesses(site: Site) -> None:
    """No witness remembers less than it did, none has seen two logs."""
    for party in site.district.trust.witnesses:
        with _database(site.district.folder(party) / "home" / "state" / "witness.sqlite") as database:
            (size,) = database.execute("SELECT size FROM witness").fetchone()
            forks = database.execute("SELECT count(*) FROM forks").fetchone()[0]
        assert size >= site.told.witnessed.get(party, 1)
        assert forks == 0
        site.told.witnessed[party] = size


def check_masks(site: Site) -> dict[str, int]:
    """Each run has its own keys and its own masks, and each enclave answered it once at most."""
    with _coordinator(site) as database:
        plans = _plans(database)
        bundles = _said(database, "bundle")
        contributions = _said(database, "contribution")
        put = database.execute("SELECT sha256, owner, size FROM attachments").fetchall()
    keys = [bundle.ephemeral_key for bundle in map(Bundle.read, bundles)]
    assert len(set(keys)) == len(keys), "an ephemeral key was used in two runs"
    told = [Contribution.read(envelope) for envelope in contributions]
    assert len({(c.run, c.enclave) for c in told}) == len(told)
    named = [vector for contribution in told for vector in contribution.vectors]
    assert len(set(named)) == len(named), "two contributions have the same vector"
    sent = {name: {c.run for c in told if c.enclave == name} for name in site.enclaves}
    for name in site.enclaves:
        begun = _sessions(site, name)
        assert set(begun) <= set(plans)
        # Whoever's contribution arrived has spent the run, whatever the crash left of its process.
        assert {begun[run] for run in sent[name]} <= {"contributed", "sent", "spent"}
    return {
        "runs": len(plans),
        "contributions": len(told),
        "compared": _check_unlike(site, told, plans, put),
    }


def _check_unlike(site: Site, told: list[Contribution], plans: dict[str, Plan], put: list[Any]) -> int:
    """No two masked vectors of an enclave agree in any slot, nor differ by as little as two scores would.

    Vectors of one group hide the same numbers under other masks, so a mask used again would show at once. Taken from all
    that was put, whether or not a contribution named it in the end.
    """
    sizes = {plan.subjects.count * WORD for plan in plans.values() if plan.mode is Mode.MASKED}
    compared = 0
    for name in site.enclaves:
        masked = [_words(site, sha256) for sha256, owner, size in put if owner == name and size in sizes]
        runs = sum(
            1 for run, stage in _sessions(site, name).items() if plans[run].mode is Mode.MASKED and stage
        )
        named = sum(1 for c in told if c.enclave == name and plans[c.run].mode is Mode.MASKED)
        assert named <= len(masked) <= runs, "an enclave has masked one run twice"
        for first, second in itertools.combinations(masked, 2):
            if len(first) == len(second):
                near = np.abs((first - second).view(np.int64)) < 2**32
                assert not near.any(), "two vectors differ by less than fresh masks would make them"
                compared += 1
    return compared


def check_bills(site: Site, entries: list[dict[str, Any]]) -> dict[str, int]:
    """Usage, receipts, counters, delivery entries and the invoice all say the same number of scores."""
    operator = site.cast.operator
    period = operator.now_text()[:7]
    events: list[Any] = operator.usage(period)["events"]  # type: ignore[assignment]  # the wire's own shape
    receipts = site.insurer.receipts.receipts
    units = sum(receipt.units for receipt in receipts)
    assert len({receipt.id for receipt in receipts}) == len(receipts), "one delivery was receipted twice"
    assert Counter(event["data"]["receipt"] for event in events) == Counter(r.digest for r in receipts)
    assert sum(event["data"]["units"] for event in events) == units
    delivered = [entry for entry in entries if entry["type"] == "delivery"]
    assert sum(entry["facts"]["units"] for entry in delivered) == units
    with _coordinator(site) as database:
        rows = database.execute("SELECT value FROM counters WHERE name LIKE 'delivered/%'").fetchall()
        kept = database.execute("SELECT count(*) FROM usage_events").fetchone()[0]
    assert sum(value for (value,) in rows) == units
    assert kept == len(receipts)
    filing = site.insurer.document(PriceFiling, site.approved.authorization.price_filing)
    total = (Decimal(filing.price) * units).quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert Decimal(str(operator.invoice("insurer", period)["total"])) == total
    return {"units": units}


def _exported(site: Site) -> list[dict[str, Any]]:
    """The entries of a fresh export, verified offline; they continue those of the export before."""
    export = site.district.directory / "crash-log.jsonl"
    export.write_bytes(site.cast.auditor.endpoint.export())
    trust_root = (site.district.directory / "trust-root.json").read_bytes()
    report = verify_offline(export, trust_root, site.district.pin)
    lines = export.read_bytes().splitlines()[1:-1]
    assert report.size == len(lines)
    before = site.told.log
    assert lines[: len(before)] == before, "the log no longer begins as it did"
    before[:] = lines
    return [json.loads(line) for line in lines]


def _unrecorded(site: Site, entries: list[dict[str, Any]]) -> list[str]:
    """What was acknowledged and stands in no entry."""
    found: dict[str, set[str]] = {}
    for entry in entries:
        found.setdefault(entry["type"], set()).update(entry.get("digests", {}).values())
    wanted = [("document", digest) for digest in site.told.documents]
    for status in site.told.jobs.values():
        wanted += [("intent", status.job), ("outcome", status.job)]
        wanted += [("outcome", release) for release in status.releases]
    wanted += [("delivery", receipt.digest) for receipt in site.insurer.receipts.receipts]
    releases = {release for status in site.told.jobs.values() for release in status.releases}
    return [
        f"{kind} {digest[:12]}"
        for kind, digest in wanted
        if digest not in found.get(kind, set()) and not (kind == "document" and digest in releases)
    ]


def _plans(database: sqlite3.Connection) -> dict[str, Plan]:
    rows = database.execute(
        "SELECT runs.sid, documents.envelope FROM runs JOIN documents ON documents.digest = runs.plan"
    )
    return {sid: Plan.read(dsse.parse(bytes(data))) for sid, data in rows}


def _said(database: sqlite3.Connection, topic: str) -> list[dsse.Envelope]:
    rows = database.execute("SELECT body FROM run_items WHERE topic = ?", (topic,)).fetchall()
    return [dsse.from_json(json.loads(body)[topic]) for (body,) in rows]


def _sessions(site: Site, enclave: str) -> dict[str, str]:
    """Run id → stage in the enclave's own table."""
    with _database(site.district.folder(enclave) / "home" / "state" / "enclave.sqlite") as database:
        rows = database.execute("SELECT sid, stage FROM sessions").fetchall()
    found = {bytes(sid).hex(): stage for sid, stage in rows}
    assert len(found) == len(rows), "a run was begun twice"
    return found


def _words(site: Site, sha256: str) -> Any:
    data = (site.district.folder("coordinator") / "state" / "attachments" / sha256[:2] / sha256).read_bytes()
    assert hashlib.sha256(data).hexdigest() == sha256
    return np.frombuffer(data, dtype="<u8")


@contextmanager
def _coordinator(site: Site) -> Iterator[sqlite3.Connection]:
    with _database(site.district.folder("coordinator") / "state" / "coordinator.db") as database:
        yield database


@contextmanager
def _database(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as database:
        yield database
