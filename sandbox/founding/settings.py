"""The settings files of a founded district: what each process and each party's command line reads at the start."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from policies.documents.trust import Role
from sandbox.founding.layout import PROCESS_FILES, TRUST_ROOT, Founder

_CERTIFICATES: Final[Mapping[str, str | int]] = {
    "ca": "../ca.d/ca.pem",
    "certificate": "certificate.pem",
    "certificate_key": "certificate.key",
}


def write(folder: Path, founder: Founder, *, pin: str, url: str, host: str, port: int, tls: bool) -> None:
    """Write the settings files of one party into its folder."""
    common: dict[str, str | int] = {
        "party": founder.id,
        "url": url,
        "trust_root": f"../{TRUST_ROOT}",
        "pin": pin,
        "keys": "keys.json",
    }
    client = {**common, **(_CERTIFICATES if tls else {})}
    _write(folder / "client.toml", client)
    match founder.role:
        case Role.ENCLAVE:
            department = founder.owner or ""
            _write(folder / _file(founder), {**client, "department": department, "home": "home"})
        case Role.GATE:
            _write(folder / _file(founder), {**client, "home": "home"})
        case Role.COORDINATOR:
            _write(
                folder / _file(founder),
                _coordinator(founder, pin=pin, url=url, host=host, port=port, tls=tls),
            )
        case _:
            pass


def toml(values: Mapping[str, str | int]) -> str:
    """Flat TOML. A JSON string is a TOML basic string for every text that JSON escapes (TOML 1.0 section Strings)."""
    return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())


def _file(founder: Founder) -> str:
    return PROCESS_FILES[founder.role][0]


def _coordinator(
    founder: Founder, *, pin: str, url: str, host: str, port: int, tls: bool
) -> dict[str, str | int]:
    values: dict[str, str | int] = {
        "party": founder.id,
        "trust_root": f"../{TRUST_ROOT}",
        "pin": pin,
        "key_file": "keys.json",
        "state_dir": "state",
        "host": host,
        "port": port,
        "public_url": url,
    }
    if tls:
        values |= {
            "tls_cert": "certificate.pem",
            "tls_key": "certificate.key",
            "tls_client_ca": "../ca.d/ca.pem",
        }
    return values


def _write(path: Path, values: Mapping[str, str | int]) -> None:
    path.write_text(toml(values), encoding="utf-8")
