"""Founds a district on one machine: what `domicile init` does.

Rules:
- Every party gets keys of its own, drawn here and written once, mode 0600; nothing is derived from anything.
- The trust root pins them all and is signed by agency and operator; its digest is the pin.
- Witnesses are the enclaves and the gate, the quorum floor(2m/3)+1.
- An existing district is never overwritten: its keys may be the only ones.

In a real district each party draws its keys on its own machine (`domicile party keygen`) and agency and operator put the
party documents together; the files are the same.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from enclaves.protocols.sealing import SealingKey
from enclaves.transport.party import PartyKeys
from policies.documents.document import Term
from policies.documents.envelope import Envelope
from policies.documents.fields import Bilingual, instant_text
from policies.documents.trust import LogIdentity, PartyDocument, PartyEntry, Role, TrustRoot
from policies.keys import public_key
from sandbox.founding import settings
from sandbox.founding.certificates import Authority
from sandbox.founding.layout import (
    COORDINATOR,
    DISTRICT,
    TRUST_ROOT,
    FoundedDistrict,
    Founder,
    FoundingRefused,
)

YEARS: Final = 2
DEPARTMENTS: Final = (
    Founder("health-insurance", Role.DEPARTMENT, "医疗保障局", "Health insurance"),
    Founder("hospital", Role.DEPARTMENT, "医院", "Hospital"),
    Founder("social-insurance", Role.DEPARTMENT, "社会保险", "Social insurance"),
)
PARTNERS: Final = (Founder("partner", Role.PARTNER, "平台合作方", "Partner"),)
INSURERS: Final = (Founder("insurer", Role.INSURER, "保险公司", "Insurer"),)
OFFICERS: Final = (
    Founder("operator", Role.OPERATOR, "运营机构", "Operator"),
    Founder(COORDINATOR, Role.COORDINATOR, "运营协调服务", "Coordinator", owner="operator"),
    Founder("agency", Role.AGENCY, "实施机构", "Implementing agency"),
    Founder("examiner", Role.EXAMINER, "模型审核员", "Examiner", owner="agency"),
    Founder("gate", Role.GATE, "出口网关", "Release gate", owner="agency"),
    Founder("consent-service", Role.CONSENT_SERVICE, "授权服务", "Consent service"),
    Founder("auditor", Role.AUDITOR, "审计", "Auditor"),
    Founder("price-authority", Role.AUTHORITY, "价格主管部门", "Price authority"),
)


def create(
    directory: Path,
    *,
    name: Bilingual,
    departments: Sequence[Founder] = DEPARTMENTS,
    partners: Sequence[Founder] = PARTNERS,
    insurers: Sequence[Founder] = INSURERS,
    host: str = "127.0.0.1",
    base_port: int = 8300,
    tls: bool = False,
    now: datetime | None = None,
) -> FoundedDistrict:
    """Write a district into `directory`, which must be empty or absent, and return it.

    Each department gets an enclave `<department>-enclave`. The coordinator listens at `host`:`base_port`; with `tls` by
    mutual TLS 1.3 under a private CA whose certificates last 30 days.
    """
    if directory.exists() and any(directory.iterdir()):
        raise FoundingRefused(f"expected an empty folder, got `{directory.name}` with something in it")
    founders = [*OFFICERS, *departments, *(_enclave(d) for d in departments), *partners, *insurers]
    now = now or datetime.now(UTC)
    keys = {founder.id: _draw(founder) for founder in founders}
    log_key = Ed25519PrivateKey.generate()
    papers = {founder.id: _party_document(founder, keys[founder.id]) for founder in founders}
    trust = _trust_root(name, founders, papers=papers, log_key=log_key, now=now)
    envelope = trust.envelope(keys["agency"].identity, keys["operator"].identity)

    url = f"{'https' if tls else 'http'}://{host}:{base_port}"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / TRUST_ROOT).write_bytes(envelope.to_bytes())
    (directory / DISTRICT).write_text(settings.toml({"pin": envelope.digest, "url": url}), encoding="utf-8")
    authority = Authority.found(directory / "ca.d", now=now) if tls else None
    for founder in founders:
        _write_party(directory / founder.id, founder, keys=keys[founder.id], paper=papers[founder.id])
        if authority is not None:
            authority.issue(directory / founder.id, name=founder.id, hosts=(host, "localhost"), now=now)
        settings.write(
            directory / founder.id, founder, pin=envelope.digest, url=url, host=host, port=base_port, tls=tls
        )
    _add_log_key(directory / COORDINATOR / "keys.json", log_key)
    return FoundedDistrict.load(directory)


def write_private(path: Path, value: object) -> None:
    """Write JSON that only its owner may read; never over an existing file."""
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def draw_keys(*, sealing: bool) -> PartyKeys:
    """Fresh keys of one party."""
    return PartyKeys(Ed25519PrivateKey.generate(), SealingKey.generate() if sealing else None)


def party_document(founder: Founder, keys: PartyKeys) -> Envelope:
    """The party's statement of its own keys, signed by the key it states."""
    return _party_document(founder, keys).envelope(keys.identity)


def _draw(founder: Founder) -> PartyKeys:
    return draw_keys(sealing=founder.seals)


def _enclave(department: Founder) -> Founder:
    return Founder(
        id=f"{department.id}-enclave",
        role=Role.ENCLAVE,
        zh=f"{department.zh}域",
        en=f"{department.en} enclave",
        owner=department.id,
    )


def _party_document(founder: Founder, keys: PartyKeys) -> PartyDocument:
    return PartyDocument(
        id=founder.id,
        name=Bilingual(zh=founder.zh, en=founder.en),
        role=founder.role,
        owner=founder.owner,
        responsible=founder.en,
        identity_key=public_key(keys.identity).to_base64(),
        sealing_key=None if keys.sealing is None else base64.b64encode(keys.sealing.public.raw).decode(),
    )


def _trust_root(
    name: Bilingual,
    founders: Sequence[Founder],
    *,
    papers: dict[str, PartyDocument],
    log_key: Ed25519PrivateKey,
    now: datetime,
) -> TrustRoot:
    witnesses = [f.id for f in founders if f.role in {Role.ENCLAVE, Role.GATE}]
    return TrustRoot(
        id="trust-root",
        version=1,
        district=name,
        log=LogIdentity(origin=f"domicile.local/{secrets.token_hex(4)}", key=public_key(log_key).to_base64()),
        parties=tuple(_entry(papers[founder.id]) for founder in founders),
        witnesses=tuple(witnesses),
        quorum=2 * len(witnesses) // 3 + 1,
        term=Term(
            not_before=instant_text(now - timedelta(minutes=5)),
            not_after=instant_text(now + timedelta(days=365 * YEARS)),
        ),
    )


def _entry(paper: PartyDocument) -> PartyEntry:
    return PartyEntry(
        id=paper.id,
        role=paper.role,
        owner=paper.owner,
        name=paper.name,
        identity_key=paper.identity_key,
        sealing_key=paper.sealing_key,
        document=paper.digest,
    )


def _write_party(folder: Path, founder: Founder, *, keys: PartyKeys, paper: PartyDocument) -> None:
    folder.mkdir()
    write_private(folder / "keys.json", keys.to_json())
    (folder / "party.json").write_bytes(paper.envelope(keys.identity).to_bytes())
    if founder.role is Role.ENCLAVE:
        home = folder / "home"
        for room in ("store", "catalog", "state"):
            (home / room).mkdir(parents=True)
        write_private(home / "domain.key", {name: _random_key() for name in ("store_key", "pid_key")})
    if founder.role is Role.GATE:
        (folder / "home" / "state").mkdir(parents=True)


def _add_log_key(path: Path, log_key: Ed25519PrivateKey) -> None:
    values = json.loads(path.read_text(encoding="utf-8"))
    values["log_key"] = base64.b64encode(log_key.private_bytes_raw()).decode()
    path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def _random_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()
