"""natrium: first-principles calculations on sodium-metal battery interfaces."""

from natrium.version import __version__

__all__ = ["__version__"]
