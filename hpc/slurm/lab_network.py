"""The place of a laptop cluster on this machine's loopback: its ports, and the host name that keeps it there."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from dataclasses import dataclass

from natrium.structures.errors import InputError


@dataclass(frozen=True)
class HostName:
    """The name that SLURM gives this machine. SLURM's daemons listen on what it resolves to, or else everywhere."""

    name: str
    private: bool
    """Whether the daemons need a host name of their own, since the real one is an address that others reach."""

    @classmethod
    def of_this_machine(cls) -> HostName:
        """The machine's own name if it is a loopback address, as Debian sets it up; else localhost.

        Raises:
            InputError: It is not, and only root can give the daemons another one.
        """
        name = socket.gethostname()
        try:
            is_loopback = socket.gethostbyname(name).startswith("127.")
        except OSError:
            is_loopback = False
        if is_loopback:
            return cls(name.partition(".")[0], private=False)
        if os.geteuid() != 0:
            raise InputError(
                f"the name of this machine, {name}, is no loopback address, so SLURM would listen to the network",
                f"add the line `127.0.1.1 {name}` to /etc/hosts, or run this as root",
            )
        return cls("localhost", private=True)


@dataclass(frozen=True)
class Ports:
    """Where the daemons listen, on the loopback."""

    controller: int
    accounting: int
    nodes: tuple[int, ...]

    @classmethod
    def free(cls, nodes: int) -> Ports:
        """Ports that nobody uses, from the kernel."""
        with ExitStack() as stack:
            sockets = [stack.enter_context(socket.socket()) for _ in range(nodes + 2)]
            for listener in sockets:
                listener.bind(("127.0.0.1", 0))
            controller, accounting, *of_nodes = (listener.getsockname()[1] for listener in sockets)
        return cls(controller, accounting, tuple(of_nodes))

    @property
    def are_free(self) -> bool:
        """Whether nobody listens there."""
        for port in (self.controller, self.accounting, *self.nodes):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    return False
        return True
