"""What is said once about a cluster: where jobs go, what they load, how large they may be."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PositiveFloat, PositiveInt

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(value: Any) -> Any:
    """A duration: a number of seconds, or 30s, 90m, 2h, 1d.

    Raises:
        ValueError: it is text of another form.
    """
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", value.strip())
    if not found:
        raise ValueError(f"{value!r} is no duration; write a number and s, m, h or d: 90m")
    return float(found[1]) * _UNITS_S[found[2] or "s"]


Duration = Annotated[PositiveFloat, BeforeValidator(seconds)]
"""Seconds; in files and on the command line also 30s, 90m, 2h, 1d."""


def _absolute(path: Path) -> Path:
    path = path.expanduser()
    if not path.is_absolute():
        # neither relative names nor $SCRATCH: they would mean another folder in every job
        raise ValueError(f"{path} is no absolute path")
    return path


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
"""A path that means the same in every folder; ~ is the home folder."""


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Resources(_Settings):
    """What one SLURM job asks for."""

    nodes: PositiveInt = Field(1, description="Nodes")
    tasks: PositiveInt = Field(1, description="MPI processes, over all nodes")
    memory_mb: PositiveInt = Field(2000, description="Memory on each node, MB")
    time_s: Duration = Field(3600.0, description="Wall time limit, s; or 90m, 2h")
    exclude: tuple[str, ...] = Field((), description="Nodes to stay away from")


class ResourceClass(_Settings):
    """A named request; what it leaves out is estimated for each calculation."""

    nodes: PositiveInt | None = Field(None, description="Nodes")
    tasks: PositiveInt | None = Field(None, description="MPI processes, over all nodes")
    memory_mb: PositiveInt | None = Field(None, description="Memory on each node, MB")
    time_s: Duration | None = Field(None, description="Wall time limit, s; or 90m, 2h")


class NodeShape(_Settings):
    """What one node offers to a job."""

    cores: PositiveInt = Field(description="Physical cores")
    memory_mb: PositiveInt = Field(description="Memory that jobs can have, MB (RealMemory of scontrol show node)")


class Limits(_Settings):
    """How large jobs may become, and how many may wait."""

    time_s: Duration = Field(24 * 3600.0, description="Longest wall time, s; or 24h")
    nodes: PositiveInt = Field(1, description="Most nodes of one job")
    jobs: PositiveInt = Field(500, description="Most jobs of natrium in the queue at a time")


class Packing(_Settings):
    """Short calculations that are ready at the same time share an allocation, one after the other."""

    jobs: PositiveInt = Field(1, description="Most calculations in one allocation; 1 does not pack")
    shorter_than_s: Duration = Field(300.0, description="Only calculations that ask for less wall time than this, s")


class EngineCommand(_Settings):
    """How an engine is started on this cluster, where it differs from the cluster's own settings."""

    setup: str = Field("", description="Shell lines before the job, after those of the cluster")
    mpi_launcher: str | None = Field(None, description="Command that starts MPI programs, with its options")


class Cluster(_Settings):
    """A SLURM cluster, or one partition of it."""

    partition: str | None = Field(None, description="Partition; none: the cluster's default")
    account: str | None = Field(None, description="Account that pays")
    qos: str | None = Field(None, description="Quality of service")
    setup: str = Field("", description="Shell lines that every job runs first: module load …, export …")
    python: AbsolutePath | None = Field(
        None, description="Python of the installation of natrium on the nodes; none: this one"
    )
    mpi_launcher: str = Field("mpiexec", min_length=1, description="Command that starts MPI programs, with its options")
    engines: dict[str, EngineCommand] = Field(default_factory=dict, description="What differs for single engines")
    node: NodeShape = Field(description="One node")
    limits: Limits = Field(default_factory=lambda: Limits(), description="Limits of jobs")
    packing: Packing = Field(default_factory=lambda: Packing(), description="Several calculations in one job")
    runs_dir: AbsolutePath | None = Field(
        None, description="Run folders are made below this one, which every node sees"
    )
    database: Literal["reachable", "unreachable"] = Field(
        "reachable", description="Whether the nodes reach the database; if not, natrium watch brings results in"
    )
    submit_from_jobs: bool = Field(True, description="Whether a job that ends may submit what comes next")
    signal_s: Duration = Field(120.0, description="How long before its end a job writes its checkpoint, s")
    options: tuple[str, ...] = Field((), description="Further options of sbatch: --constraint=skylake")
    slurm_conf: AbsolutePath | None = Field(None, description="slurm.conf, where it is not the machine's own")

    def launcher(self, engine: str) -> str:
        """The MPI launcher of an engine."""
        own = self.engines.get(engine)
        return own.mpi_launcher if own and own.mpi_launcher else self.mpi_launcher

    def setup_of(self, engine: str) -> str:
        """The shell lines before a job of an engine."""
        own = self.engines.get(engine)
        return "\n".join(lines for lines in (self.setup, own.setup if own else "") if lines)
