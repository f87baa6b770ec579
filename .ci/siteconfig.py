"""How GPAW is built: read by GPAW's setup.py, which also defines the names that are extended here."""

import os

compiler = "mpicxx"
mpi = True
scalapack = True
fftw = True
# .ci/setup finds out under which names these link here. Without a BLAS GPAW builds all the same, and is slow.
libraries += [  # noqa: F821
    os.environ.get("NATRIUM_SCALAPACK", "scalapack-openmpi"),
    os.environ.get("NATRIUM_BLAS", "blas"),
    "fftw3",
]
