"""A fuse that ends a batch as SIGKILL would: before a write, in the middle of one, or after an answer that nobody read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from enclaves.transport.endpoint import Endpoint
from policies.documents.strict_json import Json
from sandbox.client.batch.append_file import AppendFile
from sandbox.client.receipts import ReceiptBook
from tests.sandbox.client.batch.stage import Stage


class Killed(BaseException):
    """The process is gone: nothing of it may catch this."""


@dataclass
class Fuse:
    """Counts what a batch does for good, and blows at `at` (1 …); `torn` leaves half of a write behind."""

    at: int = 0
    torn: bool = False
    done: int = 0

    def arm(self, at: int, *, torn: bool = False) -> None:
        self.at, self.torn, self.done = at, torn, 0

    def blows(self) -> bool:
        self.done += 1
        return self.done == self.at


def lay_fuse(monkeypatch: pytest.MonkeyPatch, stage: Stage) -> Fuse:
    """A fuse under every durable write and every request of the insurer."""
    fuse = Fuse()
    append, keep, post = AppendFile.append, ReceiptBook.keep, Endpoint.post_json

    def append_or_die(file: AppendFile, data: bytes) -> None:
        if fuse.blows():
            if fuse.torn:
                os.write(file._descriptor, data[: len(data) // 2])
            raise Killed
        append(file, data)

    def keep_or_die(book: ReceiptBook, envelope: object) -> None:
        if fuse.blows():
            if fuse.torn:
                with (stage.folder / "receipts.jsonl").open("ab") as file:
                    file.write(b'{"payload":')
            raise Killed
        keep(book, envelope)  # type: ignore[arg-type]  # passed on as it came

    def post_or_die(
        line: Endpoint,
        path: str,
        body: Mapping[str, Json],
        *,
        scenario: str | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Json]:
        answer = post(line, path, body, scenario=scenario, idempotency_key=idempotency_key)
        # The coordinator has acted; the process ends before it reads the answer.
        if line is stage.site.endpoint("insurer") and fuse.blows():
            raise Killed
        return answer

    monkeypatch.setattr(AppendFile, "append", append_or_die)
    monkeypatch.setattr(ReceiptBook, "keep", keep_or_die)
    monkeypatch.setattr(Endpoint, "post_json", post_or_die)
    return fuse
