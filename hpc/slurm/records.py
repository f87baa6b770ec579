"""What SLURM says about a job, from squeue or sacct, in one typed record."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

FIELD, RECORD = "\x1f", "\x1e"
"""Between fields and after records: job names and comments may contain anything that can be typed, also line ends."""

ENDED = {
    *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL"),
    *("OUT_OF_MEMORY", "PREEMPTED", "REVOKED", "TIMEOUT"),
}
WAITING = {"PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT"}

# Widths in characters: squeue cuts off what is longer, and knows no other way to choose a separator.
_SQUEUE = {
    "JobArrayID": 40,
    "State": 20,
    "exit_code": 12,
    "RestartCnt": 8,
    "Reason": 128,
    "NodeList": 512,
    "TimeLimit": 20,
    "TimeUsed": 20,
    "SubmitTime": 24,
    "StartTime": 24,
    "EndTime": 24,
    "Name": 256,
    "Comment": 256,
}
SQUEUE_FORMAT = ",".join(f"{name}:{width}{FIELD}" for name, width in _SQUEUE.items()) + RECORD

SACCT_FORMAT = "JobID,State,ExitCode,Reason,NodeList,TimelimitRaw,ElapsedRaw,Submit,Start,End,JobName,Comment"

_NOTHING = frozenset(("", "None", "N/A", "(null)", "None assigned", "Unknown", "NONE"))


@dataclass(frozen=True)
class SlurmJob:
    """One job of SLURM.

    Attributes:
        id: Job id; of arrays and heterogeneous jobs SLURM's own text (12_3, 12+1).
        state: SLURM's long name of the state: PENDING, RUNNING, OUT_OF_MEMORY, …
        cancelled_by: User id (or name) who cancelled it, where accounting tells.
        reason: Why it waits, or what SLURM notes about its end; "" for none.
        exit_code: Of the job script. A script that ended by a child's signal has 128 + signal in squeue, which sacct
            shows without the 128.
        signal: Signal that ended the job script itself, or 0.
        nodes: SLURM's list of nodes; "" before the first start.
        restarts: How often SLURM requeued it; 0 where only sacct knows the job.
        limit_s: Wall time limit, s; None is unlimited or unknown.
        elapsed_s: Wall time used, s.
        submitted: Unix time, s.
        started: Unix time, s; None before the start (an expected start is not kept).
        ended: Unix time, s; None before the end (an expected end is not kept).
        source: The command that told.
    """

    id: str
    state: str
    cancelled_by: str | None
    reason: str
    name: str
    comment: str
    exit_code: int
    signal: int
    nodes: str
    restarts: int
    limit_s: float | None
    elapsed_s: float | None
    submitted: float | None
    started: float | None
    ended: float | None
    source: Literal["squeue", "sacct"]

    @property
    def is_over(self) -> bool:
        """Whether it has ended for good. A state that natrium does not know is not an end."""
        return self.state in ENDED

    @property
    def is_pending(self) -> bool:
        """Whether it waits for its start, or for the start after a requeue."""
        return self.state in WAITING

    @property
    def is_running(self) -> bool:
        """Whether it holds nodes: running, starting, suspended or clearing up."""
        return not (self.is_over or self.is_pending)

    @property
    def is_held(self) -> bool:
        """Whether it waits until somebody releases it."""
        return self.is_pending and "held" in self.reason.lower()


def jobs_of_squeue(text: str) -> Iterator[SlurmJob]:
    """Jobs in the output of squeue with `SQUEUE_FORMAT` and SLURM_TIME_FORMAT=%s."""
    for fields in _records(text):
        id_, state, status, restarts, reason, nodes, limit, used, submitted, started, ended, name, comment = fields
        code, signal = _exit(status)
        yield _job(
            id=id_,
            state=state,
            reason=reason,
            name=name,
            comment=comment,
            exit_code=code,
            signal=signal,
            nodes=nodes,
            restarts=int(restarts) if restarts.isdecimal() else 0,
            limit_s=duration_s(limit),
            elapsed_s=duration_s(used),
            times=(submitted, started, ended),
            source="squeue",
        )


def jobs_of_sacct(text: str) -> Iterator[SlurmJob]:
    """Jobs in the output of `sacct -p` with `SACCT_FORMAT`, the delimiter `FIELD` and SLURM_TIME_FORMAT=%s."""
    for fields in _records(text, f"{FIELD}\n"):
        id_, state, status, reason, nodes, limit_min, elapsed, submitted, started, ended, name, comment = fields
        code, signal = _exit(status)
        yield _job(
            id=id_,
            state=state,
            reason=reason,
            name=name,
            comment=comment,
            exit_code=code,
            signal=signal,
            nodes=nodes,
            restarts=0,
            limit_s=60.0 * int(limit_min) if limit_min.isdecimal() else None,
            elapsed_s=_number(elapsed),
            times=(submitted, started, ended),
            source="sacct",
        )


def duration_s(text: str) -> float | None:
    """Seconds of SLURM's [days-][[hours:]minutes:]seconds; None for UNLIMITED, INVALID, NOT_SET and the like."""
    found = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(?:(\d+):)?(\d+)", text)
    if not found:
        return None
    days, first, second, last = found.groups()
    hours, minutes = (first, second) if second else (None, first)
    return 86400.0 * int(days or 0) + 3600 * int(hours or 0) + 60 * int(minutes or 0) + int(last)


def _records(text: str, end: str = f"{FIELD}{RECORD}\n") -> Iterator[list[str]]:
    for record in text.split(end):
        if record.strip():
            yield [field.strip() for field in record.split(FIELD)]


def _job(
    *,
    id: str,
    state: str,
    reason: str,
    name: str,
    comment: str,
    exit_code: int,
    signal: int,
    nodes: str,
    restarts: int,
    limit_s: float | None,
    elapsed_s: float | None,
    times: tuple[str, str, str],
    source: Literal["squeue", "sacct"],
) -> SlurmJob:
    short, _, by = state.partition(" by ")
    short = short.rstrip("+")
    submitted, started, ended = (_number(time) for time in times)
    nodes = _text(nodes)
    return SlurmJob(
        id=id,
        state=short,
        cancelled_by=by or None,
        reason=_text(reason),
        name=name,
        comment="" if comment == "(null)" else comment,
        exit_code=exit_code,
        signal=signal,
        nodes=nodes,
        restarts=restarts,
        limit_s=limit_s,
        elapsed_s=elapsed_s,
        submitted=submitted,
        # Of a job that waits SLURM gives the time it expects, of one cancelled while it waited the end.
        started=started if nodes and short not in WAITING else None,
        ended=ended if short in ENDED else None,
        source=source,
    )


def _exit(status: str) -> tuple[int, int]:
    """Exit code and signal, from sacct's 3:0 or from the status of wait(2), which is what squeue prints."""
    code, colon, signal = status.partition(":")
    if not code.isdecimal():
        return 0, 0
    if colon:
        return int(code), int(signal) if signal.isdecimal() else 0
    raw = int(code)
    # SLURM itself sets 1 for jobs that it ended before they had a process: with no exit code, this is no signal.
    if raw == 1:
        return 1, 0
    return (0, os.WTERMSIG(raw)) if os.WIFSIGNALED(raw) else (os.WEXITSTATUS(raw), 0)


def _text(text: str) -> str:
    return "" if text in _NOTHING else text


def _number(text: str) -> float | None:
    return float(text) if text.isdecimal() else None
