"""The table that may leave: summed cells through the global rules, presented, written, sealed to the recipient.

Rules (protocols.md section 6.2, L3, L4, L7, L8):
1. The gate reads the question for itself, from the same documents as every enclave; the layout of the vector follows from it.
2. Persons, contributing domains, complement, secondary suppression and rounding are decided here, on sums; what needs single
   contributions was decided in the domains.
3. HAVING, ORDER BY and LIMIT act on what is released, so a withheld cell cannot show as a gap.
4. Table and disclosure report are sealed together; the signed release tells neither.
5. Of a differentially private answer the exact sums decide what is withheld, and every number is the noised copy's; the report
   says rho and how far off each number is.
6. The first table of an authorization, and any with more cells than the limit, waits for two reviewers of two organizations,
   who get copies of their own.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from enclaves.gate.house import House
from enclaves.gate.totals import unmasked
from enclaves.gate.verifying import Verified
from enclaves.protocols.sealing import open_sealed, seal
from enclaves.run.errors import RunRefused
from enclaves.run.papers import recipient_of
from enclaves.transport.party import sealing_key
from enclaves.transport.sealed_mail import cells_info, table_info, table_review_info
from policies.aggregate.keys import from_wire
from policies.aggregate.layout import Layout
from policies.aggregate.question import asked_of
from policies.aggregate.terms import limits_of, terms_of
from policies.disclosure.cells import Key
from policies.disclosure.noised import with_noise
from policies.disclosure.presenting import Having, Order, Table, present
from policies.disclosure.release import judge
from policies.disclosure.rendering import as_arrow, as_csv, as_json
from policies.documents import strict_json
from policies.documents.fields import instant, instant_text
from policies.documents.job import ReviewCopy, SealedTable, TableRelease
from policies.documents.query import ResultFormat
from policies.documents.trust import PartyEntry, Role
from policies.sql.query import KeyItem, Nulls
from policies.sql.query import Query as Statement

VALIDITY: Final = timedelta(days=365)
MAX_TABLE_BYTES: Final = 4 << 20
_WRITERS: Final[Mapping[ResultFormat, Callable[[Table], bytes]]] = MappingProxyType(
    {ResultFormat.CSV: as_csv, ResultFormat.JSON: as_json, ResultFormat.ARROW: as_arrow}
)


def table_release(house: House, verified: Verified) -> TableRelease:
    """Open, judge, write and seal the table; its bytes are durable on the shelf, reviewers' copies are put. Raises first."""
    papers = verified.papers
    plan, authorization = papers.plan, papers.authorization
    if authorization is None:
        raise RunRefused("authorization_missing", "expected an authorization for a release, got none")
    table = _table(house, verified)
    report = table.report.as_json()
    payload = strict_json.canonical(
        {
            "format": papers.asking.query.format.value,
            "table": base64.b64encode(_written(table, papers.asking.query.format)).decode(),
            "report": report,
        }
    )
    recipient = recipient_of(plan, house.trust)
    sealed = seal(sealing_key(recipient, "a recipient"), payload, info=table_info(papers.run, plan.recipient))
    review = table.report.needs_review or not house.shelf.has_reviewed(authorization.digest)
    expires_at = min(house.now() + VALIDITY, instant(authorization.term.not_after))
    return TableRelease(
        id=f"table-{papers.run[:16]}",
        gate=house.party,
        run=papers.run,
        job=plan.job,
        authorization=authorization.digest,
        query=papers.asking.query.digest,
        recipient=plan.recipient,
        recipient_sealing_key=plan.recipient_sealing_key,
        cells=table.report.cells,
        report=strict_json.digest(report),
        sealed=SealedTable(
            sha256=house.shelf.write(plan.sid, [sealed]),
            size=len(sealed),
            expires_at=instant_text(expires_at),
        ),
        review=review,
        reviewers=_copies(house, verified, payload) if review else (),
        issued_at=instant_text(house.now()),
    )


def _table(house: House, verified: Verified) -> Table:
    papers = verified.papers
    work = papers.asking
    asked = asked_of(work.query, papers.job.parameters, scenario=papers.scenario, datasets=work.datasets)
    statement = next((v.query for v in asked.verdicts.values() if v.query is not None), None)
    if asked.layout is None or statement is None:
        raise RunRefused("query_refused", "expected a governed question, got another")
    (totals,) = unmasked(house, verified)
    cells, universe = asked.layout.cells(totals, _keys(house, verified, asked.layout))
    judged = judge(
        cells,
        limits_of(papers.authorization),
        universe=universe,
        # Whose parts are in the sum: in a run that recovers, the survivors.
        n_domains=len(verified.contributions),
        bilateral=terms_of(papers.authorization).bilateral,
    )
    if asked.noise is not None:
        judged = with_noise(judged, asked.layout.noised_copy(totals), privacy=asked.noise.as_json())
    return present(
        judged,
        having=None if statement.having is None else Having(statement.having.at_least),
        order=_order(statement),
        limit=statement.limit,
        public_keys=asked.layout.groups is not None,
    )


def _order(statement: Statement) -> list[Order]:
    """ORDER BY in the columns of the table: keys first, then measures."""
    keys = [i for i, item in enumerate(statement.items) if isinstance(item, KeyItem)]
    columns = keys + [i for i in range(len(statement.items)) if i not in keys]
    return [
        Order(columns.index(order.item), order.descending, order.nulls is Nulls.LAST)
        for order in statement.order
    ]


def _keys(house: House, verified: Verified, layout: Layout) -> Sequence[tuple[Key, ...]]:
    """The public dictionary, or the keys the one domain sealed to the gate."""
    sealed = [contribution.cells for contribution in verified.contributions]
    if layout.groups is not None:
        if any(sealed):
            raise RunRefused("cells_unexpected", "expected no keys beside a public dictionary, got some")
        return layout.groups
    if len(sealed) != 1 or sealed[0] is None:
        raise RunRefused("cells_missing", "expected the keys of one domain's cells, got none")
    data = house.wire.get_attachment(sealed[0])
    if hashlib.sha256(data).hexdigest() != sealed[0]:
        raise RunRefused("cells_mismatch", "expected the keys that were signed, got others")
    info = cells_info(verified.papers.run, verified.contributions[0].enclave)
    return _read_keys(open_sealed(house.sealing, data, info=info), width=len(layout.shape.keys))


def _read_keys(data: bytes, *, width: int) -> list[tuple[Key, ...]]:
    keys = strict_json.parse(data, max_bytes=1 << 20)
    if not isinstance(keys, list):
        raise RunRefused("cells_mismatch", "expected a list of keys, got another form")
    found = [tuple(map(from_wire, key)) for key in keys if isinstance(key, list) and len(key) == width]
    if len(found) != len(keys):
        raise RunRefused("cells_mismatch", f"expected {width} keys in each cell, got others")
    return found


def _written(table: Table, form: ResultFormat) -> bytes:
    data = _WRITERS[form](table)
    if len(data) > MAX_TABLE_BYTES:
        raise RunRefused(
            "table_too_large", f"expected at most {MAX_TABLE_BYTES} bytes of table, got {len(data)}"
        )
    return data


def _copies(house: House, verified: Verified, payload: bytes) -> tuple[ReviewCopy, ...]:
    """The table sealed to the examiner and to the enclave of every domain that took part."""
    readers = [house.trust.sole(Role.EXAMINER)]
    readers += [p for m in verified.papers.plan.roster if (p := house.trust.party(m.enclave)) is not None]
    return tuple(_copy(house, verified, reader, payload) for reader in sorted(readers, key=lambda r: r.id))


def _copy(house: House, verified: Verified, reader: PartyEntry, payload: bytes) -> ReviewCopy:
    info = table_review_info(verified.papers.run, reader.id)
    sealed = seal(sealing_key(reader, "a reviewer"), payload, info=info)
    digest = house.wire.put_attachment(sealed, audience=("coordinator", reader.id))
    return ReviewCopy(reviewer=reader.id, sha256=digest)
