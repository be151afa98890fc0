"""The system call filter: what it denies in a real child, and that a library with threads still works under it."""

import errno
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from enclaves.isolation import seccomp
from enclaves.isolation.confined import run_confined
from enclaves.isolation.limits import Limits

PROBES = Path(__file__).parent / "probes"
ROOT = Path(__file__).parents[3]
QUICK = Limits(wall_seconds=10.0)
HERE = seccomp.ARCHITECTURES.get(platform.machine())

pytestmark = pytest.mark.skipif(HERE is None, reason="the filter does not know this processor")


def said(act: str, argument: str) -> bytes:
    order = [act.encode(), argument.encode()]
    run = run_confined(
        "bombs", order, files={}, limits=QUICK, extra_targets=("bombs",), source_roots=(PROBES,)
    )
    with run:
        return next(run)


def test_every_call_of_the_list_is_denied() -> None:
    assert HERE is not None
    names = {**dict(HERE.denied), **seccomp._DENIED_EVERYWHERE}
    answers = dict(zip(names, said("calls", " ".join(map(str, names.values()))).split(), strict=True))
    assert answers == dict.fromkeys(names, str(errno.EPERM).encode())


def test_a_clone_that_makes_a_process_is_denied_and_clone3_is_not_there() -> None:
    assert HERE is not None
    assert said("clone_flags", str(HERE.clone)) == str(errno.EPERM).encode()
    assert said("calls", str(seccomp._CLONE3)) == str(errno.ENOSYS).encode()


def test_other_numbers_of_the_processor_are_not_there() -> None:
    assert said("calls", str(seccomp._X32 + 39)) == str(errno.ENOSYS).encode()


def test_an_ordinary_call_is_answered_by_the_kernel() -> None:
    # close(-1): a bad descriptor, not a missing permission.
    close = {"x86_64": 3, "aarch64": 57}[platform.machine()]
    assert said("calls", str(close)) == str(errno.EBADF).encode()


def test_the_engine_and_its_threads_run_under_the_filter() -> None:
    assert said("query", "SELECT sum(range) FROM range(10000000)") == b"worked"


def test_no_call_is_listed_twice_and_no_number_is_shared() -> None:
    for architecture in seccomp.ARCHITECTURES.values():
        numbers = [*(number for _, number in architecture.denied), *seccomp._DENIED_EVERYWHERE.values()]
        assert len({*numbers, architecture.clone, seccomp._CLONE3}) == len(numbers) + 2


def test_an_unknown_processor_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "vax")
    assert seccomp.restrict() is False


def test_a_kernel_that_refuses_the_filter_is_no_reason_to_go_on() -> None:
    # Outside bubblewrap nothing has given up gaining privileges; only root may filter there all the same.
    code = (
        "import os\nfrom enclaves.isolation import seccomp\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "seccomp.restrict()"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, timeout=30)
    assert finished.returncode == 1
    assert b"PermissionError" in finished.stderr
