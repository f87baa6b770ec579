"""Trying out one cluster of the configuration: SLURM, limits, folders, and what jobs find when they start."""

from __future__ import annotations

import fcntl
import getpass
import re
import shlex
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from natrium.hpc.cluster import Cluster
from natrium.hpc.cluster_facts import ClusterFacts, Node, Partition, cluster_facts, slurm_environment
from natrium.hpc.configuration import Configuration, redacted
from natrium.hpc.finding import Finding, State, tried
from natrium.version import __version__

_SHELL_PATIENCE_S = 120.0
_SHARED = ("nfs", "lustre", "gpfs", "beegfs", "ceph", "glusterfs", "panfs", "cifs", "smb", "9p", "virtiofs", "afs")
_IN_MEMORY = ("tmpfs", "ramfs")


def check_cluster(name: str, configuration: Configuration) -> Iterator[Finding]:
    """Every finding about a cluster.

    Raises:
        SlurmSilentError: SLURM does not answer; what does not need it has been checked then.
    """
    cluster = configuration.clusters[name]
    yield from tried(f"{name}: job environment", lambda: _environment(name, cluster))
    facts = cluster_facts(cluster.slurm_conf, getpass.getuser())
    yield Finding(f"{name}: SLURM", "ok", f"cluster {facts.name} answers, {len(facts.nodes)} nodes")
    partitions = _partitions(cluster, facts)
    for wanted in (cluster.partition or "").split(","):
        if not any(part.name == wanted or not wanted for part in partitions):
            names = ", ".join(part.name for part in facts.partitions)
            problem = f"there is no partition {wanted}" if wanted else "there is no default partition"
            yield Finding(f"{name}: partition", "problem", problem, f"set partition to one of {names}")
    for partition in partitions:
        yield from _partition(name, cluster, partition, facts.nodes_of(partition))
    yield from _account(name, cluster, facts, partitions)
    hosts = _other_hosts(cluster, facts)
    yield from tried(f"{name}: runs_dir", lambda: runs_dir_findings(name, cluster.runs_dir, others=bool(hosts)))
    yield from database_findings(name, hosts, configuration)


def database_findings(name: str, hosts: Sequence[str], configuration: Configuration) -> Iterator[Finding]:
    """Whether the database can be reached from machines other than this one."""
    if not hosts or configuration.clusters[name].database == "unreachable":
        return
    what = f"{name}: database"
    some = ", ".join(hosts[:3]) + (", …" if hosts[3:] else "")
    remedy = (
        "set database_uri_file to a MongoDB server that the nodes reach, or `database: unreachable` for this cluster:"
        " then natrium watch brings results in"
    )
    if configuration.database_uri is None:
        evidence = f"the embedded database is reached only from this machine, not from {some}"
        yield Finding(what, "warning", evidence, remedy)
        return
    address = redacted(configuration.database_uri.get_secret_value())
    found = re.search(r"[@/](localhost|127\.\d+\.\d+\.\d+|\[::1\])(?=[:/,?]|$)", address)
    if found:
        yield Finding(what, "warning", f"on the nodes ({some}), {found[1]} is another machine than here", remedy)


def _other_hosts(cluster: Cluster, facts: ClusterFacts) -> list[str]:
    here = socket.gethostname().partition(".")[0]
    hosts = {node.host.partition(".")[0] for part in _partitions(cluster, facts) for node in facts.nodes_of(part)}
    return sorted(hosts - {here, "localhost"})


def _partitions(cluster: Cluster, facts: ClusterFacts) -> list[Partition]:
    names = cluster.partition.split(",") if cluster.partition else [None]
    return [part for part in map(facts.partition, names) if part]


def _partition(name: str, cluster: Cluster, partition: Partition, nodes: list[Node]) -> Iterator[Finding]:
    what = f"{name}: partition {partition.name}"
    serving = [node for node in nodes if node.in_service]
    if partition.state != "UP":
        yield Finding(what, "problem", f"its state is {partition.state}", "wait, or set another partition")
    elif not serving:
        yield Finding(what, "problem", f"none of its {len(nodes)} nodes is in service", "`sinfo -R` says why")
    else:
        yield Finding(what, "ok", f"up, {len(serving)} of {len(nodes)} nodes in service")

    limits = cluster.limits
    longest_s = partition.max_time_s
    if longest_s is not None and limits.time_s > longest_s:
        evidence = f"{limits.time_s:.0f} s, but the partition allows {longest_s:.0f} s: such jobs would wait for ever"
        yield Finding(f"{name}: limits.time_s", "problem", evidence, f"set limits.time_s to {longest_s:.0f} or less")
    else:
        most = "any time" if longest_s is None else f"{longest_s:.0f} s"
        yield Finding(f"{name}: limits.time_s", "ok", f"{limits.time_s:.0f} s; the partition allows {most}")

    shape = cluster.node
    memory_mb = shape.memory_mb
    fitting = [
        node
        for node in nodes
        if node.cores >= shape.cores and min(node.memory_mb, partition.max_memory_mb or node.memory_mb) >= memory_mb
    ]
    most_nodes = min(partition.most_nodes, len(fitting))
    described = f"{shape.cores} cores, {memory_mb} MB"
    if not fitting:
        largest = max(nodes, key=lambda node: (node.cores, node.memory_mb), default=None)
        real_mb = min(largest.memory_mb, partition.max_memory_mb or largest.memory_mb) if largest else 0
        real = f"{largest.cores} cores, {real_mb} MB" if largest else "nothing"
        remedy = "set node.cores and node.memory_mb to those of a real node: `scontrol show node`"
        yield Finding(f"{name}: node", "problem", f"{described}, but the largest node has {real}", remedy)
    elif len(fitting) < len(nodes):
        evidence = f"{described}: jobs of this size run on {len(fitting)} of {len(nodes)} nodes only"
        yield Finding(f"{name}: node", "warning", evidence, "describe the smallest node that jobs should use")
    else:
        yield Finding(f"{name}: node", "ok", f"{described}: fits all {len(nodes)} nodes")
    if limits.nodes > partition.most_nodes:
        evidence = f"{limits.nodes}, but one job may have {partition.most_nodes} in this partition"
        yield Finding(
            f"{name}: limits.nodes", "problem", evidence, f"set limits.nodes to {partition.most_nodes} or less"
        )
    elif fitting and limits.nodes > most_nodes:
        evidence = f"{limits.nodes}, but only {most_nodes} nodes are as large as node says"
        yield Finding(f"{name}: limits.nodes", "warning", evidence, f"set limits.nodes to {most_nodes} or less")
    else:
        yield Finding(f"{name}: limits.nodes", "ok", f"{limits.nodes}; one job may have {partition.most_nodes}")


def _account(name: str, cluster: Cluster, facts: ClusterFacts, partitions: list[Partition]) -> Iterator[Finding]:
    what = f"{name}: account"
    account = cluster.account or facts.default_account
    for partition in partitions:
        if partition.accounts is not None and account not in partition.accounts:
            evidence = f"{account or 'none'}, but partition {partition.name} admits {', '.join(partition.accounts)}"
            yield Finding(what, "problem", evidence, "set account, or another partition")
            return
    if facts.associations is None:
        yield Finding(what, "ok", "SLURM keeps no accounts here")
        return
    charged = [each for each in facts.associations if each.account == account]
    mine = ", ".join(dict.fromkeys(each.account for each in facts.associations)) or "none"
    consequence = "SLURM refuses such jobs" if facts.accounts_enforced else "SLURM does not enforce it now"
    if not charged:
        evidence = f"{account or 'none is set'}; {getpass.getuser()} may charge: {mine}. {consequence}"
        state: State = "problem" if facts.accounts_enforced or cluster.account else "warning"
        yield Finding(what, state, evidence, "set account to one of them")
    elif cluster.qos and not any(cluster.qos in each.qos for each in charged):
        known = ", ".join(dict.fromkeys(qos for each in charged for qos in each.qos)) or "none"
        yield Finding(
            f"{name}: qos", "problem", f"{cluster.qos}; account {account} has {known}", "set qos to one of them"
        )
    else:
        yield Finding(what, "ok", f"{account}" + (f", qos {cluster.qos}" if cluster.qos else ""))


def runs_dir_findings(name: str, folder: Path | None, *, others: bool) -> Iterator[Finding]:
    """Whether a folder can hold runs, and whether other machines, where there are some, see it."""
    what = f"{name}: runs_dir"
    if folder is None:
        here = "run folders are made where natrium is called"
        if others:
            yield Finding(what, "warning", f"not set: {here}", "set runs_dir to a folder that every node sees")
        else:
            yield Finding(what, "ok", here)
        return
    if not folder.is_dir():
        yield Finding(what, "problem", f"{folder} does not exist", f"mkdir -p {shlex.quote(str(folder))}")
        return
    try:
        with (
            tempfile.NamedTemporaryFile(dir=folder, prefix=".natrium-check-") as first,
            Path(first.name).open("rb") as second,
        ):
            fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
            excludes = False
            try:
                fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                excludes = True
    except OSError as error:
        evidence = f"{folder} cannot be written to, or has no locks: {error.strerror}"
        yield Finding(what, "problem", evidence, "choose a folder of yours on a file system with flock")
        return
    if not excludes:
        yield Finding(what, "problem", f"locks in {folder} lock nothing", "choose a file system with working flock")
        return
    kind = file_system(folder)
    shared = kind.startswith((*_SHARED, "fuse."))
    if others and not shared:
        evidence = f"{folder} is on {kind}, which other machines do not see unless this one exports it"
        yield Finding(what, "warning", evidence, "choose a folder that every node sees")
    elif kind in _IN_MEMORY:
        yield Finding(what, "warning", f"{folder} is on {kind}: it takes memory and a reboot empties it", "use a disk")
    else:
        yield Finding(what, "ok", f"{folder} on {kind}: writable, locks work")


def file_system(folder: Path) -> str:
    """Kind of the file system of a folder: ext4, nfs4, tmpfs and so on."""
    folder = folder.resolve()
    mounts = [line.split()[1:3] for line in Path("/proc/self/mounts").read_text().splitlines()]
    # the last mount over a folder is the one that is seen
    depths = [
        (len(Path(point).parts), position, kind)
        for position, (point, kind) in enumerate((where.replace("\\040", " "), kind) for where, kind in mounts)
        if folder.is_relative_to(point)
    ]
    return max(depths)[2] if depths else "unknown"


def _environment(name: str, cluster: Cluster) -> Iterator[Finding]:
    """The setup lines in a login shell, as a job has them, then natrium's Python and the MPI launcher."""
    python = str(cluster.python or sys.executable)
    for engine in ("", *cluster.engines):
        place = f"{name}: setup" + (f" of {engine}" if engine else "")
        launcher = shlex.split(cluster.launcher(engine))[0]
        said = _in_login_shell(cluster, cluster.setup_of(engine), python, launcher)
        failed = said.get("failed", "")
        if "end" not in said:
            evidence = f"it ends the shell: {failed or said['errors'] or 'exit'}"
            yield Finding(place, "problem", evidence, "correct it; it must not call exit")
            continue
        if failed:
            yield Finding(place, "problem", f"fails in `bash -l`: {failed}: {said['errors']}", "correct these lines")
        else:
            yield Finding(place, "ok", "runs in a login shell without errors")
        if said.get("launcher"):
            yield Finding(f"{name}: MPI launcher", "ok", f"{launcher} is {said['launcher']}")
        else:
            remedy = "load an MPI in setup, or correct mpi_launcher"
            yield Finding(f"{name}: MPI launcher", "problem", f"{launcher} is not found after setup", remedy)
        if engine:
            continue
        version = said.get("version")
        if version == __version__:
            yield Finding(f"{name}: python", "ok", f"{python} imports natrium {version}")
        else:
            evidence = f"{python} imports natrium {version}, this is {__version__}" if version else said["errors"]
            remedy = "set python to that of an installation of this version that the nodes see"
            yield Finding(f"{name}: python", "problem", evidence or f"{python} does not import natrium", remedy)


_SCRIPT = """
trap 'printf "natrium-check failed %s\\n" "$BASH_COMMAND"' ERR
{setup}
trap - ERR
printf "natrium-check launcher %s\\n" "$(command -v {launcher})"
printf "natrium-check version %s\\n" "$({python} -c 'import natrium.hpc, natrium.version as v; print(v.__version__)')"
printf "natrium-check end -\\n"
"""


def _in_login_shell(cluster: Cluster, setup: str, python: str, launcher: str) -> dict[str, str]:
    script = _SCRIPT.format(setup=setup, launcher=shlex.quote(launcher), python=shlex.quote(python))
    # -P of Python: not what lies in the folder where natrium is called
    environment = slurm_environment(cluster.slurm_conf) | {"PYTHONSAFEPATH": "1"}
    try:
        ran = subprocess.run(
            ["bash", "-l", "-c", script],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SHELL_PATIENCE_S,
        )
    except subprocess.TimeoutExpired:
        return {"errors": f"no end after {_SHELL_PATIENCE_S:.0f} s"}
    marked = [line.split(" ", 2) for line in ran.stdout.splitlines() if line.startswith("natrium-check ")]
    # the first failure is the cause of later ones
    said = {kind: text.strip() for _, kind, text in reversed(marked)}
    errors = [line for line in ran.stderr.splitlines() if line.strip()]
    telling = next((line for line in errors if "syntax error" in line), errors[-1] if errors else "")
    return said | {"errors": telling}
