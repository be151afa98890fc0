"""What comes through the gate: the release it signed, then the sealed slots, both checked against the run.

- The release (or a vet job's band counts) is signed by the gate and names exactly this job, run, model and recipient.
- The slots are the attachment the release names by digest; shelving them (`sandbox.scores.shelf`) recomputes the Merkle
  root, so that no slot can be handed over that the gate's signature does not cover.
"""

from __future__ import annotations

from sqlalchemy import select, update

from policies.authorization import check_signed
from policies.documents.envelope import Envelope
from policies.documents.fields import instant
from policies.documents.job import Plan, Release
from policies.documents.vetting import VetBands
from sandbox.district import District
from sandbox.documents import attachments, registry
from sandbox.jobs import rows
from sandbox.jobs.errors import ReleaseMismatch
from sandbox.jobs.intake import read_subjects
from sandbox.jobs.rows import JobRow
from sandbox.scores.shelf import shelve
from sandbox.store.database import Transaction
from sandbox.store.tables import runs


def check_release(
    district: District, transaction: Transaction, envelope: Envelope, *, job: JobRow, plan: Plan
) -> None:
    """Raise a refusal unless `envelope` is the gate's release for this run."""
    model = rows.model_of(transaction.connection, plan.scored_model)
    if job.vet:
        bands = VetBands.read(envelope)
        check_signed(envelope, bands, district.trust, revoked_keys=district.halts.revoked_keys)
        stated = (bands.gate, bands.job, bands.model, len(bands.counts))
        if stated != (plan.gate, plan.job, plan.model, model.bands):
            raise ReleaseMismatch("expected the band counts of this run, got others")
        return
    release = Release.read(envelope)
    check_signed(envelope, release, district.trust, revoked_keys=district.halts.revoked_keys)
    named = (release.gate, release.run, release.job, release.authorization, release.model)
    if named != (plan.gate, plan.sid.hex(), plan.job, plan.authorization, plan.model):
        raise ReleaseMismatch("expected a release of this run, got another's")
    if (release.recipient, release.recipient_sealing_key) != (plan.recipient, plan.recipient_sealing_key):
        raise ReleaseMismatch("expected a release sealed to the plan's recipient, got another")
    if release.bands != model.bands:
        raise ReleaseMismatch(f"expected {model.bands} bands, got {release.bands}")
    if instant(release.sealed.expires_at).timestamp() <= district.now:
        raise ReleaseMismatch("expected a release still in force, got an expired one")


def keep_release(district: District, transaction: Transaction, envelope: Envelope, *, run: str) -> None:
    """Store the release and note it for its run."""
    registry.keep(district, transaction, envelope)
    transaction.connection.execute(update(runs).where(runs.c.sid == run).values(release=envelope.digest))


def take_over(
    district: District, transaction: Transaction, *, job: JobRow, release: str, attached: tuple[str, ...]
) -> None:
    """Shelve the slots of the run's release; a vet job has none."""
    connection = transaction.connection
    known = connection.execute(select(runs.c.release).where(runs.c.sid == job.run)).scalar()
    if release != known:
        raise ReleaseMismatch("expected the handover of the release that was announced, got another")
    if job.vet:
        return
    envelope = registry.get(connection, release).envelope
    document = Release.read(envelope)
    if attached != (document.sealed.slots,):
        raise ReleaseMismatch("expected the attachment the release names, got others")
    attachments.check_owned(connection, document.sealed.slots, document.gate)
    consent_ids = read_subjects(district, connection, rows.job_document(connection, job))
    shelve(district, transaction, envelope, release=document, consent_ids=consent_ids)
