"""`domicile serve`: the coordinator as a process, until it is told to stop.

TLS, when set, is mutual TLS 1.3 against the district's own CA; who a caller is comes from request signatures all the
same, because the server does not show the peer certificate to the application (protocols.md section 9.2).
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Annotated, Any

import typer
import uvicorn

from enclaves.transport.problem import unavailable
from sandbox.settings import Settings


def serve(
    config: Annotated[Path, typer.Option("--config", help="coordinator.toml", exists=True, dir_okay=False)],
) -> None:
    """Serve the coordinator of `config` until SIGTERM or SIGINT; requests under way are answered first."""
    from sandbox.api.app import create_app

    settings = Settings.load(config)
    # The port first: a second coordinator must not touch the state of the one that runs.
    with listening(settings.host, settings.port) as listener:
        app = create_app(settings)
        server = Server(server_config(settings, app), before_stopping=app.state.district.bell.stop)
        typer.echo(f"coordinator at {settings.public_url}; stop with Ctrl-C", err=True)
        # The server stops by itself on Ctrl-C and then passes the signal on.
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])


class Server(uvicorn.Server):
    """A server that lets waiting parties go before it waits for the requests under way."""

    def __init__(self, config: uvicorn.Config, *, before_stopping: Callable[[], None]) -> None:
        super().__init__(config)
        self._before_stopping = before_stopping

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._before_stopping()
        await super().shutdown(sockets)


def listening(host: str, port: int) -> socket.socket:
    """A socket bound to `host`:`port`; raises Unavailable, for example when another process listens there already."""
    with ExitStack() as undone:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            family, kind, protocol, _, address = found[0]
            listener = undone.enter_context(socket.socket(family, kind, protocol))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            raise unavailable(f"expected to listen at {host}:{port}, got `{reason}`") from None
        undone.pop_all()
    return listener


def server_config(settings: Settings, app: Any) -> uvicorn.Config:
    """How uvicorn runs: uvloop and httptools, no access log (ids would be all it may say), graceful stop."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
        ssl_ca_certs=str(settings.tls_client_ca) if settings.tls_client_ca else None,
        ssl_cert_reqs=ssl.CERT_REQUIRED if settings.tls_client_ca else ssl.CERT_NONE,
    )
    if settings.tls_cert is not None:
        config.load()
        require_tls_1_3(config.ssl)
    return config


def require_tls_1_3(context: ssl.SSLContext | None) -> None:
    """Refuse to speak anything older than TLS 1.3."""
    if context is not None:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
