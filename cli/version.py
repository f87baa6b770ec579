"""The version: one place, read by packaging, provenance and `natrium --version`."""

__version__ = "0.1.0"
