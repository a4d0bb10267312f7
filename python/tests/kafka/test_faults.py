"""What goes wrong beside a run from Kafka: the disk is full, the clock is set back. Nothing stored is any different."""

import mmap
import signal
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker import Broker
from live import Ask, Start, Table, address_of, consumed, events, state, wait_for_end
from service import wait_until
from stream import Flow

TICKS = 9_000
HOUR = 3_600


def check(broker: Broker, topic: str, data: str, start: Start, table: Table, ask: Ask) -> None:
    """The rows are those of a run that nothing happened to, and a replay gives them again."""
    wait_for_end(start(broker, topic, "whole", "--no-http", "--stop-at-end"))
    for name in ("bars", "portfolios"):
        undisturbed, disturbed = table("whole", name), table(data, name)
        assert len(undisturbed) > TICKS // 200
        assert disturbed == undisturbed, name
    replay = ask("replay", "--data", data)
    assert replay.returncode == 0, (replay.stdout, replay.stderr)


def stop(run: subprocess.Popen) -> None:
    """Ends a run as a person does."""
    assert run.poll() is None, "it has ended by itself"
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=60)
    assert run.returncode == 130


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted, which takes root: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_is_told_and_what_waits_is_stored_once_there_is_room(
    broker: Broker, start: Start, table: Table, ask: Ask, small_disk: Path, tmp_path: Path
) -> None:
    """While nothing can be written the run goes on; what was read meanwhile is not lost."""
    topic, data = "full-disk", str(small_disk / "data")
    broker.create(topic)
    flow = Flow(broker.address, topic, TICKS, 9)
    flow.start()
    run = start(broker, topic, data, "--http", "127.0.0.1:0")
    address = address_of(tmp_path)
    wait_until(lambda: state(address)[0] == 200 and consumed(address) > TICKS // 10, "the run is live", 60)

    with (small_disk / "ballast").open("wb", buffering=0) as ballast, pytest.raises(OSError, match="No space left"):
        while True:
            ballast.write(b"\0" * 4_096)
    told = lambda: " ".join(state(address)[1]["reasons"])  # noqa: E731
    wait_until(lambda: state(address)[0] == 503 and "No space left" in told(), "told in /readyz", 30)
    before = consumed(address)
    wait_until(lambda: consumed(address) > before + TICKS // 10, "prices are answered all the same")
    (small_disk / "ballast").unlink()
    wait_until(lambda: state(address)[0] == 200, "it has gone on by itself", 60)
    flow.join(60)
    wait_until(lambda: consumed(address) == TICKS, "everything is read")
    stop(run)
    wait_for_end(start(broker, topic, data, "--no-http", "--stop-at-end"))
    check(broker, topic, data, start, table, ask)


def test_a_clock_that_is_set_back_an_hour_changes_nothing_that_is_stored(
    broker: Broker, start: Start, table: Table, ask: Ask, stepped_clock: Path, tmp_path: Path
) -> None:
    """The whole process sees it, the client library too; it is told in `events`."""
    topic = "clock"
    broker.create(topic)
    step = tmp_path / "step"
    step.write_bytes(struct.pack("q", 0))
    flow = Flow(broker.address, topic, TICKS, 9)
    flow.start()
    stepped = {"LD_PRELOAD": str(stepped_clock), "STEPPED_CLOCK": str(step)}
    run = start(broker, topic, "data", "--http", "127.0.0.1:0", **stepped)
    address = address_of(tmp_path)
    wait_until(lambda: state(address)[0] == 200 and consumed(address) > TICKS // 10, "the run is live", 60)
    with step.open("r+b") as file, mmap.mmap(file.fileno(), 8) as seconds:
        seconds[:] = struct.pack("q", -HOUR)
    flow.join(60)
    wait_until(lambda: consumed(address) == TICKS, "everything is read")
    assert state(address)[0] == 200, state(address)
    stop(run)
    query = "select count(*) as n from runs where ended < started - interval '50 minutes'"
    assert ask("sql", query, "--data", "data", "--format", "csv").stdout.split() == ["n", "1"]
    told = [line for line in events(ask, "data") if line.startswith("clock ")]
    assert len(told) == 1 and "clock stepped back: by 1h" in told[0], told
    wait_for_end(start(broker, topic, "data", "--no-http", "--stop-at-end"))
    check(broker, topic, "data", start, table, ask)
