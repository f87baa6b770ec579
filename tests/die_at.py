"""Brings a run up to date and is killed on the way: `python die_at.py before|after MODULE:NAME RUN [NTH]`.

RUN is an address, or "submit …" for a new one.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import Any

from natrium.__main__ import app
from natrium.hpc.configuration import load_configuration
from natrium.hpc.queue.connection import connected_queue
from natrium.hpc.queue.settle import settle

when, where, run = sys.argv[1:4]
left = int(sys.argv[4]) if len(sys.argv) > 4 else 1
module, _, path = where.partition(":")
*owners, name = path.split(".")
owner: Any = importlib.import_module(module)
for part in owners:
    owner = getattr(owner, part)
original = getattr(owner, name)


def fatal(*arguments: Any, **options: Any) -> Any:
    """The original, and the end."""
    global left
    left -= 1
    if left == 0 and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = original(*arguments, **options)
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return result


setattr(owner, name, fatal)
if run.startswith("submit "):
    app(args=run.split(), standalone_mode=False)
else:
    with connected_queue(load_configuration()) as queue:
        settle(queue, run)
