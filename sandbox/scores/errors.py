"""What scores and consents refuse; each is a refusal (403) at the border."""

from __future__ import annotations

from policies.errors import PolicyError


class SlotsMismatch(PolicyError):
    """An attachment of sealed slots that is not the one the release covers."""

    code = "release_mismatch"


class ConsentConflict(PolicyError):
    """A consent that cannot be registered as it is stated."""

    code = "consent_conflict"
