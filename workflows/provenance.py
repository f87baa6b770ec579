"""Which natrium produced a number."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

from natrium.version import __version__


@cache
def natrium_version() -> str:
    """The version, with the git commit (and '+changes' for an edited tree) when natrium runs from a checkout."""
    here = Path(__file__).resolve().parent.parent
    if not (here / ".git").exists():
        return __version__

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(here), *arguments], capture_output=True, text=True, timeout=10, check=True
        ).stdout.strip()

    try:
        commit = git("rev-parse", "--short=12", "HEAD")
        changed = "+changes" if git("status", "--porcelain", "--untracked-files=no") else ""
    except (OSError, subprocess.SubprocessError):
        return __version__
    return f"{__version__} ({commit}{changed})"
