"""The argument list: what is bound, in which order, and what never stands in it."""

from pathlib import Path

import pytest

from enclaves.isolation import bubblewrap


def command(data: dict[str, int] | None = None, roots: tuple[Path, ...] = ()) -> list[str]:
    return bubblewrap.arguments(Path("/bwrap"), data or {}, source_roots=roots, scratch_bytes=1 << 20)


def options(argv: list[str]) -> list[str]:
    return argv[1 : argv.index("--")]


@pytest.mark.parametrize(
    "option",
    ["--unshare-all", "--disable-userns", "--new-session", "--die-with-parent", "--clearenv", "--cap-drop"],
)
def test_every_run_has_the_required_option(option: str) -> None:
    assert option in options(command())


@pytest.mark.parametrize("option", ["--proc", "--bind", "--dev-bind", "--share-net", "--cap-add"])
def test_no_run_has_a_weakening_option(option: str) -> None:
    assert option not in options(command({"store": 9}, (Path(__file__).parent,)))


def test_scratch_comes_before_every_other_mount() -> None:
    argv = options(command({"store": 9}, (Path(__file__).parent,)))
    mounts = [
        at for at, part in enumerate(argv) if part in ("--ro-bind", "--ro-bind-fd", "--symlink", "--dev")
    ]
    assert argv.index("--tmpfs") < min(mounts)
    assert argv[argv.index("--tmpfs") - 2 : argv.index("--tmpfs")] == ["--size", str(1 << 20)]


def test_the_root_is_made_read_only_after_every_mount() -> None:
    argv = options(command({"store": 9}, (Path(__file__).parent,)))
    last_mount = max(at for at, part in enumerate(argv) if part in ("--ro-bind", "--ro-bind-fd"))
    assert argv[argv.index("--remount-ro", last_mount) + 1] == "/"


def test_data_is_bound_by_descriptor_at_a_fixed_place() -> None:
    argv = command({"store": 9})
    at = argv.index("--ro-bind-fd")
    assert argv[at : at + 3] == ["--ro-bind-fd", "9", "/data/store"]


def test_runs_differ_in_nothing_but_descriptors_and_roots() -> None:
    first, second = command({"store": 9}), command({"store": 12})
    assert [pair for pair in zip(first, second, strict=True) if pair[0] != pair[1]] == [("9", "12")]


def test_the_interpreter_ignores_environment_and_user_site() -> None:
    argv = command()
    inner = argv[argv.index("--") + 1 :]
    assert inner[1:3] == ["-I", "-B"]


def test_data_files_are_closed_after_use(tmp_path: Path) -> None:
    import os

    (tmp_path / "store").write_bytes(b"rows")
    with bubblewrap.opened({"store": tmp_path / "store"}) as descriptors:
        os.fstat(descriptors["store"])
    with pytest.raises(OSError):
        os.fstat(descriptors["store"])
