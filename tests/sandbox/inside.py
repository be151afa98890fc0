"""The coordinator inside the test's own process: the real application and database, a clock the test moves, ticks on demand.

The same client, signatures and doubles as against the served process (`tests.sandbox.kit`); only the socket is left out.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
from fastapi import FastAPI
from sqlalchemy import func, select
from sqlalchemy.sql.schema import Table

from enclaves.transport.endpoint import Endpoint
from enclaves.transport.signatures import sign_request
from policies.log.entry import Entry
from sandbox.api.app import app_of
from sandbox.district import District, open_district
from sandbox.store.tables import METADATA
from tests.sandbox.kit import Site, key_of


class InProcess(httpx.BaseTransport):
    """Carries a client's requests to an application in this process, one after the other, in one event loop."""

    def __init__(self, app: FastAPI) -> None:
        self._runner = asyncio.Runner()
        self._asgi = httpx.ASGITransport(app, raise_app_exceptions=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._runner.run(self._carry(request))

    async def _carry(self, request: httpx.Request) -> httpx.Response:
        answer = await self._asgi.handle_async_request(request)
        body = b"".join([part async for part in answer.stream])  # type: ignore[union-attr]  # ASGI answers are asynchronous
        return httpx.Response(answer.status_code, headers=answer.headers, content=body, request=request)

    def close(self) -> None:
        self._runner.close()


@dataclass
class Inside(Site):
    """One coordinator in this process. `offset` seconds are added to the clock."""

    offset: float = 0
    district: District = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.open()

    def open(self) -> None:
        """Open the state, as a process does that starts."""
        self.district = open_district(self.settings, clock=lambda: time.time() + self.offset)
        self.app = app_of(self.district)
        self.web = httpx.Client(transport=InProcess(self.app))

    def restart(self) -> None:
        """Close the state and open it again: nothing in memory survives."""
        self._drop()
        self.open()

    def close(self) -> None:
        self._drop()

    def _drop(self) -> None:
        for endpoint in self._endpoints.values():
            endpoint.close()
        self._endpoints.clear()
        self.web.close()
        self.district.database.close()

    def endpoint(self, name: str, *, tries: int = 1) -> Endpoint:
        if (name, tries) not in self._endpoints:
            endpoint = Endpoint(
                self.url,
                party=name,
                identity_key=key_of(name),
                trust=self.trust,
                tries=tries,
                clock=lambda: datetime.fromtimestamp(self.district.now, UTC),
            )
            endpoint._http.close()
            endpoint._http = self.web
            self._endpoints[name, tries] = endpoint
        return self._endpoints[name, tries]

    def tick(self) -> None:
        """One tick of the coordinator's clock."""
        self.app.state.clock.tick()

    def signed(
        self, name: str, method: str, path: str, body: bytes = b"", *, key: str | None = None
    ) -> httpx.Request:
        """A signed request of `name`, not yet sent; the caller may send it as often as it likes."""
        request = self.web.build_request(method, self.url + path, content=body)
        request.headers.update(
            sign_request(
                method=method,
                url=str(request.url),
                body=body,
                key=key_of(name),
                now=datetime.fromtimestamp(self.district.now, UTC),
                nonce=secrets.token_bytes(16),
            )
        )
        request.headers["idempotency-key"] = key or secrets.token_hex(16)
        return request

    def ask(
        self, name: str, method: str, path: str, body: bytes = b"", *, key: str | None = None
    ) -> httpx.Response:
        """Send one signed request and return the answer as it came."""
        return self.web.send(self.signed(name, method, path, body, key=key))

    def entries(self, after: int = 0) -> list[Entry]:
        """The evidence log from an index on."""
        with self.district.database.read() as connection:
            size = self.district.log.size(connection)
            return [Entry.parse(data) for data in self.district.log.entries(connection, after, size)]

    def log_size(self) -> int:
        with self.district.database.read() as connection:
            return self.district.log.size(connection)

    def count(self, table: Table) -> int:
        """Rows of a table."""
        with self.district.database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(table)).scalar_one())

    def state(self) -> dict[str, list[tuple[object, ...]]]:
        """Every stored row of the coordinator, but for the nonces each request leaves."""
        with self.district.database.read() as connection:
            return {
                table.name: [tuple(row) for row in connection.execute(select(table))]
                for table in METADATA.sorted_tables
                if table.name != "nonces"
            }


@contextmanager
def inside(folder: Path, *, attempt_timeout_s: float = 20) -> Iterator[Inside]:
    """A coordinator for one block."""
    site = Inside(folder, attempt_timeout_s=attempt_timeout_s)
    try:
        yield site
    finally:
        site.close()
