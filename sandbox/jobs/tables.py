"""What comes through the gate of an aggregate: the release it signed, copies for reviewers, then the sealed table.

- The release names exactly this run, job, authorization, query and recipient, sealed to the plan's key.
- Where it asks for review, its copies are for enclaves of the plan and the examiner, enough of them that two organizations
  can approve, and come with the release as attachments the gate put; each is shared with its reviewer and nobody else.
- The table is the attachment the release names by digest and size. It stays the coordinator's to hand out
  (`sandbox.aggregates.fetching`): nobody reads it as an attachment.
"""

from __future__ import annotations

from sqlalchemy import insert

from policies.authorization import check_signed
from policies.documents.envelope import Envelope
from policies.documents.fields import instant
from policies.documents.job import Plan, TableRelease
from policies.documents.trust import Role
from policies.reviewing import MIN_ORGANIZATIONS, reviewers_of
from sandbox.district import District
from sandbox.documents import attachments, registry
from sandbox.jobs import rows
from sandbox.jobs.errors import ReleaseMismatch
from sandbox.jobs.rows import JobRow
from sandbox.store.database import Transaction
from sandbox.store.tables import sealed_tables


def check_release(
    district: District, transaction: Transaction, envelope: Envelope, *, plan: Plan, copies: tuple[str, ...]
) -> TableRelease:
    """The gate's release for this run, its copies shared; raise a refusal for any other."""
    release = TableRelease.read(envelope)
    check_signed(envelope, release, district.trust, revoked_keys=district.halts.revoked_keys)
    named = (release.gate, release.run, release.job, release.authorization, release.query)
    if named != (plan.gate, plan.sid.hex(), plan.job, plan.authorization, plan.query):
        raise ReleaseMismatch("expected a release of this run, got another's")
    if (release.recipient, release.recipient_sealing_key) != (plan.recipient, plan.recipient_sealing_key):
        raise ReleaseMismatch("expected a release sealed to the plan's recipient, got another")
    if instant(release.sealed.expires_at).timestamp() <= district.now:
        raise ReleaseMismatch("expected a release still in force, got an expired one")
    if release.review:
        _check_reviewers(district, release, plan)
    if sorted(copies) != sorted(copy.sha256 for copy in release.reviewers):
        raise ReleaseMismatch("expected one attachment for each reviewer the release names, got others")
    for copy in release.reviewers:
        attachments.check_owned(transaction.connection, copy.sha256, plan.gate)
        attachments.share(district, transaction, copy.sha256, [copy.reviewer])
    return release


def take_over(
    district: District, transaction: Transaction, *, job: JobRow, release: str, attached: tuple[str, ...]
) -> None:
    """Keep the sealed table of the run's release and make it fetchable."""
    connection = transaction.connection
    if release != rows.release_of(connection, job):
        raise ReleaseMismatch("expected the handover of the release that was announced, got another")
    envelope = registry.get(connection, release).envelope
    document = TableRelease.read(envelope)
    if attached != (document.sealed.sha256,):
        raise ReleaseMismatch("expected the attachment the release names, got others")
    size = attachments.check_owned(connection, document.sealed.sha256, document.gate)
    if size != document.sealed.size:
        raise ReleaseMismatch(f"expected a sealed table of {document.sealed.size} bytes, got {size}")
    connection.execute(
        insert(sealed_tables).values(
            release=release,
            job=document.job,
            authorization=document.authorization,
            recipient=document.recipient,
            attachment=document.sealed.sha256,
            expires_at=instant(document.sealed.expires_at).timestamp(),
            envelope=envelope.to_bytes(),
        )
    )


def _check_reviewers(district: District, release: TableRelease, plan: Plan) -> None:
    allowed = {member.enclave for member in plan.roster} | {district.trust.sole(Role.EXAMINER).id}
    if not {copy.reviewer for copy in release.reviewers} <= allowed:
        raise ReleaseMismatch("expected copies for enclaves of the run and the examiner, got another's")
    organizations = set(reviewers_of(release, district.trust).values())
    if len(organizations) < MIN_ORGANIZATIONS:
        raise ReleaseMismatch(
            f"expected reviewers of {MIN_ORGANIZATIONS} organizations, got {len(organizations)}"
        )
