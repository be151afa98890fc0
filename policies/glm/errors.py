"""Why a training run is refused."""

from __future__ import annotations

from policies.errors import PolicyError


class GlmInvalid(PolicyError):
    """A model, a column, a round or a sum that is not what a training run allows."""

    code = "glm_invalid"


class GlmWithheld(PolicyError):
    """A contribution that the disclosure rules keep inside; the message never names a person, a row or a value."""

    code = "glm_withheld"


class GlmDiverged(PolicyError):
    """A fit without a finite or unique solution, or that did not settle within its rounds."""

    code = "glm_diverged"
