"""Why noise is not drawn."""

from __future__ import annotations

from enclaves.errors import EnclaveError


class NoiseRefused(EnclaveError):
    """Noise of a kind or size that cannot be drawn exactly, or that could leave 64 bits."""

    code = "noise_refused"
