"""What the tests of real services share: running their scripts in a copy of the project, ports, processes and waiting."""

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def copy_of_project(service: str, copy: Path, *files: str) -> None:
    """Copies what of the project a service needs, with `files` beside it."""
    for folder in ("shared", service):
        shutil.copytree(PROJECT / "setup" / folder, copy / "setup" / folder, symlinks=True)
    (copy / "python").mkdir()
    (copy / "target").mkdir()
    for name in files:
        shutil.copy(PROJECT / name, copy / name)


def assert_none_left(service: str, copy: Path) -> None:
    """No process of a service has its data in a copy of the project."""
    processes = subprocess.run(["ps", "-ww", "-e", "-o", "args="], capture_output=True, text=True, check=True).stdout
    assert f"silverbullet.{service}.data={copy}" not in processes, f"a process of {service} is still running"


def first_free(places: Callable[[int], Iterable[tuple[str, int]]]) -> int:
    """A port of which all the places that follow from it, addresses with ports, are free."""
    while True:
        first = random.randrange(11_000, 20_000)
        with ExitStack() as stack:
            try:
                for place in places(first):
                    stack.enter_context(socket.socket()).bind(place)
            except OSError:
                continue
            return first


def tools_without(folder: Path, path: str, *missing: str) -> str:
    """A PATH with all programs of `path` but the missing ones."""
    folder.mkdir()
    for place in reversed(path.split(":")):
        for program in Path(place).iterdir() if Path(place).is_dir() else ():
            link = folder / program.name
            link.unlink(missing_ok=True)
            if program.name not in missing:
                link.symlink_to(program)
    return str(folder)


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")


def wait_until(holds, what: str, seconds: float = 30.0) -> None:
    """Waits until `holds()` does."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


class Service:
    """A real process of a service in a folder and on ports of its own."""

    #: Name of the file with its process id.
    pid_file: str

    def __init__(self, project: Path, folder: Path, port: int) -> None:
        self.project = project
        self.folder = folder
        self.port = port
        self.address = f"127.0.0.1:{port}"

    def script(self, name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
        """Runs a script on it."""
        raise NotImplementedError

    def start(self, **variables: str) -> str:
        """Starts it; gives what was said."""
        return self._done(self.script("start", **variables))

    def stop(self) -> str:
        """Stops it; gives what was said."""
        return self._done(self.script("stop"))

    @staticmethod
    def _done(script: subprocess.CompletedProcess) -> str:
        assert script.returncode == 0, script.stdout + script.stderr
        return script.stdout

    def pid(self) -> int:
        """Its process, by the pid file."""
        return int((self.folder / self.pid_file).read_text())

    def kill(self) -> None:
        """kill -9, and waits until it is gone."""
        pid = self.pid()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.is_gone(pid), f"the killed process {pid} is gone")

    def is_gone(self, pid: int) -> bool:
        """Whether a process that was killed has left nothing behind."""
        return not is_alive(pid)
