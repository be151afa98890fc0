"""What a worker refuses. Its parent sees the code alone: an error text could carry a value."""

from __future__ import annotations

from typing import ClassVar

from enclaves.errors import EnclaveError


class OrderInvalid(EnclaveError):
    """An order that does not fit its form."""

    code: ClassVar[str] = "order_invalid"
