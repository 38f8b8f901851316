"""A real `langgraph dev` for tests: a process of its own, on a free port, in a directory of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from langgraph_sdk import get_client, get_sync_client
from langgraph_sdk.client import LangGraphClient, SyncLangGraphClient

__all__ = ["ROOT", "DevServer", "langgraph_command", "project_copy"]

ROOT = Path(__file__).resolve().parents[1]
STARTUP_SECONDS = 90


def langgraph_command() -> str:
    """Return the `langgraph` command of the environment that the tests run in."""
    return str(Path(sys.executable).with_name("langgraph"))


def project_copy(folder: Path) -> Path:
    """Copy what a deployment reads into `folder`, so that the server leaves its own files there and not here."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "langgraph.json", folder)
    shutil.copytree(ROOT / "graphs", folder / "graphs", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / ".env").write_text("")
    return folder


class DevServer:
    """`langgraph dev` on the project's own langgraph.json, with blocking calls detected.

    Args:
        folder: Where it runs, and keeps its log, threads and memories. A second server on it is a restart.
        workers: Runs that it works on at a time.
        environment: Further environment variables.
    """

    def __init__(self, folder: Path, *, workers: int = 4, environment: dict[str, str] | None = None) -> None:
        self.folder = folder if (folder / "langgraph.json").exists() else project_copy(folder)
        self.database = folder / "memory.db"
        self._workers = workers
        self._environment = environment or {}
        self._log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [langgraph_command(), "dev", "--no-browser", "--no-reload", "--host", "127.0.0.1"]
        command += ["--port", str(port), "--n-jobs-per-worker", str(self._workers)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, "WARMGRAPH_DB": str(self.database), "NO_COLOR": "1", **self._environment},
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def log(self) -> str:
        """All that the server printed so far."""
        return self._log.read_text(errors="replace")

    def client(self, headers: dict[str, str] | None = None) -> SyncLangGraphClient:
        """Return an SDK client, which sends further headers with each request."""
        rest = dict(headers or {})  # the client has an argument of its own for the key, and takes none as a header
        return get_sync_client(url=self.url, timeout=60, api_key=rest.pop("x-api-key", None), headers=rest)

    def async_client(self) -> LangGraphClient:
        """Return an SDK client for an event loop."""
        return get_client(url=self.url, timeout=60)

    def stop(self) -> None:
        """Ask the server to end, as Ctrl-C does, and wait for it."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End the server at once, without a chance to clean up."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        try:
            os.killpg(process.pid, how)
            process.wait(timeout=30)
        except ProcessLookupError:
            pass
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=30)

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        end = time.monotonic() + STARTUP_SECONDS
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise RuntimeError(f"the server ended with {self._process.returncode}:\n{self.log[-4000:]}")
            try:
                if httpx.get(f"{self.url}/ok", timeout=2).status_code == 200:
                    return
            except httpx.TransportError:
                self._process_pause()
        raise RuntimeError(f"the server did not start within {STARTUP_SECONDS} s:\n{self.log[-4000:]}")

    def _process_pause(self) -> None:
        # Nothing tells when a foreign process listens; asking again is all there is.
        time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
