"""`domicile doctor`: what this machine needs to run domicile, tried rather than looked up.

A coordinator needs Python and its packages; an enclave also bubblewrap, really confining, and DuckDB's httpfs extension,
whose OpenSSL the encrypted stores use. Nothing here needs a browser or a network.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from enclaves.errors import EnclaveError
from policies.documents.strict_json import Json
from sandbox.cli.exits import DONE, UNAVAILABLE
from sandbox.cli.output import Answer, answers

MIN_PYTHON: Final = (3, 11)
HTTPFS: Final = "duckdb-extension-httpfs"
DUCKDB: Final = "duckdb"


@dataclass(frozen=True, slots=True)
class Finding:
    """One need: whether it is met, what was found, what to do if not."""

    name: str
    met: bool
    found: str
    remedy: str = ""


@answers
def doctor() -> Answer:
    """Check Python, confinement and the store's extension; say what is missing."""
    findings = [check() for check in CHECKS]
    items: list[Json] = [
        {"check": f.name, "met": f.met, "found": f.found, "remedy": f.remedy} for f in findings
    ]
    lines = [
        f"{'ok     ' if f.met else 'missing'}  {f.name}: {f.found}{'' if f.met else f'; {f.remedy}'}"
        for f in findings
    ]
    met = all(f.met for f in findings)
    return Answer({"ready": met, "checks": items}, lines, status=DONE if met else UNAVAILABLE)


def check_python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", sys.version_info >= MIN_PYTHON, found, "install Python 3.11 or later")


def check_confinement() -> Finding:
    """Runs the self-test that every enclave runs before its first worker."""
    from enclaves.isolation.bubblewrap import bwrap_path
    from enclaves.isolation.confined import check_isolation

    name = "worker confinement (bubblewrap)"
    try:
        check_isolation(bwrap_path())
    except EnclaveError as error:
        return Finding(name, False, str(error)[:200], "allow unprivileged user namespaces on this host")
    return Finding(name, True, "self-test passed: no network, no host files, no new privileges")


def check_extension() -> Finding:
    """The extension's wheel must be that of the installed DuckDB, to the patch."""
    name = "DuckDB httpfs extension"
    try:
        extension, engine = distribution(HTTPFS), distribution(DUCKDB)
    except PackageNotFoundError as error:
        return Finding(name, False, f"package {error.name} is not installed", "install the locked packages")
    files = [file for file in extension.files or () if file.name.endswith(".duckdb_extension")]
    present = any(Path(str(extension.locate_file(file))).is_file() for file in files)
    fits = present and extension.version == engine.version
    found = f"{extension.version} for DuckDB {engine.version}{'' if present else ', file missing'}"
    return Finding(name, fits, found, "install the extension of the same version as DuckDB")


CHECKS: Final[tuple[Callable[[], Finding], ...]] = (check_python, check_confinement, check_extension)
