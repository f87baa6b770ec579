"""An engine whose calculations are natrium's own programs: files in, files out, asked and watched through files."""

from __future__ import annotations

import hashlib
import json
import socket
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from natrium.analysis.volumetric import VolumetricFile, file_sha256
from natrium.structures.system import System
from natrium.workflows.atomic_file import replace_text
from natrium.workflows.calculation import Calculation
from natrium.workflows.dynamics_record import STATE
from natrium.workflows.dynamics_result import read_dynamics
from natrium.workflows.engine import EngineError
from natrium.workflows.program import INPUT, OUTPUT, STATUS, STOP, SYSTEM
from natrium.workflows.provenance import natrium_version
from natrium.workflows.result import Attempt, CalculationResult, Provenance

CALCULATION = "calculation.json"


class ProgramEngine(ABC):
    """What all of them do alike. An engine adds its checks, its inputs and what only its results have."""

    name: str
    title: ClassVar[str]
    """The program's name for people."""
    electron_tolerance: ClassVar[float]
    """By how much its count of electrons may differ from the system's."""
    checkpoint_file: ClassVar[str]
    orbital_kind: ClassVar[str] = "orbital"
    """What the files of `keep_orbitals` hold."""

    def command(self, attempt: int, deadline: float | None) -> list[str]:
        """`python -m natrium.workflows.NAME.driver …` with this Python."""
        command = [sys.executable, "-m", f"natrium.workflows.{self.name}.driver", "--attempt", str(attempt)]
        return command + (["--deadline", repr(deadline)] if deadline is not None else [])

    def progress(self, folder: Path) -> dict[str, Any]:
        """The status file, or nothing before the program has started."""
        try:
            facts = json.loads((folder / STATUS).read_text())
        except (OSError, ValueError):
            return {}
        return facts if isinstance(facts, dict) else {}

    def log(self, folder: Path) -> Path | None:
        """The program's own text output, of the last attempt."""
        return max(folder.glob(f"{self.name}.*.txt"), key=lambda path: int(path.name.split(".")[1]), default=None)

    def request_stop(self, folder: Path) -> None:
        """The program looks for this file after every SCF iteration."""
        (folder / STOP).touch()

    def withdraw_stop(self, folder: Path) -> None:
        """An old request must not stop a new start."""
        (folder / STOP).unlink(missing_ok=True)

    def checkpoint(self, folder: Path) -> Path | None:
        """The checkpoint that the program continues from by itself."""
        found = (folder / name for name in (STATE, self.checkpoint_file))
        return next((path for path in found if path.exists()), None)

    def read_outputs(self, folder: Path, attempts: list[Attempt]) -> CalculationResult:
        """The result document; see `Engine.read_outputs`."""
        try:
            output = json.loads((folder / OUTPUT).read_text())
            system = System.model_validate_json((folder / SYSTEM).read_text())
            calculation = Calculation.model_validate_json((folder / CALCULATION).read_text())
            return self._result(folder, attempts, output, system, calculation)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise EngineError(
                f"{folder}: cannot read {self.title}'s output: {type(error).__name__}: {error}",
                f"look at the {self.name}.*.txt files there, or calculate again in a new folder",
            ) from error

    def _write(self, folder: Path, task: dict[str, Any], calculation: Calculation, system: System) -> None:
        """Write system.json, input.json (what the program is told) and calculation.json (what was asked for)."""
        replace_text(folder / SYSTEM, system.model_dump_json(indent=1))
        replace_text(folder / INPUT, json.dumps(task, indent=1))
        # the last one: where it is, the others are whole
        replace_text(folder / CALCULATION, calculation.model_dump_json(indent=1))

    @abstractmethod
    def _own(self, folder: Path, output: dict[str, Any], system: System, calculation: Calculation) -> dict[str, Any]:
        """Fields of the result that only this engine fills, or fills in its own way."""

    def _result(
        self,
        folder: Path,
        attempts: list[Attempt],
        output: dict[str, Any],
        system: System,
        calculation: Calculation,
    ) -> CalculationResult:
        last = attempts[-1].number if attempts else 0
        if output["attempt"] != last:
            raise EngineError(
                f"{folder}: {OUTPUT} is of attempt {output['attempt']}, the last one was {last}",
                "calculate again in a new folder",
            )
        if abs(output["electrons"] - output["expected_electrons"]) > self.electron_tolerance:
            raise EngineError(
                f"{folder}: {self.title} counted {output['electrons']} electrons, the system has"
                f" {output['expected_electrons']} (charge {system.charge:+d})",
                "the charge was lost on the way: report this with the folder's input.json",
            )
        if calculation.kind == "relax" and output["max_force_ev_a"] > 1.001 * calculation.force_ev_a:
            raise EngineError(
                f"{folder}: the largest force is {output['max_force_ev_a']:.4f} eV/Å, not {calculation.force_ev_a}",
                "rerun with more max_steps",
            )
        own = self._own(folder, output, system, calculation) | {"orbitals": self._orbitals(folder, output, system)}
        if calculation.kind == "md":
            own["dynamics"] = read_dynamics(folder, calculation, system)
        shared = {name: value for name, value in output.items() if name in CalculationResult.model_fields}
        return CalculationResult(
            **(shared | own),
            system=system.moved(output["positions_a"], output.get("cell_a")),
            calculation=calculation,
            wall_time_s=sum(attempt.wall_time_s or 0.0 for attempt in attempts),
            attempts=attempts,
            provenance=self._provenance(folder, output),
        )

    def _orbitals(self, folder: Path, output: dict[str, Any], system: System) -> dict[str, VolumetricFile] | None:
        files = {}
        for name, facts in output.get("orbitals", {}).items():
            path = (folder / facts["file"]).absolute()
            files[name] = VolumetricFile(
                path=str(path),
                sha256=file_sha256(path),
                shape=facts["shape"],
                unit="Å^-3/2",
                cell_a=facts["cell_a"],
                origin_a=facts["origin_a"],
                kind=f"{self.orbital_kind} {name}, spin {facts['spin']}, {facts['energy_ev']:.3f} eV;"
                f" norm {facts['norm']:.4f} on the grid",
                name=system.label,
            )
        return files or None

    def _provenance(self, folder: Path, output: dict[str, Any]) -> Provenance:
        names = ("engine_version", "implementation", "versions", "datasets")
        return Provenance(
            **{name: output[name] for name in names},
            natrium=natrium_version(),
            engine=self.name,
            inputs_sha256={
                name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in (SYSTEM, CALCULATION, INPUT)
            },
            host=socket.gethostname(),
            folder=str(folder),
        )
