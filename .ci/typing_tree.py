"""Lays out .ci/typing/natrium: the packages as they are imported, by symbolic links, for tools that read files.

The folders of the repository are mapped to packages by setuptools (`package-dir` in pyproject.toml), which mypy and
import-linter do not know. Run before each of them: a new file in cli/ needs a new link.
"""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TREE = ROOT / ".ci/typing"


def links() -> dict[Path, Path]:
    """From each link in the tree to the file or folder it stands for."""
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {TREE.joinpath(*name.split(".")): ROOT / folder for name, folder in setuptools["package-dir"].items()}
    # The root package must be a real folder: it holds files of its own folder and the other packages.
    package, folder = next((link, folder) for link, folder in folders.items() if link.parent == TREE)
    own = {package / entry.name: entry for entry in folder.iterdir() if entry.name != "__pycache__"}
    return own | {link: folder for link, folder in folders.items() if link != package}


def lay_out() -> None:
    """Bring the tree in line with the folders; what is right already stays untouched."""
    wanted = links()
    package = next(iter(wanted)).parent
    package.mkdir(parents=True, exist_ok=True)
    for entry in package.iterdir():
        if entry.is_symlink() and (entry not in wanted or entry.readlink() != wanted[entry]):
            entry.unlink()
    for link, target in wanted.items():
        if not link.is_symlink():
            link.symlink_to(target)


if __name__ == "__main__":
    lay_out()
