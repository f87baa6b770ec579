"""Fails unless GPAW was built with all that it should have, and its processes meet.

mpiexec -n 2 gpaw python check_gpaw.py 2
"""

import sys

import _gpaw
import numpy as np
from gpaw.mpi import world

FEATURES = {
    "MPI": "Communicator",
    "BLAS": "mmm",
    "ScaLAPACK": "new_blacs_context",
    "FFTW": "FFTWPlan",
    "libxc": "XCFunctional",
}

missing = [feature for feature, symbol in FEATURES.items() if not hasattr(_gpaw, symbol)]
if missing:
    sys.exit(f"GPAW was built without {', '.join(missing)}: {_gpaw.__file__}")

expected = int(sys.argv[1])
total = np.ones(1)
world.sum(total)
if world.size != expected or total[0] != expected:
    sys.exit(f"GPAW sees {world.size} of {expected} processes: it was built with another MPI than this mpiexec's")
print(f"GPAW with {', '.join(FEATURES)}: process {world.rank + 1} of {world.size}")
