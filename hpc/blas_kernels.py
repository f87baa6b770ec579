"""Kernels for a processor that the installed OpenBLAS is too old to know.

It takes those for the processors of 2004 then, without a word (benchmarks/blas_kernels.py: what matrix products lose).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Collection
from functools import cache
from pathlib import Path

VARIABLE = "OPENBLAS_CORETYPE"
_LIBRARIES = ("libblas.so.3", "libopenblas.so.0")
"""Where GPAW's build finds its BLAS, in this order (.ci/siteconfig.py)."""
_WITHOUT_AVX2 = {"Generic", "Prescott", "Atom", "Core2", "Penryn", "Dunnington", "Nehalem", "Sandybridge", "Barcelona"}
_NEEDED_FLAGS = {"SkylakeX": ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"), "Haswell": ("avx2", "fma")}
"""What Linux calls the instructions that kernels are made of; the fastest ones first."""


def chosen_kernels(used: str | None, flags: Collection[str]) -> str | None:
    """The kernels to ask for; None where those that OpenBLAS uses by itself are no worse.

    Args:
        used: Kernels that OpenBLAS uses by itself; None without OpenBLAS.
        flags: Of the processor, as /proc/cpuinfo has them.
    """
    if used not in _WITHOUT_AVX2:
        return None
    return next((name for name, needed in _NEEDED_FLAGS.items() if set(needed) <= set(flags)), None)


@cache
def used_kernels() -> str | None:
    """The kernels that OpenBLAS uses in this process, by its own name for them; None where there is no OpenBLAS."""
    for library in _LIBRARIES:
        try:
            name = ctypes.CDLL(library).openblas_get_corename
        except (OSError, AttributeError):
            continue
        name.restype = ctypes.c_char_p
        return str(name().decode())
    return None


def kernel_variables() -> dict[str, str]:
    """The environment variable that gives an engine faster kernels, where it needs one and nobody has set it."""
    if VARIABLE in os.environ:
        return {}
    chosen = chosen_kernels(used_kernels(), processor_flags())
    return {VARIABLE: chosen} if chosen else {}


@cache
def processor_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """What the processor can do; nothing where the system does not tell."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.partition(":")[2] for line in lines if line.startswith("flags")), "").split())
