"""A replayed request: the very bytes of a signed request, caught on the line and sent again."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime

import httpx

from enclaves.transport import signatures
from sandbox.founding import FoundedDistrict


def send_twice(district: FoundedDistrict, party: str, path: str) -> tuple[str | None, str]:
    """Send one signed GET twice; the code and detail of the second answer, or None if it was accepted."""
    keys = district.keys(party)
    url = district.url + path
    headers = signatures.sign_request(
        method="GET",
        url=url,
        body=b"",
        key=keys.identity,
        now=datetime.now(UTC),
        nonce=secrets.token_bytes(16),
    )
    with httpx.Client(trust_env=False) as client:
        first = client.get(url, headers=headers)
        first.raise_for_status()
        second = client.get(url, headers=headers)
    if second.is_success:
        return None, ""
    problem = json.loads(second.content)
    return str(problem["code"]), str(problem.get("detail", ""))
