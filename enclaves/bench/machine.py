"""What a figure was measured on, as far as it matters to the figure."""

from __future__ import annotations

import os
import platform

import psutil

from enclaves.bench.score import Figure


def machine() -> Figure:
    """Cores, memory, Python, processor, and the load before the first clock."""
    return {
        "cores": os.cpu_count() or 0,
        "memory_mb": round(psutil.virtual_memory().total / 1e6),
        "python": platform.python_version(),
        "processor": platform.machine(),
        "load_before": round(os.getloadavg()[0], 2),
    }
