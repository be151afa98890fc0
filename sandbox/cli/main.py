"""`domicile`: the command line. A table of commands, each loaded when called, and one place where errors end.

Exit status: 0 done, 2 malformed input, 3 refused, 4 not found, 5 unavailable (`sandbox.cli.exits`); 130 after Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Final

from typer import Abort
from typer.core import TyperGroup

from sandbox.cli.lazy import Target, lazy_group, with_entry_points

COMMANDS: Final = {
    "demo": Target("sandbox.cli.demo:demo", "Run the whole promise on real data, on this machine."),
    "init": Target("sandbox.cli.setup:init", "Found a district on this machine."),
    "serve": Target("sandbox.cli.serve:serve", "Run the coordinator."),
    "doctor": Target("sandbox.cli.doctor:doctor", "Check what this machine needs to run domicile."),
    "party": Target("sandbox.cli.setup:party", "Draw a party's keys, show a party."),
    "catalog": Target(
        "sandbox.cli.documents:catalog", "List the data sets of the district: metadata, never rows."
    ),
    "document": Target("sandbox.cli.documents:document", "Show, submit and sign documents."),
    "scenario": Target("sandbox.cli.scenarios:scenario", "Draft, submit, sign, suspend and show scenarios."),
    "consent": Target("sandbox.cli.consents:consent", "Grant, withdraw and list consents."),
    "model": Target("sandbox.cli.models:model", "Submit a model; judge one."),
    "sql": Target("sandbox.cli.sql:sql", "Check governed SQL against a data list; explain a query."),
    "estimate": Target(
        "sandbox.cli.estimate:estimate", "Tell a noisy query's error and cost in privacy before it is run."
    ),
    "query": Target("sandbox.cli.queries:query", "Submit a query, to be asked by aggregate jobs."),
    "job": Target("sandbox.cli.jobs:job", "Submit jobs, follow them, see why one was refused."),
    "score": Target("sandbox.cli.batches:score", "Fetch scores, one by one or as a batch."),
    "table": Target("sandbox.cli.outputs:table", "Fetch tables."),
    "output": Target("sandbox.cli.outputs:output", "Review tables before they leave."),
    "release": Target("sandbox.cli.jobs:release", "Show what left through the gate."),
    "ledger": Target("sandbox.cli.ledger:ledger", "Export, prove and verify the evidence log."),
    "usage": Target("sandbox.cli.ledger:usage", "Show metered usage of a month."),
    "invoice": Target("sandbox.cli.ledger:invoice", "Show a recipient's invoice of a month."),
}
DEPARTMENT_SIDE: Final = {
    "enclave": "Run a department's enclave.",
    "gate": "Run the release gate.",
    "dataset": "Register, refresh and inspect a department's data sets.",
    "bench": "Measure, side by side with the plain baseline.",
}
DONE: Final = 0
INTERRUPTED: Final = 130
HELP: Final = (
    "Put departments' data to work without any of it leaving home: approved models run where the data lives, and only"
    " permitted results leave."
)


def command() -> TyperGroup:
    """The whole command line."""
    return lazy_group("domicile", HELP, with_entry_points(COMMANDS, DEPARTMENT_SIDE))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        ended = command().main(given, prog_name="domicile", standalone_mode=False)
        sys.stdout.flush()
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except (KeyboardInterrupt, Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever reads has enough, as `head` does: nothing more is written, not even at the end of the process.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:  # noqa: BLE001 - whatever it is, the user gets one line and a status
        # Imported here, so that a process that ends well never loads what only tells of errors.
        from sandbox.cli.ending import end

        return end(error, given)
    return ended if isinstance(ended, int) else DONE


def main() -> None:
    """Entry point."""
    sys.exit(run())


if __name__ == "__main__":
    main()
