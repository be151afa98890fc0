"""Who acts at the command line: a party opened from its folder, its line closed when the command ends."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from sandbox.cli.output import MODE
from sandbox.client.member import Member
from sandbox.client.roles import member_of

AnyMember = TypeVar("AnyMember", bound=Member)


def acting(party: Path) -> Member:
    """The party whose folder is `party`, as an object of its role's class."""
    return _closed_at_the_end(member_of(party))


def acting_as(kind: type[AnyMember], party: Path) -> AnyMember:
    """The party whose folder is `party`, which must have the role of `kind`."""
    return _closed_at_the_end(kind.open(party))


def _closed_at_the_end(member: AnyMember) -> AnyMember:
    MODE.closing.callback(member.close)
    return member
