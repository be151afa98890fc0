"""From the setting to the executor."""

from __future__ import annotations

from typing import assert_never

from enclaves.executor.executor import Executor
from enclaves.executor.local_pool import LocalWorkers
from enclaves.executor.pool import Pool
from enclaves.executor.ray_pool import RayWorkers
from enclaves.executor.setting import Kind, Setting


def executor_of(setting: Setting) -> Executor:
    """The executor `setting` names. Ray is loaded when its first run begins."""
    match setting.kind:
        case Kind.LOCAL:
            return Pool(setting, LocalWorkers)
        case Kind.RAY:
            return Pool(setting, RayWorkers)
        case _:
            assert_never(setting.kind)
