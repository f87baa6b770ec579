"""The GPAW engine: inputs, the program that runs under MPI, outputs."""
