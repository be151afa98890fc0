"""The subjects of a job: its ordered consent ids, an attachment that the signed job counts and digests."""

from __future__ import annotations

import hashlib

from enclaves.run.errors import RunRefused
from enclaves.run.wire import Wire
from policies.documents.consent import CONSENT_ID_BYTES
from policies.documents.job import Subjects


def fetch(subjects: Subjects, wire: Wire) -> bytes:
    """The packed ids, 16 bytes a slot. Raises RunRefused(`subjects_mismatch`)."""
    ids = wire.get_attachment(subjects.sha256)
    if len(ids) != subjects.count * CONSENT_ID_BYTES or hashlib.sha256(ids).hexdigest() != subjects.sha256:
        raise RunRefused("subjects_mismatch", "expected the subjects that the job counts, got others")
    return ids
