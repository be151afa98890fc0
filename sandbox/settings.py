"""How one coordinator is set up: a TOML file read once at the start.

```toml
party = "coordinator"
trust_root = "trust-root.json"
pin = "64 hex digits"
key_file = "coordinator.key.json"      # {"identity_key": base64, "log_key": base64}, raw 32-byte Ed25519 keys
state_dir = "state"
host = "127.0.0.1"
port = 8300
public_url = "http://127.0.0.1:8300"   # its authority is what callers sign
attempt_timeout_s = 20
# tls_cert, tls_key, tls_client_ca: mutual TLS 1.3 when all three are given
```

Paths are relative to the file. An unknown member is refused: a misspelled setting must not fall back in silence.
"""

from __future__ import annotations

import base64
import binascii
import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Self
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from policies.documents.document import first_problem
from policies.documents.fields import Party, Sha256
from sandbox.errors import SandboxError


class SettingsInvalid(SandboxError):
    """A settings or key file that cannot be used."""

    code: ClassVar[str] = "malformed"


class Settings(BaseModel):
    """The settings of a coordinator; see the module for each member."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    party: Party
    trust_root: Path
    pin: Sha256
    key_file: Path
    state_dir: Path
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8300
    public_url: str
    attempt_timeout_s: Annotated[float, Field(ge=0.2, le=3600)] = 20
    """Seconds a run waits for an answer before it is begun anew."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        given = [path is not None for path in (self.tls_cert, self.tls_key, self.tls_client_ca)]
        if any(given) and not all(given):
            raise ValueError("expected tls_cert, tls_key and tls_client_ca together")
        if not urlsplit(self.public_url).netloc:
            raise ValueError("expected public_url with a host")
        return self

    @property
    def authority(self) -> str:
        """What `@authority` of every signed request must be."""
        return urlsplit(self.public_url).netloc.lower()

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read `path`; raise `SettingsInvalid`."""
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
            settings = cls.model_validate(values)
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsInvalid(f"expected a readable settings file, got {type(error).__name__}") from None
        except tomllib.TOMLDecodeError as error:
            raise SettingsInvalid(f"expected TOML, got {str(error)[:120]}") from None
        except ValidationError as error:
            raise SettingsInvalid(f"settings: {first_problem(error)}") from None
        base = path.resolve().parent
        located = {
            name: base / value for name, value in settings if isinstance(value, Path) and value is not None
        }
        return settings.model_copy(update=located)


@dataclass(frozen=True, slots=True)
class CoordinatorKeys:
    """The coordinator's identity key and the evidence log's key."""

    identity: Ed25519PrivateKey = field(repr=False)
    log: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a key file; raise `SettingsInvalid` without quoting it."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            keys = [base64.b64decode(values[name], validate=True) for name in ("identity_key", "log_key")]
            identity, log = (Ed25519PrivateKey.from_private_bytes(key) for key in keys)
        except (OSError, UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError) as error:
            raise SettingsInvalid(
                f"expected a key file with identity_key and log_key, got {type(error).__name__}"
            ) from None
        except (binascii.Error, ValueError):
            raise SettingsInvalid("expected keys as base64 of 32 bytes, got others") from None
        return cls(identity, log)
