"""openmined-psi: a whole intersection of two sets of ITEMS numbers each, as shipped (2.0.6, raw encoding, both revealed).

Usage: psi.py ITEMS REPEATS. The clock holds key generation, both sides' work and the intersection, all on this machine.
"""

from __future__ import annotations

import json
import statistics
import sys
import time

import private_set_intersection.python as psi


def main(items: int, repeats: int) -> None:
    """Print the median seconds of one intersection."""
    server_items = [f"{number:018}" for number in range(items)]
    client_items = [f"{number:018}" for number in range(items // 2, items // 2 + items)]
    seconds = []
    for _ in range(repeats):
        before = time.perf_counter()
        client, server = psi.client.CreateWithNewKey(True), psi.server.CreateWithNewKey(True)
        setup = server.CreateSetupMessage(0.0, items, server_items, psi.DataStructure.RAW)
        response = server.ProcessRequest(client.CreateRequest(client_items))
        found = client.GetIntersection(setup, response)
        seconds.append(time.perf_counter() - before)
        if len(found) != items - items // 2:
            raise ArithmeticError(f"expected {items - items // 2} common items, got {len(found)}")
    print(json.dumps({"seconds": statistics.median(seconds), "items": items}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
