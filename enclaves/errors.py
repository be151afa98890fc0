"""The root of everything the enclave layer can refuse.

Each class carries a stable `code`; the border maps codes to HTTP problems and exit statuses in one table.
"""

from typing import ClassVar


class EnclaveError(Exception):
    """Something in the enclave layer was refused or failed."""

    code: ClassVar[str] = "enclave_error"
