"""A whole district in a temporary folder for the coordinator's tests: real keys, a signed trust root, a real server."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from enclaves.protocols.sealing import SealingKey
from enclaves.transport.endpoint import Endpoint
from policies.documents.document import Term
from policies.documents.fields import Bilingual
from policies.documents.trust import LogIdentity, PartyEntry, Role, TrustRoot
from policies.keys import public_key
from sandbox.settings import Settings

DEPARTMENTS = ("hospital", "social", "transport")
WITNESSES = ("enclave-hospital", "enclave-social", "enclave-transport", "gate")
SEALING = base64.b64encode(SealingKey(hashlib.sha256(b"test sealing").digest()).public.raw).decode()
TERM = Term(not_before="2026-01-01T00:00:00Z", not_after="2036-01-01T00:00:00Z")

PARTIES: tuple[tuple[str, Role, str | None], ...] = (
    ("operator", Role.OPERATOR, None),
    ("coordinator", Role.COORDINATOR, "operator"),
    ("agency", Role.AGENCY, None),
    ("examiner", Role.EXAMINER, "agency"),
    ("gate", Role.GATE, "agency"),
    *((name, Role.DEPARTMENT, None) for name in DEPARTMENTS),
    *((f"enclave-{name}", Role.ENCLAVE, name) for name in DEPARTMENTS),
    ("partner", Role.PARTNER, None),
    ("insurer", Role.INSURER, None),
    ("other-insurer", Role.INSURER, None),
    ("consents", Role.CONSENT_SERVICE, None),
    ("auditor", Role.AUDITOR, None),
    ("price-office", Role.AUTHORITY, None),
)


def key_of(name: str) -> Ed25519PrivateKey:
    """A test key that depends on the name alone."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"test {name}".encode()).digest())


def both(text: str) -> Bilingual:
    return Bilingual(zh=text, en=text)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def trust_root() -> TrustRoot:
    return TrustRoot(
        id="trust-root",
        version=1,
        district=both("district"),
        log=LogIdentity(origin="test.example/log", key=public_key(key_of("log")).to_base64()),
        parties=tuple(
            PartyEntry(
                id=name,
                role=role,
                owner=owner,
                name=both(name),
                identity_key=public_key(key_of(name)).to_base64(),
                sealing_key=SEALING if role is not Role.DEPARTMENT else None,
                document=hashlib.sha256(name.encode()).hexdigest(),
            )
            for name, role, owner in PARTIES
        ),
        witnesses=WITNESSES,
        quorum=3,
        term=TERM,
    )


@dataclass
class Site:
    """The files of one coordinator, and its process when it is started."""

    folder: Path
    port: int = field(default_factory=free_port)
    attempt_timeout_s: float = 20
    process: subprocess.Popen[bytes] | None = None
    _endpoints: dict[tuple[str, int], Endpoint] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.trust = trust_root()
        envelope = self.trust.envelope(key_of("agency"), key_of("operator"))
        (self.folder / "trust-root.json").write_bytes(envelope.to_bytes())
        names = {"identity_key": "coordinator", "log_key": "log"}
        keys = {k: base64.b64encode(key_of(v).private_bytes_raw()).decode() for k, v in names.items()}
        (self.folder / "keys.json").write_text(json.dumps(keys))
        (self.folder / "coordinator.toml").write_text(
            f'party = "coordinator"\ntrust_root = "trust-root.json"\npin = "{envelope.digest}"\n'
            f'key_file = "keys.json"\nstate_dir = "state"\nport = {self.port}\n'
            f'public_url = "{self.url}"\nattempt_timeout_s = {self.attempt_timeout_s}\n'
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> Settings:
        return Settings.load(self.folder / "coordinator.toml")

    def endpoint(self, name: str, *, tries: int = 5) -> Endpoint:
        """The client of a party, kept open until the site is closed."""
        if (name, tries) not in self._endpoints:
            self._endpoints[name, tries] = Endpoint(
                self.url, party=name, identity_key=key_of(name), trust=self.trust, tries=tries
            )
        return self._endpoints[name, tries]

    def close(self) -> None:
        self.kill()
        for endpoint in self._endpoints.values():
            endpoint.close()

    def start(self) -> None:
        """Run the real server process and wait until it is ready."""
        code = "import sys, pathlib; from sandbox.cli.serve import serve; serve(pathlib.Path(sys.argv[1]))"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, str(self.folder / "coordinator.toml")], env={**os.environ}
        )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}")
            try:
                if httpx.get(f"{self.url}/readyz", timeout=1).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise RuntimeError("the server did not start")

    def kill(self) -> None:
        """End the process as a power cut would."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self) -> int:
        """Ask the process to end and return its status."""
        if self.process is None:
            return 0
        self.process.terminate()
        status = self.process.wait(timeout=15)
        self.process = None
        return status


def fresh_id() -> str:
    return secrets.token_hex(16)
