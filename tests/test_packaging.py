"""The folders are the packages they say they are: installed, built, imported and kept apart."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from configparser import ConfigParser
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES: list[str] = PYPROJECT["tool"]["setuptools"]["packages"]
PACKAGE_DIR: dict[str, str] = PYPROJECT["tool"]["setuptools"]["package-dir"]
ROOMS = {folder: name for name, folder in PACKAGE_DIR.items() if name != "natrium"}
NOT_SOURCE = (".venv", ".git", "typing", "build", "dist", "*.egg-info", "__pycache__", ".*_cache", "natrium-runs")
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONSAFEPATH")}


def run(*command: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=ENVIRONMENT | variables,
        capture_output=True,
        text=True,
        timeout=300,
    )


def copy_sources(to: Path) -> Path:
    """A tree that a test may build in and change; the generated links stay behind."""
    shutil.copytree(ROOT, to, ignore=shutil.ignore_patterns(*NOT_SOURCE))
    return to


def folder_of(package: str) -> str:
    """Where setuptools finds a package: the longest mapped beginning of its name."""
    mapped = max((name for name in PACKAGE_DIR if f"{package}.".startswith(f"{name}.")), key=len)
    return PACKAGE_DIR[mapped] + package.removeprefix(mapped).replace(".", "/")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel built from that sdist, made without the network."""
    tree = copy_sources(tmp_path_factory.mktemp("sources") / "natrium")
    out = tmp_path_factory.mktemp("dist")
    done = run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, tree, cwd=out, PIP_NO_INDEX="1")
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (path,) = built.glob("natrium-*-py3-none-any.whl")
    return path


def test_packages_in_pyproject_are_the_folders_on_disk() -> None:
    on_disk = {
        str(path.parent.relative_to(ROOT))
        for folder in PACKAGE_DIR.values()
        for path in (ROOT / folder).rglob("__init__.py")
    }
    assert {folder_of(package) for package in PACKAGES} == on_disk
    assert len(PACKAGES) == len(set(PACKAGES))


def test_no_module_lies_in_a_folder_that_is_not_a_package() -> None:
    modules = {path for folder in PACKAGE_DIR.values() for path in (ROOT / folder).rglob("*.py")}
    assert [str(path) for path in modules if not (path.parent / "__init__.py").is_file()] == []


@pytest.mark.parametrize(("folder", "name"), ROOMS.items())
def test_a_folder_refuses_to_be_imported_by_another_name(folder: str, name: str) -> None:
    done = run(sys.executable, "-c", f"import {folder}", cwd=ROOT)
    assert done.returncode == 1
    assert f"ImportError: this package is {name}" in done.stderr


@pytest.mark.parametrize("package", PACKAGES)
def test_package_is_imported_from_its_folder(package: str, tmp_path: Path) -> None:
    done = run(sys.executable, "-c", f"import {package} as p; print(p.__name__, p.__file__)", cwd=tmp_path)
    assert done.stdout.split() == [package, str(ROOT / folder_of(package) / "__init__.py")], done.stderr


def test_wheel_holds_every_file_of_every_package_and_nothing_else(wheel: Path) -> None:
    expected = {
        f"{package.replace('.', '/')}/{path.name}"
        for package in PACKAGES
        for path in (ROOT / folder_of(package)).iterdir()
        if path.is_file() and path.suffix not in (".pyc", ".pyo")
    }
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == expected
    assert "natrium/py.typed" in packed


def test_wheel_metadata(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (info,) = {name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name}
        metadata = archive.read(f"{info}/METADATA").decode()
        entry_points = ConfigParser()
        entry_points.read_string(archive.read(f"{info}/entry_points.txt").decode())
        assert f"{info}/licenses/LICENSE" in archive.namelist()
    version = re.search(r'__version__ = "(.+)"', (ROOT / "cli/version.py").read_text())
    assert version is not None
    assert f"\nVersion: {version[1]}\n" in metadata
    assert "\nLicense-Expression: BSD-3-Clause\n" in metadata
    declared = {"console_scripts": PYPROJECT["project"]["scripts"], **PYPROJECT["project"]["entry-points"]}
    assert {section: dict(entry_points[section]) for section in entry_points.sections()} == declared


@pytest.mark.parametrize(
    ("group", "name", "target"),
    [
        (group, name, target)
        for group, points in {
            "scripts": PYPROJECT["project"]["scripts"],
            **PYPROJECT["project"]["entry-points"],
        }.items()
        for name, target in points.items()
    ],
)
def test_entry_points_lead_somewhere(group: str, name: str, target: str) -> None:
    module, attribute = target.split(":")
    assert callable(getattr(import_module(module), attribute)), f"{group}: {name}"


def test_sdist_holds_what_developers_need(built: Path) -> None:
    (path,) = built.glob("natrium-*.tar.gz")
    with tarfile.open(path) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    expected = {
        "Makefile",
        "constraints.txt",
        "LICENSE",
        ".ci/run",
        ".ci/setup",
        ".ci/siteconfig.py",
        "tests/conftest.py",
    }
    expected |= {f"tests/{path.name}" for path in (ROOT / "tests").glob("test_*.py")}
    assert expected <= packed
    assert [
        name for name in packed if name.startswith((".venv", ".git/", ".ci/typing/")) or "__pycache__" in name
    ] == []


def test_wheel_works_in_an_environment_of_its_own(wheel: Path, tmp_path: Path) -> None:
    """A new venv that has nothing of its own but natrium, and borrows the packages that natrium needs."""
    venv = tmp_path / "venv"
    assert run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=tmp_path).returncode == 0
    python = venv / "bin/python"
    site_packages = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).stdout.strip()
    )
    (site_packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    options = ("--no-index", "--no-deps", "--ignore-installed")
    done = run(sys.executable, "-m", "pip", "--python", python, "install", *options, wheel, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr

    code = (
        "import natrium, natrium.structures as s; print(natrium.__version__, natrium.__file__, s.__file__, sep='\\n')"
    )
    version, *files = run(python, "-c", code, cwd=tmp_path).stdout.split("\n")[:-1]
    assert files == [str(site_packages / "natrium/__init__.py"), str(site_packages / "natrium/structures/__init__.py")]
    done = run(venv / "bin/natrium", "--version", cwd=tmp_path)
    assert version in done.stdout, done.stderr


@pytest.mark.parametrize(
    "requirement",
    [
        *PYPROJECT["project"]["dependencies"],
        *chain.from_iterable(PYPROJECT["project"]["optional-dependencies"].values()),
    ],
)
def test_every_requirement_is_pinned_to_a_version_it_accepts(requirement: str) -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    wanted = Requirement(requirement)
    (pin,) = (pin for pin in pins if canonicalize_name(pin.name) == canonicalize_name(wanted.name))
    (exactly,) = pin.specifier
    assert exactly.operator == "=="
    assert wanted.specifier.contains(exactly.version, prereleases=True)


@pytest.mark.parametrize(
    ("path", "pattern", "replacement", "changed"),
    [
        (".ci/siteconfig.py", "fftw = True", "fftw = False", {"gpaw"}),
        ("constraints.txt", "(?m)^numpy==.*", "numpy==2.0.0", {"natrium"}),
        ("constraints.txt", "(?m)^gpaw==.*", "gpaw==26.7.1", {"gpaw", "natrium"}),
        ("pyproject.toml", r"(?m)^dependencies = \[", 'dependencies = ["lxml",', {"natrium"}),
        ("pyproject.toml", "line-length = 120", "line-length = 99", set()),
        ("cli/version.py", '(?m)^__version__ = ".*', '__version__ = "99.0"', {"natrium"}),
    ],
)
def test_set_up_re_does_what_depends_on_a_change(
    path: str, pattern: str, replacement: str, changed: set[str], tmp_path: Path
) -> None:
    tree = copy_sources(tmp_path / "natrium")
    parts = ("gpaw", "natrium")
    before = {part: run(sys.executable, tree / ".ci/fingerprint.py", part, cwd=tree).stdout for part in parts}
    text, count = re.subn(pattern, replacement, (tree / path).read_text())
    assert count == 1
    (tree / path).write_text(text)
    after = {part: run(sys.executable, tree / ".ci/fingerprint.py", part, cwd=tree).stdout for part in parts}
    assert all(before.values())
    assert {part for part in parts if before[part] != after[part]} == changed


def lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    assert run(sys.executable, ".ci/typing_tree.py", cwd=tree).returncode == 0
    command = Path(sysconfig.get_path("scripts")) / "lint-imports"
    return run(command, "--no-cache", "--no-logo", cwd=tree, PYTHONPATH=".ci/typing")


@pytest.mark.parametrize(
    ("path", "line", "found"),
    [
        ("structures/errors.py", "import natrium.hpc", "natrium.structures.errors -> natrium.hpc"),
        ("analysis/__init__.py", "import natrium.workflows.result", "natrium.analysis -> natrium.workflows.result"),
        ("workflows/result.py", "import natrium.commands", "natrium.workflows.result -> natrium.commands"),
        ("hpc/__init__.py", "import natrium.__main__", "natrium.hpc -> natrium.__main__"),
        (
            "workflows/studies/__init__.py",
            "import natrium.workflows.gpaw",
            "natrium.workflows.studies -> natrium.workflows.gpaw",
        ),
        ("cli/fresh.py", "", "fresh"),
    ],
)
def test_an_import_against_the_arrows_is_caught(path: str, line: str, found: str, tmp_path: Path) -> None:
    tree = copy_sources(tmp_path / "natrium")
    clean = lint_imports(tree)
    assert clean.returncode == 0, clean.stdout + clean.stderr
    with (tree / path).open("a") as module:
        module.write(f"\n{line}\n")
    broken = lint_imports(tree)
    assert broken.returncode == 1
    assert found in broken.stdout


def test_typing_tree_follows_the_files_of_the_root_package(tmp_path: Path) -> None:
    tree = copy_sources(tmp_path / "natrium")
    links = tree / ".ci/typing/natrium"
    for change in (lambda: None, (tree / "cli/fresh.py").touch, (tree / "cli/fresh.py").unlink):
        change()
        assert run(sys.executable, ".ci/typing_tree.py", cwd=tree).returncode == 0
        expected = {path.name for path in (tree / "cli").iterdir() if path.name != "__pycache__"}
        assert {path.name for path in links.iterdir()} == expected | set(ROOMS)
        assert all(path.exists() for path in links.iterdir())
