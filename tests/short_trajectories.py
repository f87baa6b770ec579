"""Settings of the study na-fec-md that end within a minute: FEC on one layer, three steps, a job for each."""

from __future__ import annotations

import json

SETTINGS = {
    "species": ["fec"],
    "segment_steps": 1,
    "layers": 1,
    "fixed_layers": 0,
    "md.steps": 3,
    "md.grid_spacing_a": 0.35,
    "md.energy_ev": 0.1,
    "relax.force_ev_a": 9.0,
    "naf.cutoff_ev": 300,
    "naf.kpoints": [2, 2, 2],
    "naf.force_ev_a": 1.0,
}

OPTIONS = ("--preset", "preview", *(f"--set={name}={json.dumps(value)}" for name, value in SETTINGS.items()))
"""For `natrium run` and `natrium submit`."""
