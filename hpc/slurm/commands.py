"""SLURM's commands as functions: typed answers, or an error that says whether SLURM refused or did not answer."""

from __future__ import annotations

import os
import pwd
import re
import subprocess
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from natrium.hpc.cluster import Cluster
from natrium.hpc.cluster_facts import ClusterFacts, cluster_facts
from natrium.hpc.cluster_facts import SlurmSilentError as SlurmSilentError
from natrium.hpc.slurm.records import (
    FIELD,
    SACCT_FORMAT,
    SQUEUE_FORMAT,
    SlurmJob,
    jobs_of_sacct,
    jobs_of_squeue,
)
from natrium.structures.errors import NatriumError

TIMEOUT_S = 30.0
"""SLURM's own commands try for 9 s to reach a controller that is down."""

_FACTS_LAST_S = 60.0

_CHUNK = 500
"""Job ids in one command: a line of arguments has a limit, and so have queries of the accounting database."""

_NO_ANSWER = re.compile(
    r"Unable to contact slurm controller|Socket timed out|Connection (refused|timed out|reset)|connect failure"
    r"|Zero Bytes were transmitted|standby mode|Problem talking to the database|PersistInit|temporarily unable"
    r"|authentication (error|credential)|Munge encode failed|Transport endpoint is not connected"
    r"|communication (connection|shutdown) failure|Insane message length"
    # no configuration found, where slurm.conf comes from the controller
    r"|Could not establish a configuration source|process configuration file",
    re.IGNORECASE,
)
_GONE = re.compile(r"already (completing or completed|finished)|Invalid job id specified", re.IGNORECASE)
# scontrol sums up what it said about single jobs in one line more, which may as well be "No error".
_NOT_WAITING = re.compile(
    r"already finished|no longer pending|Invalid job id specified|error: (No error|Success|Unspecified error)$",
    re.IGNORECASE,
)
_OF_ENCLOSING_JOB = re.compile(r"(SLURM|SBATCH|SALLOC|SRUN|SQUEUE|SACCT|SCANCEL|SCONTROL|SINFO)_")
_OF_JOBS = ("HOME", "USER", "LOGNAME", "SHELL", "LANG", "PATH", "SLURM_CONF", "SLURM_JWT")
_KEPT = frozenset(("SLURM_CONF", "SLURM_JWT"))


class SlurmRefusedError(NatriumError):
    """SLURM answered, and the answer is no; the same request will be refused again."""


class Slurm:
    """The SLURM of one cluster, as the user who runs natrium sees it.

    Every method raises SlurmSilentError where SLURM does not answer within `timeout_s`, also because its commands or
    its configuration are missing: nothing is known then, and later it may answer.

    Args:
        cluster: Its `slurm_conf` is used.
        timeout_s: Longest wait for one command, s.
    """

    def __init__(self, cluster: Cluster, *, timeout_s: float = TIMEOUT_S) -> None:
        self.timeout_s = timeout_s
        self._slurm_conf = cluster.slurm_conf
        # Variables of a job in which natrium itself runs, and a user's input variables, would change what
        # sbatch and squeue do.
        self._environment = {
            name: value for name, value in os.environ.items() if name in _KEPT or not _OF_ENCLOSING_JOB.match(name)
        }
        if self._slurm_conf is not None:
            self._environment["SLURM_CONF"] = str(self._slurm_conf)
        self._facts: tuple[float, ClusterFacts] | None = None

    def submit(self, script: Path) -> str:
        """Submit a job script from its own folder; its name, limits and output are said in it by #SBATCH lines.

        Returns:
            The job's id.

        Raises:
            SlurmRefusedError: SLURM does not take the job.
            SlurmSilentError: No answer. The job may have been submitted all the same: look for its name with
                `named` before it is submitted again.
        """
        said = self.run("sbatch", "--parsable", script.name, folder=script.parent)
        # sbatch may warn on lines before; with several clusters it appends ;cluster.
        return said.strip().splitlines()[-1].partition(";")[0]

    def jobs(self, ids: Collection[str]) -> dict[str, SlurmJob]:
        """What SLURM knows about jobs, by id; of a requeued job its last start.

        One squeue for all, and where accounting works one sacct for the jobs that squeue has forgotten and for who
        cancelled the others. Jobs that neither knows are missing in the answer. So are those that accounting believes
        to be alive while the controller does not have them: their end was lost.

        Raises:
            SlurmSilentError: The controller, or accounting when it was needed, does not answer. Never an empty answer.
        """
        wanted = set(ids)
        if not wanted:
            return {}
        found = {job.id: job for job in self._squeue() if job.id in wanted}
        forgotten = wanted - found.keys()
        cancelled = {id_ for id_, job in found.items() if job.state == "CANCELLED"}
        if not (forgotten or cancelled) or not self.has_accounting:
            return found
        try:
            recorded = {job.id: job for job in self._sacct(sorted(forgotten | cancelled))}
        except SlurmSilentError:
            if forgotten:
                raise
            return found
        found |= {id_: recorded[id_] for id_ in forgotten if id_ in recorded and recorded[id_].is_over}
        return found | {
            id_: replace(found[id_], cancelled_by=recorded[id_].cancelled_by) for id_ in cancelled if id_ in recorded
        }

    def named(self, prefix: str) -> dict[str, SlurmJob]:
        """Jobs of this user whose names begin with a prefix, by name, as far as squeue still knows them.

        Of several with the same name the one that is not over, or else the last submitted.
        """
        found = [job for job in self._squeue() if job.name.startswith(prefix)]
        return {job.name: job for job in sorted(found, key=lambda job: (not job.is_over, job.submitted or 0.0))}

    def cancel(self, ids: Collection[str]) -> None:
        """Cancel jobs; that one has ended already is no error.

        Raises:
            SlurmRefusedError: A job belongs to somebody else.
        """
        for some in _chunks(ids):
            self.run("scancel", "--quiet", *some, harmless=_GONE)

    def hold(self, ids: Collection[str]) -> None:
        """Keep waiting jobs from being started; running and ended ones are left alone.

        Raises:
            SlurmRefusedError: A job belongs to somebody else.
        """
        for some in _chunks(ids):
            self.run("scontrol", "hold", ",".join(some), harmless=_NOT_WAITING)

    def release(self, ids: Collection[str]) -> None:
        """Let held jobs be started; running and ended ones are left alone.

        Raises:
            SlurmRefusedError: A job belongs to somebody else, or an administrator holds it.
        """
        for some in _chunks(ids):
            self.run("scontrol", "release", ",".join(some), harmless=_NOT_WAITING)

    def set_time_limit(self, id: str, minutes: int) -> None:
        """Change the wall time limit of a job, min.

        Raises:
            SlurmRefusedError: The job is over, or more time for a running job, which only administrators may give.
        """
        self.run("scontrol", "update", f"JobId={id}", f"TimeLimit={minutes}")

    @cached_property
    def has_accounting(self) -> bool:
        """Whether ended jobs are recorded in a database that sacct reads."""
        return "slurmdbd" in self.settings.get("AccountingStorageType", "")

    @cached_property
    def settings(self) -> dict[str, str]:
        """The controller's settings (scontrol show config), read once."""
        return dict(re.findall(r"^(\w+)\s*=\s*(.*?)\s*$", self.run("scontrol", "show", "config"), re.MULTILINE))

    def facts(self) -> ClusterFacts:
        """Partitions, nodes and accounts, asked for again when they are older than a minute."""
        now = time.monotonic()
        if self._facts is None or now - self._facts[0] > _FACTS_LAST_S:
            user = pwd.getpwuid(os.getuid()).pw_name
            self._facts = now, cluster_facts(self._slurm_conf, user)
        return self._facts[1]

    def run(
        self, command: str, *arguments: str, folder: Path | None = None, harmless: re.Pattern[str] | None = None
    ) -> str:
        """Run one of SLURM's commands and return what it prints.

        Args:
            command: Its name.
            arguments: Its arguments.
            folder: Where it runs; jobs start in the folder from which they are submitted.
            harmless: Complaints that do not count as failures.

        Raises:
            SlurmRefusedError: It failed; the message is SLURM's.
        """
        # A job inherits the environment of sbatch: it must hold no secrets and no accidents of the submitting shell.
        # --export=NONE or a list would make the nodes run a login shell for it, which is slow where it does not hang.
        environment = (
            {name: self._environment[name] for name in _OF_JOBS if name in self._environment}
            if command == "sbatch"
            else self._environment | {"LC_ALL": "C", "SLURM_TIME_FORMAT": "%s"}
        )
        # SLURM's commands would look for another one in the network for a minute.
        if self._slurm_conf is not None and not self._slurm_conf.is_file():
            raise SlurmSilentError(
                f"slurm_conf: {self._slurm_conf} does not exist",
                "correct this setting of the cluster, or start its SLURM",
            )
        try:
            done = subprocess.run(
                [command, *arguments],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                timeout=self.timeout_s,
                check=False,
            )
        except FileNotFoundError:
            raise _silent(command, "the command is missing on this machine, or not on PATH") from None
        except subprocess.TimeoutExpired:
            raise _silent(command, f"no answer within {self.timeout_s:g} s") from None
        if done.returncode == 0:
            return done.stdout
        complaints = [line for line in done.stderr.splitlines() if line.strip()]
        serious = [line for line in complaints if not (harmless and harmless.search(line))]
        if complaints and not serious:
            return done.stdout
        message = "; ".join(serious) or f"exit code {done.returncode}"
        if _NO_ANSWER.search(message):
            raise _silent(command, message)
        raise SlurmRefusedError(
            f"{command} refuses {' '.join(arguments)[:200]}: {message}",
            "correct what SLURM names, or ask the cluster's operators",
        )

    def _squeue(self) -> Iterator[SlurmJob]:
        said = self.run("squeue", "--me", "--all", "--noheader", "--states=all", "--Format", SQUEUE_FORMAT)
        return jobs_of_squeue(said)

    def _sacct(self, ids: Collection[str]) -> Iterator[SlurmJob]:
        options = ("-X", "-n", "-p", f"--delimiter={FIELD}", "-o", SACCT_FORMAT)
        for some in _chunks(ids):
            yield from jobs_of_sacct(self.run("sacct", *options, "-j", ",".join(some)))


def _silent(command: str, message: str) -> SlurmSilentError:
    return SlurmSilentError(
        f"SLURM does not answer {command}: {message}",
        "wait, or ask the cluster's operators; `scontrol ping` and `sacctmgr show cluster` say which part is down",
    )


def _chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    every = list(ids)
    for first in range(0, len(every), _CHUNK):
        yield every[first : first + _CHUNK]
