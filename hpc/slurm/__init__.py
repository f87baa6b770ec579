"""SLURM: its commands, and a laptop cluster to try them on."""
