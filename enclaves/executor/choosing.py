"""From the setting to the executor."""

from __future__ import annotations

from typing import assert_never

from enclaves.executor.executor import Executor
from enclaves.executor.local_pool import LocalPool
from enclaves.executor.ray_pool import RayPool
from enclaves.executor.setting import Kind, Setting


def executor_of(setting: Setting) -> Executor:
    """The executor `setting` names. Ray is loaded when its first run begins."""
    match setting.kind:
        case Kind.LOCAL:
            return LocalPool(setting)
        case Kind.RAY:
            return RayPool(setting)
        case _:
            assert_never(setting.kind)
