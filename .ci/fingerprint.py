"""Prints a digest of all that a part of .venv is made from: python fingerprint.py gpaw|natrium."""

import hashlib
import json
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def ingredients(part: str) -> list[str]:
    """What the part must be made anew for when it changes; settings of ruff, mypy or pytest are not among it."""
    constraints = (ROOT / "constraints.txt").read_text()
    if part == "gpaw":
        pins = [line for line in constraints.splitlines() if line.startswith("gpaw==")]
        return [*pins, (ROOT / ".ci/siteconfig.py").read_text()]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    made_from = {"project": project["project"], "setuptools": project["tool"]["setuptools"]}
    return [constraints, json.dumps(made_from, sort_keys=True), (ROOT / "cli/version.py").read_text()]


def fingerprint(part: str) -> str:
    """SHA-256 of the ingredients and of the Python that they are built for."""
    python = f"{sys.implementation.cache_tag} {sys.platform}"
    return hashlib.sha256("\0".join([part, python, *ingredients(part)]).encode()).hexdigest()


if __name__ == "__main__":
    print(fingerprint(sys.argv[1]))
