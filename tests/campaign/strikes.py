"""What the adversary can do: each strike finds its victim among the campaign's own, hits it, and says how it heals."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from natrium.hpc.embedded import lifecycle

from .laptop import Laptop
from .processes import kill, kill_process
from .watching import Service

REFUSED = 2
"""Exit code of a request that cannot be right."""
NO_DATABASE = 4
"""Exit code where the database did not answer: the adversary may just have killed it."""
KILLED = -9


@dataclass
class Ground:
    """What strikes work on, and what they have found to be wrong."""

    laptop: Laptop
    service: Service
    submitted: list[tuple[str, ...]] = field(default_factory=list)
    """Arguments of requests that were submitted."""
    down: set[str] = field(default_factory=set)
    """What is struck already and has not healed."""
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Hit:
    """What a strike did."""

    target: str
    heal: Callable[[], None] | None = None
    after_s: float = 0.0
    """When to heal, s."""


@dataclass(frozen=True)
class Strike:
    """A kind of adversity."""

    name: str
    weight: float
    """How often, compared with the others."""
    hit: Callable[[Ground, Random], Hit | None]
    """None: there is nothing to hit just now."""


def _program(*words: str) -> Callable[[Ground, Random], Hit | None]:
    """SIGKILL a process with these words in its command line."""

    def hit(ground: Ground, random: Random) -> Hit | None:
        victims = [each for each in ground.laptop.processes() if each.is_program(*words)]
        if not victims:
            return None
        victim = random.choice(victims)
        if not kill_process(victim, ground.laptop.folder):
            return None
        return Hit(f"process {victim.pid}: {' '.join(victim.command.split()[-1:])}")

    return hit


def _step_daemon(ground: Ground, random: Random) -> Hit | None:
    victims = [(node, pid) for node in ground.laptop.lab.node_names for pid in ground.laptop.step_daemons(node)]
    daemons = [(node, pid) for node, pid in victims if _is_step_daemon(pid)]
    if not daemons:
        return None
    node, pid = random.choice(daemons)
    still_ours = pid in ground.laptop.step_daemons(node)
    return Hit(f"slurmstepd {pid} of {node}") if kill(pid, still_ours) else None


def _is_step_daemon(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/exe").readlink().name.startswith("slurmstepd")
    except OSError:
        return False


def _node(ground: Ground, random: Random) -> Hit | None:
    up = [name for name in ground.laptop.lab.node_names if name not in ground.down]
    if not up or "controller" in ground.down:
        return None
    name = random.choice(up)
    ground.down.add(name)
    ground.laptop.lab.kill_node(name)

    def heal() -> None:
        ground.laptop.lab.start_node(name)
        ground.down.discard(name)

    return Hit(name, heal, random.uniform(2.0, 8.0))


def _controller(ground: Ground, random: Random) -> Hit | None:
    if ground.down:
        return None
    ground.down.add("controller")
    ground.laptop.lab.kill_controller()

    def heal() -> None:
        ground.laptop.lab.start_controller()
        ground.down.discard("controller")

    return Hit("slurmctld", heal, random.uniform(1.0, 6.0))


def _watch(ground: Ground, random: Random) -> Hit | None:
    pid = ground.service.kill()
    return Hit(f"process {pid}") if pid else None


def _database(ground: Ground, random: Random) -> Hit | None:
    folder = ground.laptop.database
    pid = lifecycle.status(folder).pid
    still_ours = any(each.pid == pid and each.is_program(str(folder)) for each in ground.laptop.processes())
    return Hit(f"process {pid}") if pid and kill(pid, still_ours) else None


def _disk(ground: Ground, random: Random) -> Hit | None:
    disk = ground.laptop.small_disk
    if not ground.laptop.has_small_disk or "disk" in ground.down:
        return None
    ground.down.add("disk")
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (2**20, 2**12, 1):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size):
                    pass
    try:
        (disk / "probe").write_bytes(b"x" * 2**12)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
    else:
        ground.wrong.append("the small disk could not be filled")

    def heal() -> None:
        filler.unlink()
        ground.down.discard("disk")

    return Hit("the small disk", heal, random.uniform(2.0, 5.0))


def _job(state: str, *commands: tuple[str, ...]) -> Callable[[Ground, Random], Hit | None]:
    """Do something to a job of natrium that is in this state; JOB in the commands is its id."""

    def hit(ground: Ground, random: Random) -> Hit | None:
        jobs = ground.laptop.jobs(state)
        if not jobs:
            return None
        job = random.choice(jobs)
        said = [ground.laptop.slurm(*(word.replace("JOB", job) for word in command)) for command in commands]
        return None if None in said else Hit(f"job {job}")

    return hit


_requeue_running = _job("running", ("scontrol", "update", "JobId=JOB", "Requeue=1"), ("scontrol", "requeue", "JOB"))


def _requeue(ground: Ground, random: Random) -> Hit | None:
    found = _requeue_running(ground, random)
    if found is None:
        return None
    job = found.target.split()[-1]

    def start_now() -> None:  # SLURM itself would wait for two minutes
        ground.laptop.slurm("scontrol", "update", f"JobId={job}", "StartTime=now")

    return Hit(found.target, start_now, random.uniform(2.0, 6.0))


def _duplicate(ground: Ground, random: Random) -> Hit | None:
    if not ground.submitted:
        return None
    arguments = random.choice(ground.submitted)
    done = ground.laptop.natrium("submit", *arguments)
    if done.returncode not in (REFUSED, NO_DATABASE):
        ground.wrong.append(f"a duplicate of {' '.join(arguments)} ended with {done.returncode}: {done.stdout}")
    return Hit(arguments[0] + (" (no database)" if done.returncode == NO_DATABASE else ""))


def _second_watch(ground: Ground, random: Random) -> Hit | None:
    if "second watch" in ground.down:
        return None
    ground.down.add("second watch")
    with (ground.laptop.folder / "second-watch.log").open("a") as output:
        process = ground.laptop.start("watch", "--interval", "0.3", output=output)

    def end() -> None:
        if process.poll() is not None:
            ground.wrong.append(f"a second watch ended by itself with {process.returncode}")
        process.kill()
        process.wait()
        ground.down.discard("second watch")

    return Hit(f"process {process.pid}", end, random.uniform(4.0, 8.0))


ENGINE_RANK = Strike("kill an engine's process", 8, _program("natrium.workflows.gpaw.driver"))
STRIKES = (
    ENGINE_RANK,
    Strike("kill a job's program", 4, _program("natrium.hpc.queue.job")),
    Strike("kill a job's slurmstepd", 1, _step_daemon),
    Strike("crash a node", 1, _node),
    Strike("kill slurmctld", 1, _controller),
    Strike("kill natrium watch", 3, _watch),
    Strike("kill the database server", 3, _database),
    Strike("fill a disk", 2, _disk),
    Strike("hold a job", 2, _job("pending", ("scontrol", "hold", "JOB"))),
    Strike("end a job's time", 2, _job("running", ("scontrol", "update", "JobId=JOB", "EndTime=now+2"))),
    Strike("requeue a job", 1, _requeue),
    Strike("submit a duplicate", 1, _duplicate),
    Strike("start a second watch", 1, _second_watch),
)


def available(laptop: Laptop) -> tuple[tuple[Strike, ...], list[str]]:
    """The strikes that are possible on this machine, and in words which are not."""
    if laptop.has_small_disk:
        return STRIKES, []
    left_out = "fill a disk: left out, this user cannot mount a small file system"
    return tuple(strike for strike in STRIKES if strike.hit is not _disk), [left_out]
