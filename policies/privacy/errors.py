"""Why privacy arithmetic is refused."""

from __future__ import annotations

from policies.errors import PolicyError


class PrivacyInvalid(PolicyError):
    """A privacy parameter that is missing, out of range or not exact."""

    code = "privacy_invalid"
