"""Matrix products with the kernels that OpenBLAS takes by itself and with those that natrium gives an engine.

    python benchmarks/blas_kernels.py

Overlaps of 43 orbitals of 24000 plane waves, as GPAW calculates them; both kinds of kernels in turns, each in a process
of its own. The ratio of the fastest ones counts.
"""

from __future__ import annotations

import os
import subprocess
import sys

from natrium.hpc.blas_kernels import kernel_variables, used_kernels

ROUNDS = 5
PRODUCTS = """
import time
import numpy as np
from gpaw.utilities.blas import mmm
orbitals, overlap = np.random.default_rng(1).random((43, 24000)), np.zeros((43, 43))
begin = time.perf_counter()
for _ in range(40):
    mmm(1.0, orbitals, "N", orbitals, "T", 0.0, overlap)
print(time.perf_counter() - begin)
"""


def seconds(variables: dict[str, str]) -> float:
    """Of the products in a new process."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | variables
    done = subprocess.run([sys.executable, "-c", PRODUCTS], env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    """Take turns, print the ratio."""
    chosen = kernel_variables()
    if not chosen:
        print(f"OpenBLAS uses its kernels for {used_kernels()}: natrium changes nothing")
        return
    rounds = [(seconds({}), seconds(chosen)) for _ in range(ROUNDS)]
    own, ours = (min(times) for times in zip(*rounds, strict=True))
    print(f"kernels for {used_kernels()}: 1.00 of the time; for {', '.join(chosen.values())}: {ours / own:.2f}")


if __name__ == "__main__":
    main()
