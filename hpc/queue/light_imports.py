"""Importing jobflow in programs of natrium that live for a moment."""

from __future__ import annotations

import gc
import sys


def import_jobflow() -> None:
    """Import jobflow without the Amazon client that its stores could use, and without collecting garbage meanwhile.

    That saves a quarter of its processor time. Only for programs, not for libraries: maggma's S3Store does not work
    afterwards. Who imports boto3 itself gets it.
    """
    absent = "boto3" not in sys.modules
    if absent:
        sys.modules["boto3"] = None  # type: ignore[assignment]  # Python's way to say that there is none
    gc.disable()
    try:
        import jobflow  # noqa: F401
    finally:
        gc.enable()
        if absent:
            del sys.modules["boto3"]
