"""What the tests of documents share: the fenced blocks of a document, and running the commands of one."""

import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from service import PROJECT

FENCE = re.compile(r"^(?P<indent> *)```(?P<kind>[^\n]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block: its document, the line it begins on, what kind it says it is, and its text."""

    document: str
    line: int
    kind: str
    text: str


def blocks(document: str) -> list[Block]:
    """All of a document of the project, in their order."""
    text = (PROJECT / document).read_text(encoding="utf-8")
    return [
        Block(document, text.count("\n", 0, found.start()) + 1, found["kind"], found["text"])
        for found in FENCE.finditer(text)
    ]


def to_its_end(running: subprocess.Popen, _: Path) -> None:
    """Waits for commands that end by themselves, and well."""
    assert running.wait(timeout=180) == 0


def run_commands(
    text: str, folder: Path, environment: dict[str, str], wait: Callable[[subprocess.Popen, Path], None] = to_its_end
) -> str:
    """Runs commands by bash in a folder until `wait`, which is given the process and the file it prints into, returns; gives
    all that they print. Of what goes on after that, or after an error, nothing is left."""
    output = folder / "output"
    with output.open("w") as file:
        running = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=folder,
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait(running, output)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{output.read_text()}") from error
    finally:
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
    return output.read_text()


def check_printed(block: Block, printed: str, patterns: dict[str, str]) -> None:
    """Whether a block printed what belongs to the commands in it."""
    for command, pattern in patterns.items():
        if command in block.text:
            assert re.search(pattern, printed), f"{pattern!r} is not in what it printed:\n{printed}"
