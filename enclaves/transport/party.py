"""One party on one machine: its settings file, its private keys, and the line to the coordinator they open.

A settings file (TOML) names the party, the coordinator's url, the trust root with its pin and the key file; processes add
members of their own. A key file (JSON, mode 0600) holds the Ed25519 identity key and, where the party has one, the
X-Wing sealing seed, both as base64 of 32 bytes:

    {"identity_key": "…", "sealing_key": "…" or null}

Paths are relative to the settings file. A key that the trust root does not pin for this party is refused at the start.
"""

from __future__ import annotations

import base64
import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ConfigDict, ValidationError

from enclaves.protocols.errors import ProtocolError
from enclaves.protocols.sealing import SealingKey, SealingPublicKey
from enclaves.transport.channel import ClientCertificate
from enclaves.transport.endpoint import Endpoint
from enclaves.transport.errors import TransportError
from policies.authorization import check_trust_root
from policies.documents import envelope as dsse
from policies.documents.document import first_problem
from policies.documents.envelope import Envelope
from policies.documents.fields import Party, Sha256
from policies.documents.trust import PartyEntry, TrustRoot


class PartyFilesInvalid(TransportError):
    """A settings or key file that cannot be used; the message never quotes it."""

    code: ClassVar[str] = "malformed"


@dataclass(frozen=True, slots=True)
class PartyKeys:
    """A party's private keys; `sealing` only where something is sealed to it."""

    identity: Ed25519PrivateKey = field(repr=False)
    sealing: SealingKey | None = field(default=None, repr=False)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a key file; raise `PartyFilesInvalid`."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            identity = Ed25519PrivateKey.from_private_bytes(_raw(values["identity_key"]))
            seed = values.get("sealing_key")
            return cls(identity, None if seed is None else SealingKey(_raw(seed)))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ProtocolError) as error:
            raise PartyFilesInvalid(
                f"expected a key file with identity_key and sealing_key, got {type(error).__name__}"
            ) from None

    def to_json(self) -> dict[str, str | None]:
        """What a key file holds."""
        return {
            "identity_key": base64.b64encode(self.identity.private_bytes_raw()).decode(),
            "sealing_key": None if self.sealing is None else base64.b64encode(self.sealing.seed).decode(),
        }


class PartyConfig(BaseModel):
    """What every party's settings file says; `ca`, `certificate` and `certificate_key` with mutual TLS."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    party: Party
    url: str
    trust_root: Path
    pin: Sha256
    keys: Path
    ca: Path | None = None
    certificate: Path | None = None
    certificate_key: Path | None = None

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a settings file; raise `PartyFilesInvalid`. Subclasses add members."""
        try:
            values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
            config = cls.model_validate(values)
        except (OSError, UnicodeDecodeError) as error:
            raise PartyFilesInvalid(f"expected a readable {path.name}, got {type(error).__name__}") from None
        except tomllib.TOMLDecodeError as error:
            raise PartyFilesInvalid(f"{path.name}: expected TOML, got {str(error)[:120]}") from None
        except ValidationError as error:
            raise PartyFilesInvalid(f"{path.name}: {first_problem(error)}") from None
        base = path.resolve().parent
        located = {name: base / value for name, value in config if isinstance(value, Path)}
        return config.model_copy(update=located)

    def trust(self) -> TrustRoot:
        """The pinned trust root, its signatures checked."""
        return check_trust_root(self.trust_envelope(), self.pin)

    def trust_envelope(self) -> Envelope:
        try:
            return dsse.parse(self.trust_root.read_bytes())
        except OSError as error:
            raise PartyFilesInvalid(f"expected a readable trust root, got {type(error).__name__}") from None

    def endpoint(self, keys: PartyKeys) -> Endpoint:
        """A line to the coordinator, signed with `keys`."""
        certificate = None
        if self.certificate is not None and self.certificate_key is not None:
            certificate = ClientCertificate(self.certificate, self.certificate_key)
        return Endpoint(
            self.url,
            party=self.party,
            identity_key=keys.identity,
            trust=self.trust(),
            ca=self.ca,
            client_cert=certificate,
        )


def sealing_key(entry: PartyEntry | None, role: str) -> SealingPublicKey:
    """The pinned sealing key of a party; raise TransportError if it has none. `role` says who was expected."""
    if entry is None or entry.sealing_key is None:
        raise TransportError(f"expected {role} with a sealing key in the trust root, got none")
    try:
        return SealingPublicKey(base64.b64decode(entry.sealing_key))
    except ProtocolError:
        raise TransportError(f"expected a usable sealing key of `{entry.id}`, got another") from None


def _raw(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
