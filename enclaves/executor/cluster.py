"""Where a Ray cluster may be: on this machine's own loopback, or elsewhere under Ray's TLS.

Rules:
- A task carries pids and the key of its partition, and whoever reaches a Ray port may run code. So an address that other
  machines can reach is refused unless this process speaks TLS with certificates of both sides, as Ray reads it from its
  environment (`RAY_USE_TLS` and three files; Ray's manual, section TLS Authentication). Every node must be started so too.
- The same is asked of every node that the cluster has when a run connects: a head on loopback may have been joined from afar.
- A name other than `localhost` counts as elsewhere, whatever it means today.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from enclaves.executor.errors import ClusterExposed, ExecutorUnavailable, SettingInvalid

LOOPBACK: Final = "127.0.0.1"
CONNECT_SECONDS: Final = 5.0
TLS_FILES: Final = ("RAY_TLS_SERVER_CERT", "RAY_TLS_SERVER_KEY", "RAY_TLS_CA_CERT")


def host_and_port(address: str) -> tuple[str, int]:
    """`host:port`, IPv6 in brackets. Raises SettingInvalid."""
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    if not host or "/" in host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
        raise SettingInvalid(f"expected the cluster's address as host:port, got `{address[:80]}`")
    return host, int(port)


def check_answering(address: str) -> None:
    """Raise ExecutorUnavailable unless something listens at `host:port`; Ray itself would try for minutes."""
    host, port = host_and_port(address)
    try:
        socket.create_connection((host, port), timeout=CONNECT_SECONDS).close()
    except (OSError, ValueError):
        raise ExecutorUnavailable("expected a Ray cluster at the address, got no answer") from None


def check_private(hosts: Iterable[str], environment: Mapping[str, str]) -> None:
    """Raise ClusterExposed if one of `hosts` is beyond loopback and `environment` does not have Ray speak TLS."""
    beyond = [host for host in hosts if not is_loopback(host)]
    if not beyond:
        return
    if environment.get("RAY_USE_TLS") != "1":
        raise ClusterExposed(
            f"expected RAY_USE_TLS=1 for a cluster beyond loopback, at `{beyond[0][:80]}`, got none:"
            " start it and this process with Ray's TLS settings"
        )
    for name in TLS_FILES:
        if not Path(environment.get(name, "")).is_file():
            raise ClusterExposed(f"expected a file in {name} for a cluster beyond loopback, got none")


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can reach `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
