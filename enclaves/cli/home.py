"""The domain directory of a department: its keys, its store, its catalogue.

The key file is readable and writable by its owner only; any wider mode is refused, because whoever reads it can open
every snapshot of the domain.
"""

from __future__ import annotations

import base64
import binascii
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from enclaves.errors import EnclaveError
from policies.documents import strict_json
from policies.documents.strict_json import Json
from policies.errors import PolicyError

KEY_BYTES: Final = 32
KEY_FILE: Final = "domain.key"


class HomeInvalid(EnclaveError):
    """A domain directory whose key file is not what it must be."""

    code = "home_invalid"


class NotFound(EnclaveError):
    """A file or folder that a command was told of and that is not there."""

    code = "not_found"


@dataclass(frozen=True, slots=True)
class DomainKeys:
    """The two secrets of a domain: 32 bytes each."""

    store_key: bytes = field(repr=False)
    pid_key: bytes = field(repr=False)


class Home:
    """A domain directory that exists."""

    def __init__(self, directory: Path) -> None:
        if not directory.is_dir():
            raise NotFound(f"expected a domain directory, got none at `{directory.name}`")
        self.directory = directory

    @property
    def store(self) -> Path:
        return self.directory / "store"

    @property
    def partitions(self) -> Path:
        """On several machines this path is a mount that they share; the keys are not below it."""
        return self.directory / "partitions"

    @property
    def catalog(self) -> Path:
        return self.directory / "catalog"

    def keys(self) -> DomainKeys:
        """The domain's keys; read when needed and not kept."""
        path = self.directory / KEY_FILE
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
            data = path.read_bytes()
        except OSError:
            raise NotFound(f"expected `{KEY_FILE}` in the domain directory, got none") from None
        if mode & 0o077:
            raise HomeInvalid(f"expected `{KEY_FILE}` with mode 0600, got {mode:04o}")
        try:
            body = strict_json.parse_object(data)
        except PolicyError:
            raise HomeInvalid(f"expected `{KEY_FILE}` in JSON, got another text") from None
        return DomainKeys(_key(body, "store_key"), _key(body, "pid_key"))


def _key(body: dict[str, Json], member: str) -> bytes:
    text = body.get(member)
    if isinstance(text, str):
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            data = b""
        if len(data) == KEY_BYTES:
            return data
    raise HomeInvalid(f"expected `{member}` as base64 of {KEY_BYTES} bytes, got another value")
