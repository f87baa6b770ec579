"""The configuration: where results go, what this machine offers, which clusters there are. docs/configuration.md.

    NATRIUM_DATABASE_URI=mongodb://me:secret@db.example.org/?tls=true     # or, in natrium.yaml:  database_uri_file: …

Environment before natrium.yaml before defaults. Importing this module costs 0.15 s (pydantic-settings): do it where
the configuration is needed.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import Field, PositiveInt, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from natrium.hpc.cluster import Cluster, ResourceClass
from natrium.hpc.configuration_sources import (
    ARGUMENT,
    BETWEEN_PARTS,
    PREFIX,
    Layer,
    address_in,
    config_file,
    environment_layer,
    file_layer,
    joined,
    lab_layer,
    redacted,
    refuse_unknown,
)
from natrium.hpc.policy import Policy
from natrium.structures.errors import InputError

__all__ = ["Configuration", "config_file", "layers", "load_configuration", "physical_cores", "redacted"]


class Configuration(BaseSettings):
    """What is set once for a machine, not for a calculation. Read it with `load_configuration`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=BETWEEN_PARTS,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    database_uri: SecretStr | None = Field(
        None, description="MongoDB server for results, mongodb://… or mongodb+srv://…; none: the embedded database"
    )
    database_uri_file: Path | None = Field(
        None, description="File with that address on one line, which only its owner may read; keeps passwords apart"
    )
    database_name: str = Field("natrium", pattern=r'^[^/\\. "$*<>:|?]+$', description="Name of the database")
    data_dir: Path = Field(
        default_factory=lambda: platformdirs.user_data_path("natrium"),
        description="Folder of natrium's own files, the embedded database among them; on a local disk",
    )
    ranks: PositiveInt = Field(
        default_factory=lambda: physical_cores(), description="MPI processes of a calculation; default: physical cores"
    )
    mpi_launcher: str = Field("mpiexec", min_length=1, description="Command that starts MPI programs, with its options")

    clusters: dict[str, Cluster] = Field(default_factory=dict, description="SLURM clusters by name")
    default_cluster: str | None = Field(None, description="Cluster that is meant when none is named")
    resource_classes: dict[str, ResourceClass] = Field(
        default_factory=dict, description="Requests by name, for calculations that should not be estimated"
    )
    policy: Policy = Field(default_factory=lambda: Policy(), description="What is done after jobs that did not finish")

    @field_validator("database_uri")
    @classmethod
    def _is_mongodb(cls, uri: SecretStr | None) -> SecretStr | None:
        if uri is not None and not uri.get_secret_value().startswith(("mongodb://", "mongodb+srv://")):
            raise InputError(
                f"database_uri is no MongoDB address: {redacted(uri.get_secret_value())}",
                "write mongodb://user:password@host:27017/ or mongodb+srv://…; leave it out for the embedded database",
            )
        return uri

    @field_validator("data_dir")
    @classmethod
    def _is_absolute(cls, folder: Path) -> Path:
        return folder.expanduser().absolute()

    @field_validator("database_uri_file")
    @classmethod
    def _is_beside_the_configuration(cls, file: Path | None) -> Path | None:
        return None if file is None else _beside_the_configuration(file)

    @property
    def embedded_folder(self) -> Path:
        """Where the embedded database lives."""
        return self.data_dir / "database"

    @property
    def database_shown(self) -> str:
        """The database in words that may be printed."""
        if self.database_uri is None:
            return f"embedded in {self.embedded_folder}"
        return redacted(self.database_uri.get_secret_value())

    def cluster(self, name: str | None = None) -> tuple[str, Cluster]:
        """A cluster and its name: the one that is named, the default, or the only one there is.

        Raises:
            InputError: there is no such cluster, or several and no default.
        """
        wanted = name or self.default_cluster
        known = ", ".join(self.clusters)
        if wanted in self.clusters:
            return wanted, self.clusters[wanted]
        if wanted is None and len(self.clusters) == 1:
            return next(iter(self.clusters.items()))
        if not self.clusters:
            raise InputError(
                f"there is no cluster {wanted}" if wanted else "no cluster is configured",
                "`natrium cluster up` starts SLURM on this machine; `natrium config init` describes a real cluster",
            )
        if wanted is None:
            raise InputError(f"there are several clusters: {known}", "name one, or set default_cluster")
        close = difflib.get_close_matches(wanted, self.clusters, n=1)
        said = "" if name else " (default_cluster)"
        raise InputError(
            f"there is no cluster {wanted!r}{said}",
            f"did you mean {close[0]}? the clusters are {known}" if close else f"the clusters are {known}",
        )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what it is given: `load_configuration` joins the layers, since messages name the place of a setting."""
        return (init_settings,)


def load_configuration(**settings: Any) -> Configuration:
    """The configuration of this machine and environment.

    Args:
        settings: Settings that win over all others.

    Raises:
        InputError: An unknown setting, a value that cannot be, or a file that cannot be read.
    """
    places = layers(**settings)
    try:
        return Configuration(**joined(places))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        path = [str(part) for part in first["loc"]]
        # what is missing is in no layer: then the place of what it is missing from
        layer = next((layer for end in range(len(path), 0, -1) for layer in places if layer.holds(path[:end])), None)
        place = layer.spelt(path) if layer and layer.place != ARGUMENT else f"the setting {'.'.join(path)}"
        name, meaning = _meaning(path)
        problem = f"{place}: {first['msg'].removeprefix('Value error, ')}"
        todo = "set it" if first["type"] == "missing" else "correct it"
        raise InputError(problem, f"{name} is: {meaning}; {todo}") from None


def layers(**settings: Any) -> list[Layer]:
    """Where settings come from, the strongest place first: arguments, environment, natrium.yaml, the laptop cluster.

    The address in `database_uri_file` appears as the `database_uri` of the layer that names the file.

    Raises:
        InputError: An unknown setting, or a file that cannot be read.
    """
    arguments = Layer(ARGUMENT, dict(settings))
    refuse_unknown(Configuration, arguments)
    file = file_layer(Configuration)
    own_clusters = file.settings.get("clusters")
    own_names = [str(name) for name in own_clusters] if isinstance(own_clusters, dict) else []
    environment = environment_layer(Configuration, own_names)
    above = [arguments, environment, file]
    data_dir = joined(above).get("data_dir") or platformdirs.user_data_path("natrium")
    lab = lab_layer(Path(str(data_dir)).expanduser(), Configuration)
    for layer in above:
        if {"database_uri", "database_uri_file"} <= layer.settings.keys() and layer is file:
            raise InputError(
                f"{layer.place} sets database_uri and database_uri_file",
                "leave one out; the file keeps passwords apart",
            )
        if "database_uri" in layer.settings:
            break
        if layer.settings.get("database_uri_file"):
            named = Path(str(layer.settings["database_uri_file"]))
            layer.settings["database_uri"] = address_in(_beside_the_configuration(named))
            break
    return above if "lab" in own_names else [*above, lab]


def _beside_the_configuration(file: Path) -> Path:
    """Jobs run in other folders: a relative name is meant from natrium.yaml's."""
    return config_file().absolute().parent / file.expanduser()


def _meaning(path: Sequence[str]) -> tuple[str, str]:
    """The innermost setting of a path that has a description."""
    model: Any = Configuration
    found = ("", "")
    for name in path:
        fields = getattr(model, "model_fields", None)
        if fields is None:  # a mapping: its entries share one model
            model = model.__args__[-1] if getattr(model, "__args__", ()) else None
        elif name in fields:
            found = (name, fields[name].description or "")
            model = fields[name].annotation
    return found


def physical_cores() -> int:
    """Cores that this process may use: hyper-threads count once, CPU sets and container limits are respected."""
    cpus = os.sched_getaffinity(0)
    cores = set()
    for cpu in cpus:
        topology = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology")
        try:
            cores.add(tuple((topology / name).read_text() for name in ("physical_package_id", "core_id")))
        except OSError:
            return len(cpus)
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        return len(cores)
    return len(cores) if quota == "max" else max(1, min(len(cores), int(quota) // int(period)))
