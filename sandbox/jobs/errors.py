"""What a job's relay refuses; each is a refusal (403) at the border."""

from __future__ import annotations

from policies.errors import PolicyError


class NotInRun(PolicyError):
    """A message by a party that has no part in the run, or about another run."""

    code = "not_in_run"


class RunConflict(PolicyError):
    """A second, different message where a run has room for one: sessions are one-shot."""

    code = "run_conflict"


class ReleaseMismatch(PolicyError):
    """A release or handover that does not fit its run."""

    code = "release_mismatch"


class ReviewNotAllowed(PolicyError):
    """A review by a party that the table was not shown to, or of a release that is not under review."""

    code = "review_not_allowed"
