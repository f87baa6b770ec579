"""Which kernels OpenBLAS is told to use: those it misses, and only where the processor has what they need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from natrium.hpc import blas_kernels
from natrium.hpc.blas_kernels import VARIABLE, chosen_kernels, kernel_variables, processor_flags, used_kernels
from natrium.hpc.engine_job import Launch

AVX2 = ("sse2", "avx", "avx2", "fma")
AVX512 = (*AVX2, "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl")


@pytest.mark.parametrize(
    ("used", "flags", "chosen"),
    [
        ("Prescott", AVX512, "SkylakeX"),
        ("Prescott", AVX2, "Haswell"),
        ("Prescott", ("sse2", "avx"), None),
        # without fused multiply-add Haswell's kernels would be illegal instructions
        ("Nehalem", ("sse2", "avx", "avx2"), None),
        ("Core2", (*AVX2, "avx512f"), "Haswell"),
        ("Haswell", AVX512, None),
        ("Zen", AVX512, None),
        ("SkylakeX", AVX512, None),
        ("neoversen1", (), None),
        ("Prescott", (), None),
        (None, AVX512, None),
    ],
)
def test_kernels(used: str | None, flags: tuple[str, ...], chosen: str | None) -> None:
    assert chosen_kernels(used, flags) == chosen


def test_flags_of_a_processor(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nflags\t\t: fpu avx2 fma\n\nprocessor\t: 1\nflags\t\t: fpu\n")
    assert processor_flags(tmp_path / "cpuinfo") == {"fpu", "avx2", "fma"}
    assert processor_flags(tmp_path / "none") == frozenset()


def test_an_engine_gets_them_unless_a_person_chose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(blas_kernels, "used_kernels", lambda: "Prescott")
    monkeypatch.setattr(blas_kernels, "processor_flags", lambda: frozenset(AVX512))
    assert Launch(ranks=1).environment()[VARIABLE] == "SkylakeX"
    monkeypatch.setenv(VARIABLE, "Nehalem")
    assert Launch(ranks=1).environment()[VARIABLE] == "Nehalem"


@pytest.mark.parametrize("told", [None, "Nehalem"])
def test_openblas_has_the_kernels_that_it_is_told(told: str | None) -> None:
    """By the names that we know kernels by; another BLAS has none."""
    used = used_kernels()
    variables = kernel_variables() if told is None else {VARIABLE: told}
    program = "from natrium.hpc.blas_kernels import used_kernels; print(used_kernels())"
    done = subprocess.run([sys.executable, "-c", program], env=os.environ | variables, capture_output=True, check=True)
    assert done.stdout.decode().strip() == str(used and variables.get(VARIABLE, used))
