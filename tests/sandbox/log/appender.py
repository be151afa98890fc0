"""Appends to the log of the database named on the command line until it is killed; prints what it acknowledges."""

import sys
from pathlib import Path

from tests.sandbox.log.district import FIRST, District, entry


def main() -> None:
    district = District(Path(sys.argv[1]))
    with district.engine.begin() as connection:
        size = district.log.size(connection)
    if size == 0:
        size += len(district.append(FIRST))
    while True:
        size += len(district.append(*(entry(size + offset) for offset in range(1 + size % 7))))
        # Acknowledged only now, after the commit.
        print(size, flush=True)


if __name__ == "__main__":
    main()
