"""Where settings come from: arguments, environment, natrium.yaml, the laptop cluster that is up. Each is a layer."""

from __future__ import annotations

import difflib
import os
import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from inspect import isclass
from pathlib import Path
from typing import Any, get_args, get_origin

import platformdirs
import yaml
from pydantic import BaseModel
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsError

from natrium.structures.errors import InputError

PREFIX = "NATRIUM_"
CONFIG_VARIABLE = PREFIX + "CONFIG"
BETWEEN_PARTS = "__"
ENVIRONMENT = "environment"
ARGUMENT = "argument"
LAB = "lab"
"""Name of the cluster that `natrium cluster up` starts on this machine."""


@dataclass(frozen=True)
class Layer:
    """Settings that come from one place: `argument`, `environment`, or a file."""

    place: str
    settings: dict[str, Any]

    def holds(self, path: Sequence[str]) -> bool:
        """Whether this layer says something about a setting."""
        inner: Any = self.settings
        for name in path:
            if not isinstance(inner, dict) or name not in inner:
                return False
            inner = inner[name]
        return True

    def spelt(self, path: Sequence[str]) -> str:
        """The setting as a person finds it in this place."""
        if self.place == ENVIRONMENT:
            # a variable may hold a whole mapping as JSON
            names = [PREFIX + BETWEEN_PARTS.join(path[:length]).upper() for length in range(len(path), 0, -1)]
            variable = next((name for name in names if name.replace("-", "_") in os.environ), names[0])
            return variable.replace("-", "_")
        return f"{self.place}: the setting {'.'.join(path)}"


def joined(layers: Sequence[Layer]) -> dict[str, Any]:
    """All settings; what an earlier layer says wins over what a later one says, setting by setting."""
    settings: dict[str, Any] = {}
    for layer in reversed(layers):
        settings = _over(layer.settings, settings)
    return settings


def _over(upper: dict[str, Any], lower: dict[str, Any]) -> dict[str, Any]:
    both = {
        name: _over(value, lower[name])
        for name, value in upper.items()
        if isinstance(value, dict) and isinstance(lower.get(name), dict)
    }
    return lower | upper | both


def config_file() -> Path:
    """The configuration file, which need not exist unless NATRIUM_CONFIG names it."""
    named = os.environ.get(CONFIG_VARIABLE)
    return Path(named).expanduser() if named else platformdirs.user_config_path("natrium") / "natrium.yaml"


def file_layer(model: type[BaseModel]) -> Layer:
    """What natrium.yaml says.

    Raises:
        InputError: it cannot be read, holds an unknown setting, or a password that others can read.
    """
    file = config_file()
    if not file.exists():
        if CONFIG_VARIABLE in os.environ:
            raise InputError(
                f"{CONFIG_VARIABLE} names {file}, which does not exist",
                "correct the name, unset it, or write the file with `natrium config init`",
            )
        return Layer(str(file), {})
    layer = Layer(str(file), _mapping(file))
    refuse_unknown(model, layer)
    uri = layer.settings.get("database_uri")
    if isinstance(uri, str) and redacted(uri) != uri:
        try:
            require_private(file)
        except InputError as error:
            remedy = f"{error.remedy}; or keep the address in a private file of its own and set database_uri_file"
            raise InputError(f"{error.problem}, but database_uri holds a password", remedy) from None
    return layer


def lab_layer(data_dir: Path, model: type[BaseModel]) -> Layer:
    """The laptop cluster that is up, as the cluster `lab`: its description lies there as long as it is up.

    Raises:
        InputError: the description cannot be read.
    """
    file = data_dir / "lab" / "cluster.yaml"
    try:
        settings = {"clusters": {LAB: _mapping(file)}}
    except FileNotFoundError:
        settings = {}
    layer = Layer(str(file), settings)
    refuse_unknown(model, layer)
    return layer


def environment_layer(model: type[BaseSettings], cluster_names: Iterable[str]) -> Layer:
    """What variables say, NATRIUM_RANKS=8 or NATRIUM_CLUSTERS__HELIX__ACCOUNT=abc.

    Args:
        model: The settings.
        cluster_names: Clusters of the files. Variables know no case and no dash: HELIX_GPU is also helix-gpu.

    Raises:
        InputError: a variable is misspelt or cannot be read.
    """
    _refuse_misspelt_variables(model)
    try:
        settings = EnvSettingsSource(model)()
    except SettingsError as error:
        found = re.search(r'field "(\w+)"', str(error))
        parts = [PREFIX + name.upper() for name in ([found[1]] if found else [])]
        raise InputError(
            f"{' '.join(parts) or 'a variable'} or a part of it cannot be read",
            "write JSON: NATRIUM_CLUSTERS__HELIX__OPTIONS='[\"--constraint=skylake\"]'",
        ) from None
    if isinstance(settings.get("clusters"), dict):
        known = {name.lower().replace("-", "_"): name for name in cluster_names}
        settings["clusters"] = {known.get(name.lower(), name): value for name, value in settings["clusters"].items()}
    layer = Layer(ENVIRONMENT, settings)
    refuse_unknown(model, layer)
    return layer


def refuse_unknown(model: type[BaseModel], layer: Layer) -> None:
    """Refuse settings that do not exist, at every depth.

    Raises:
        InputError: with the full place and a suggestion.
    """
    _refuse_below(model, layer.settings, layer, ())


def _refuse_below(annotation: Any, settings: Any, layer: Layer, path: tuple[str, ...]) -> None:
    if not isinstance(settings, dict):
        return  # the model says what is wrong with it
    if get_origin(annotation) is dict:
        key, entry = get_args(annotation)
        names = [str(name) for name in (key if isclass(key) and issubclass(key, Enum) else settings)]
        below = dict.fromkeys(names, entry)
    elif isclass(annotation) and issubclass(annotation, BaseModel):
        below = {name: field.annotation for name, field in annotation.model_fields.items()}
    else:
        return
    for name, value in settings.items():
        if name not in below:
            raise _unknown((*path, str(name)), list(below), layer)
        _refuse_below(below[name], value, layer, (*path, str(name)))


def _unknown(path: tuple[str, ...], names: Sequence[str], layer: Layer) -> InputError:
    close = difflib.get_close_matches(path[-1], names, n=1)
    inside = f" of {'.'.join(path[:-1])}" if path[1:] else ""
    remedy = f"did you mean {close[0]}?" if close else f"the settings{inside} are {', '.join(names)}"
    place = layer.place
    if place == ENVIRONMENT:
        place = layer.spelt(path)
        if place.count(BETWEEN_PARTS) == len(path) - 1:
            return InputError(f"the variable {place} is no setting", remedy)
    return InputError(f"{place}: there is no setting {'.'.join(path)!r}", remedy)


def _refuse_misspelt_variables(model: type[BaseModel]) -> None:
    """Refuse NATRIUM_RANK for NATRIUM_RANKS. Variables unlike any setting belong to other parts of natrium."""
    known = [PREFIX + name.upper() for name in model.model_fields]
    nested = [PREFIX + name.upper() for name, field in model.model_fields.items() if _has_parts(field.annotation)]
    for variable in os.environ:
        first, separator, _ = variable.partition(BETWEEN_PARTS)
        if not variable.startswith(PREFIX) or variable in (*known, CONFIG_VARIABLE) or (separator and first in nested):
            continue
        if separator and first in known:
            raise InputError(f"the variable {variable} is no setting", f"{first} has no parts; set {first}")
        whole = next((name for name in nested if first.startswith(name + "_")), None)
        if whole:
            example = f"{whole}{BETWEEN_PARTS}{variable.removeprefix(whole + '_')}"
            raise InputError(
                f"the variable {variable} is no setting",
                f"write two underscores between the parts: {example}, and so on",
            )
        close = difflib.get_close_matches(first, known, n=1, cutoff=0.8)
        if close:
            raise InputError(f"the variable {variable} is no setting", f"did you mean {close[0]}?")


def _has_parts(annotation: Any) -> bool:
    return get_origin(annotation) is dict or (isclass(annotation) and issubclass(annotation, BaseModel))


def _mapping(file: Path) -> dict[str, Any]:
    try:
        # every job reads it: the C parser takes a tenth of the time
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        settings = yaml.load(file.read_text(encoding="utf-8"), Loader=loader) or {}
    except FileNotFoundError:
        raise
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        # Not the whole message: YAML's quotes the line, and a password may be in it.
        mark = getattr(error, "problem_mark", None)
        place = f"{file}, line {mark.line + 1}" if mark else str(file)
        reason = getattr(error, "problem", None) or type(error).__name__
        raise InputError(f"{place} cannot be read: {reason}", "correct the file") from None
    if not isinstance(settings, dict):
        raise InputError(f"{file} holds a {type(settings).__name__}, not settings", "write lines such as `ranks: 8`")
    return settings


def require_private(file: Path) -> str:
    """The content of a file that nobody else can read.

    Raises:
        InputError: it is no regular file, belongs to somebody else, or others have any permission on it.
    """
    try:
        # not blocking: a pipe would wait for its writer
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", "correct the name, or write the file") from None
    with os.fdopen(descriptor, encoding="utf-8") as stream:
        # of the open file, which nobody can exchange any more
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"{file} is no regular file", "name a file with one line, the address of the database")
        if found.st_uid != os.geteuid():
            raise InputError(f"{file} belongs to another user", f"make it yours: chown $USER {file}; chmod 600 {file}")
        if found.st_mode & 0o077:
            raise InputError(f"others may read {file} (mode {found.st_mode & 0o777:03o})", f"chmod 600 {file}")
        try:
            return stream.read()
        except UnicodeDecodeError:
            raise InputError(f"{file} holds no text", "write the address of the database into it") from None


def address_in(file: Path) -> str:
    """The database address in a private file.

    Raises:
        InputError: the file is not private, or holds anything but one line.
    """
    lines = [line.strip() for line in require_private(file).splitlines() if line.strip()]
    if len(lines) != 1:
        raise InputError(
            f"{file} has {len(lines)} lines with text, not one", "write one line: mongodb://user:password@host/…"
        )
    return lines[0]


def redacted(uri: str) -> str:
    """A database address without its password, and without the passwords among its options."""
    # Greedy up to the last @, since people paste passwords that contain one.
    uri = re.sub(r"(?<=://)([^:@/]*):.*@", r"\1:***@", uri)
    return re.sub(r"(?i)([?&][^=&]*(?:password|token|properties)[^=&]*=)[^&]*", r"\1***", uri)
