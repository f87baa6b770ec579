"""The configuration: where results go and what this machine offers. Environment before natrium.yaml before defaults.

    NATRIUM_DATABASE_URI=mongodb://me:secret@db.example.org/?tls=true     # or, in natrium.yaml:  database_uri: mongodb://…

Importing this module costs a third of a second (pydantic-settings): do it where the configuration is needed.
"""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path
from typing import Any

import platformdirs
import yaml
from pydantic import Field, PositiveInt, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from natrium.structures.errors import InputError

PREFIX = "NATRIUM_"
CONFIG_VARIABLE = PREFIX + "CONFIG"


class Configuration(BaseSettings):
    """What is set once for a machine, not for a calculation. Read it with `load_configuration`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    database_uri: SecretStr | None = Field(
        None, description="MongoDB server for results, mongodb://… or mongodb+srv://…; none: the embedded database"
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

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the file."""
        return init_settings, env_settings, InitSettingsSource(settings_cls, _settings_of_file(config_file()))


def load_configuration(**settings: Any) -> Configuration:
    """The configuration of this machine and environment.

    Args:
        settings: Settings that win over all others.

    Raises:
        InputError: An unknown setting, a value that cannot be, or a file that cannot be read.
    """
    _refuse_unknown(settings, "argument")
    _refuse_misspelt_variables()
    try:
        return Configuration(**settings)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = str(first["loc"][0])
        variable = PREFIX + name.upper()
        place = variable if variable in os.environ and name not in settings else f"the setting {name}"
        raise InputError(
            f"{place}: {first['msg']}", f"{name} is: {Configuration.model_fields[name].description}; correct it"
        ) from None


def config_file() -> Path:
    """The configuration file, which need not exist unless NATRIUM_CONFIG names it."""
    named = os.environ.get(CONFIG_VARIABLE)
    return Path(named).expanduser() if named else platformdirs.user_config_path("natrium") / "natrium.yaml"


def redacted(uri: str) -> str:
    """A database address without its password, and without the passwords among its options."""
    # Greedy up to the last @, since people paste passwords that contain one.
    uri = re.sub(r"(?<=://)([^:@/]*):.*@", r"\1:***@", uri)
    return re.sub(r"(?i)([?&][^=&]*(?:password|token|properties)[^=&]*=)[^&]*", r"\1***", uri)


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


def _settings_of_file(file: Path) -> dict[str, Any]:
    if not file.exists():
        if CONFIG_VARIABLE in os.environ:
            raise InputError(f"{CONFIG_VARIABLE} names {file}, which does not exist", "correct the name, or unset it")
        return {}
    try:
        settings = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        # Not the whole message: YAML's quotes the line, and a password may be in it.
        mark = getattr(error, "problem_mark", None)
        place = f"{file}, line {mark.line + 1}" if mark else str(file)
        reason = getattr(error, "problem", None) or type(error).__name__
        raise InputError(f"{place} cannot be read: {reason}", "correct the file") from None
    if not isinstance(settings, dict):
        raise InputError(f"{file} holds a {type(settings).__name__}, not settings", "write lines such as `ranks: 8`")
    _refuse_unknown(settings, str(file))
    return settings


def _refuse_unknown(settings: dict[str, Any], place: str) -> None:
    for name in settings:
        if name not in Configuration.model_fields:
            close = difflib.get_close_matches(str(name), Configuration.model_fields, n=1)
            known = f"the settings are {', '.join(Configuration.model_fields)}"
            raise InputError(f"{place}: there is no setting {name!r}", f"did you mean {close[0]}?" if close else known)


def _refuse_misspelt_variables() -> None:
    """Refuse NATRIUM_RANK for NATRIUM_RANKS. Variables unlike any setting belong to other parts of natrium."""
    known = [PREFIX + name.upper() for name in Configuration.model_fields]
    for variable in os.environ:
        if variable.startswith(PREFIX) and variable not in (*known, CONFIG_VARIABLE):
            close = difflib.get_close_matches(variable, known, n=1, cutoff=0.8)
            if close:
                raise InputError(f"the variable {variable} is no setting", f"did you mean {close[0]}?")
