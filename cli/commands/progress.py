"""Live progress of a local run: which step, which SCF iteration, what residual, how long."""

from __future__ import annotations

import math
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from natrium.analysis.runs import State
from natrium.workflows.engine import Engine, engine

_MARKS = {
    State.COMPLETED: "[green]done[/]",
    State.FAILED: "[red]failed[/]",
    State.INTERRUPTED: "[yellow]interrupted[/]",
}
_FACTS = (
    ("iteration", "SCF iteration {}"),
    ("density_error_e", "density error {:.1e} e"),
    ("max_force_ev_a", "largest force {:.3f} eV/Å"),
    ("energy_ev", "{:.4f} eV"),
)
_PAUSE_S = 0.3


@dataclass(frozen=True)
class _Step:
    name: str
    folder: Path
    since: float
    engine: Engine | None
    before: dict[str, Any]
    """What an earlier attempt had left behind: not news."""


class LiveProgress:
    """An observer of a run that shows one moving line on a terminal, and one line a step elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._step: _Step | None = None
        self._stopping = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._interrupt_before = signal.getsignal(signal.SIGINT)

    def __enter__(self) -> LiveProgress:
        self._interrupt_before = signal.signal(signal.SIGINT, self._interrupt)
        if self._live:
            self._live.start()
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._live:
            self._thread.join()
            self._live.stop()
        signal.signal(signal.SIGINT, self._interrupt_before)

    def step_started(self, name: str, folder: Path, engine_name: str | None) -> None:
        """A step begins."""
        calculates = None if engine_name is None else engine(engine_name)
        self._step = _Step(name, folder, time.monotonic(), calculates, _facts(calculates, folder))
        if not self._live:
            self._console.print(f"  {name} …")

    def step_ended(self, name: str, state: State, reused: bool) -> None:
        """A step ended; its line stays."""
        elapsed = f"{time.monotonic() - self._step.since:.1f} s" if self._step and not reused else "was done before"
        self._step = None
        if self._live:
            self._live.update("", refresh=True)
        self._console.print(f"  {_MARKS[state]} {name} ({elapsed})")

    def _interrupt(self, _signum: int, _frame: FrameType | None) -> None:
        """Say at once that Ctrl-C was heard: a checkpoint takes a moment."""
        self._console.print(
            "  insisting: the engine is ended without a checkpoint"
            if self._stopping
            else "  stopping: the engine writes its checkpoint; Ctrl-C again ends it at once"
        )
        self._stopping = True
        raise KeyboardInterrupt

    def _watch(self) -> None:
        while not self._ended.wait(_PAUSE_S):
            step = self._step
            if self._live and step:
                facts = _facts(step.engine, step.folder)
                told = described({} if facts == step.before else facts)
                self._live.update(Text(f"  {step.name}, {time.monotonic() - step.since:.0f} s: {told}"), refresh=True)


def _facts(calculates: Engine | None, folder: Path) -> dict[str, Any]:
    return {} if calculates is None else calculates.progress(folder)


def described(facts: dict[str, Any]) -> str:
    """What an engine last said of itself, in words."""
    phase = str(facts.get("phase", "starting"))
    parts = [] if phase == "scf" and "iteration" in facts else [phase]
    if facts.get("task") == "relax":
        parts.append(f"geometry step {facts.get('step', 0)}")
    if facts.get("task") == "md":
        parts.append(f"step {facts.get('step', 0)} of {facts.get('last_step', '?')}")
    parts += [text.format(facts[name]) for name, text in _FACTS if math.isfinite(facts.get(name, math.inf))]
    return ", ".join(parts)
