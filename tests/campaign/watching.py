"""`natrium watch` as a service: whoever kills it, it is started again, as systemd or cron would."""

from __future__ import annotations

import signal
import subprocess
import threading
from types import TracebackType

from .laptop import Laptop
from .processes import kill

INTERVAL_S = 0.5
_RESTART_AFTER_S = 1.0
_END_PATIENCE_S = 60.0


class Service:
    """Keeps one watch daemon alive for as long as the block runs."""

    def __init__(self, laptop: Laptop) -> None:
        self._laptop = laptop
        self._ended = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._process: subprocess.Popen[str] | None = None
        self.log = laptop.folder / "watch.log"
        self.codes: list[int] = []
        """Exit codes of the daemons that ended, in their order."""

    def __enter__(self) -> Service:
        self._keeper.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._keeper.join()

    def kill(self) -> int | None:
        """SIGKILL the daemon; its pid, or None where none lives just now."""
        process = self._process
        return process.pid if process and process.poll() is None and kill(process.pid) else None

    def log_text(self) -> str:
        """All that the daemons have printed."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def _keep(self) -> None:
        with self.log.open("a") as output:
            while not self._ended.is_set():
                self._process = self._laptop.start("watch", "--interval", str(INTERVAL_S), output=output)
                while self._process.poll() is None and not self._ended.wait(0.1):
                    pass
                if self._ended.is_set():
                    break
                self.codes.append(self._process.returncode)
                self._ended.wait(_RESTART_AFTER_S)
            self._end(self._process)

    def _end(self, process: subprocess.Popen[str] | None) -> None:
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            self.codes.append(process.wait(_END_PATIENCE_S))
        except subprocess.TimeoutExpired:
            process.kill()
            self.codes.append(process.wait())
