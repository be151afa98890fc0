"""Where a district founded on one machine keeps what, and how to read it back.

    <district>/trust-root.json           the envelope signed by agency and operator
    <district>/district.toml             pin and url
    <district>/<party>/party.json        the party's own signed document
    <district>/<party>/keys.json         private keys, mode 0600
    <district>/<party>/client.toml       settings of the party's SDK and command line
    <district>/coordinator/coordinator.toml, <district>/<gate>/gate.toml, <district>/<enclave>/enclave.toml
    <district>/<enclave>/home/domain.key domain keys, mode 0600; beside it store/, catalog/ and state/
    <district>/ca.d/                     with mutual TLS: the private CA

In a real district each folder lies on its party's own machine; here they lie side by side, and what keeps the parties
apart are their keys.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Self

from enclaves.transport.party import PartyConfig, PartyKeys
from policies.authorization import check_trust_root
from policies.documents import envelope as dsse
from policies.documents.trust import Role, TrustRoot
from policies.errors import PolicyError
from sandbox.errors import SandboxError

TRUST_ROOT: Final = "trust-root.json"
DISTRICT: Final = "district.toml"
COORDINATOR: Final = "coordinator"
"""Party id and folder of the coordinator; messages to it are addressed so (docs/protocol.md section 3)."""
PROCESS_FILES: Final[Mapping[Role, tuple[str, tuple[str, ...]]]] = {
    Role.COORDINATOR: ("coordinator.toml", ("serve",)),
    Role.ENCLAVE: ("enclave.toml", ("enclave", "run")),
    Role.GATE: ("gate.toml", ("gate", "run")),
}


class FoundingRefused(SandboxError):
    """A folder that is no district, or a district that cannot be founded there."""

    code: ClassVar[str] = "malformed"


@dataclass(frozen=True, slots=True)
class Founder:
    """One party to be founded: id, role, the organization it belongs to, its names."""

    id: str
    role: Role
    zh: str
    en: str
    owner: str | None = None

    @property
    def seals(self) -> bool:
        """Whether something is sealed to this party, so that it needs a sealing key."""
        return self.role in {Role.ENCLAVE, Role.GATE, Role.EXAMINER, Role.INSURER}


@dataclass(frozen=True, slots=True)
class FoundedDistrict:
    """A district on disk; `trust` is checked against `pin`."""

    directory: Path
    trust: TrustRoot
    pin: str
    url: str

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read a founded district; raise `FoundingRefused`."""
        try:
            values = tomllib.loads((directory / DISTRICT).read_text(encoding="utf-8"))
            pin, url = str(values["pin"]), str(values["url"])
            trust = check_trust_root(dsse.parse((directory / TRUST_ROOT).read_bytes()), pin)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError) as error:
            raise FoundingRefused(
                f"expected a district in `{directory.name}`, got {type(error).__name__}"
            ) from None
        except PolicyError as error:
            raise FoundingRefused(f"trust root: {error}") from None
        return cls(directory, trust, pin, url)

    def folder(self, party: str) -> Path:
        """The folder of a party; raise `FoundingRefused` for one the district does not have."""
        if self.trust.party(party) is None:
            raise FoundingRefused(f"expected a party of the district, got `{party[:63]}`")
        return self.directory / party

    def config(self, party: str) -> PartyConfig:
        return PartyConfig.load(self.folder(party) / "client.toml")

    def keys(self, party: str) -> PartyKeys:
        return PartyKeys.load(self.folder(party) / "keys.json")

    def processes(self) -> dict[str, tuple[str, ...]]:
        """Party id → arguments of `domicile`, coordinator first, then enclaves and gate."""
        found = {}
        for role, (file, command) in PROCESS_FILES.items():
            for party in self.trust.parties:
                if party.role is role:
                    found[party.id] = (*command, "--config", str(self.directory / party.id / file))
        return found
