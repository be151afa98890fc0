"""A long poll against the served process: it waits, and a message ends it at once."""

from __future__ import annotations

import threading
import time

from enclaves.transport.mailbox import Message
from tests.sandbox.kit import Site


def test_a_message_wakes_its_party_and_nobody_else(site: Site) -> None:
    heard: dict[str, tuple[float, list[Message]]] = {}

    def wait(name: str) -> None:
        began = time.monotonic()
        messages = site.endpoint(name).receive(0, 3)
        heard[name] = (time.monotonic() - began, messages)

    threads = [threading.Thread(target=wait, args=(name,)) for name in ("insurer", "price-office")]
    for thread in threads:
        thread.start()
    time.sleep(0.7)
    site.endpoint("partner").send("insurer", "note", {"n": 1})
    for thread in threads:
        thread.join()
    woken, asleep = heard["insurer"], heard["price-office"]
    assert [message.body for message in woken[1]] == [{"n": 1}]
    assert 0.3 < woken[0] < 2.5
    assert asleep[1] == []
    assert asleep[0] >= 2.9
