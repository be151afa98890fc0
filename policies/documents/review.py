"""The human check of what is about to leave (L8): one reviewer's signed word about one release.

A table whose release asks for review is handed over when two reviewers of two organizations have approved it, and never once
one has rejected it (`policies.reviewing`). A reason is mandatory either way.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from policies.documents.document import Document
from policies.documents.fields import Bilingual, Instant, Party, Sha256


class Finding(StrEnum):
    """A reviewer's word."""

    APPROVE = "approve"
    REJECT = "reject"


class OutputReview(Document):
    """One reviewer's finding about one `table-release`; signed by the reviewer."""

    kind: ClassVar[str] = "output-review"

    reviewer: Party
    release: Sha256
    finding: Finding
    reason: Bilingual
    reviewed_at: Instant
