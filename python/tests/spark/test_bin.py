"""Starting, checking and stopping a cluster; what becomes of it, and of jobs on it, when a part is killed."""

import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from cluster import VENV, Cluster, environment, free_port, script
from service import is_alive, tools_without, wait_until

PARTS = ("master", "worker-1", "worker-2")

# A sum over two tasks of which each waits until the file that it is told is there.
JOB = """
import os, sys, time
import pyarrow as pa
from pyspark.sql import SparkSession

place = sys.argv[1]

def task(batches):
    rows = sum(batch.num_rows for batch in batches)
    open(f"{place}/began-{os.getpid()}", "w").write(os.getcwd())
    while not os.path.exists(f"{place}/go"):
        time.sleep(0.05)
    yield pa.RecordBatch.from_pydict({"rows": [rows], "executor": [os.getcwd()]})

spark = SparkSession.builder.appName("two tasks").getOrCreate()
answer = spark.range(100_000, numPartitions=2).mapInArrow(task, "rows long, executor string").collect()
print("rows", sum(row.rows for row in answer), "executors", len({row.executor for row in answer}))
"""


@pytest.fixture
def job(tmp_path: Path) -> Path:
    path = tmp_path / "job.py"
    path.write_text(JOB)
    return path


def test_start_waits_until_the_workers_are_there_and_a_second_one_changes_nothing(the_cluster: Cluster) -> None:
    # The tests of the data source come before these.
    the_cluster.script("stop")
    said = the_cluster.start()
    assert f"Spark is ready on spark://{the_cluster.address} with 2 workers" in said
    pids = [the_cluster.pid_of(part) for part in PARTS]
    assert [os.getsid(pid) for pid in pids] == pids
    assert the_cluster.start().startswith(f"Spark runs already on spark://{the_cluster.address} with 2 workers")
    assert [the_cluster.pid_of(part) for part in PARTS] == pids
    status = the_cluster.script("status")
    assert status.returncode == 0
    assert status.stdout.endswith(f"Spark runs on spark://{the_cluster.address} with 2 workers\n")
    for part, pid in zip(PARTS, pids, strict=True):
        assert f"The {part} runs (process {pid}, " in status.stdout


def test_nothing_is_reached_from_another_machine(cluster: Cluster, job: Path, tmp_path: Path) -> None:
    running = start(cluster, job, tmp_path)
    wait_until(lambda: len(list(tmp_path.glob("began-*"))) == 2, "both tasks begin", 60)
    listening = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout.splitlines()
    ours = {str(pid) for pid in processes_of(cluster)} | {str(running.pid)}
    places = [line.split()[3] for line in listening if ours & set(re.findall(r"pid=(\d+)", line))]
    (tmp_path / "go").touch()
    assert finish(running) == "rows 100000 executors 2\n"
    # The master and its page, workers and their pages, the driver and its page, executors.
    assert len(places) >= 8
    assert [place for place in places if not place.replace("[::ffff:", "").startswith("127.0.0.1")] == []


def processes_of(cluster: Cluster) -> list[int]:
    """The cluster's own and those they have started."""
    rows = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout.split("\n")
    parents = [tuple(map(int, row.split())) for row in rows if row]
    found = [cluster.pid_of(part) for part in PARTS]
    for parent in found:
        found += [pid for pid, of in parents if of == parent]
    return found


def start(cluster: Cluster, job: Path, place: Path) -> subprocess.Popen:
    """Submits the job that waits."""
    return subprocess.Popen(
        [cluster.project / "setup" / "spark" / "bin" / "spark-submit.sh", job, place],
        env={**environment(), **cluster.place()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(running: subprocess.Popen) -> str:
    printed, said = running.communicate(timeout=120)
    assert running.returncode == 0, said
    return printed


def test_a_job_goes_on_where_a_worker_is_killed_and_the_next_start_brings_it_back(
    cluster: Cluster, job: Path, tmp_path: Path
) -> None:
    running = start(cluster, job, tmp_path)
    wait_until(lambda: len(list(tmp_path.glob("began-*"))) == 2, "both tasks begin", 60)
    killed = cluster.pid_of("worker-2")
    # With its executor and the Python of that: the machine is gone.
    for pid in [*descendants(killed), killed]:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(killed), "the worker is gone")
    status = cluster.script("status")
    assert status.returncode == 1
    assert "The worker-2 has ended: spark-start.sh starts it again" in status.stdout
    assert "The worker-1 runs (" in status.stdout and "Spark runs on" not in status.stdout
    (tmp_path / "go").touch()
    assert finish(running) == "rows 100000 executors 1\n"
    before = [cluster.pid_of(part) for part in PARTS[:2]]
    assert f"Spark is ready on spark://{cluster.address} with 2 workers" in cluster.start()
    assert [cluster.pid_of(part) for part in PARTS[:2]] == before
    assert cluster.pid_of("worker-2") != killed
    assert cluster.submit(job, str(tmp_path)) == "rows 100000 executors 2\n"


def descendants(pid: int) -> list[int]:
    children = subprocess.run(["ps", "--ppid", str(pid), "-o", "pid="], capture_output=True, text=True).stdout.split()
    return [of for child in map(int, children) for of in (*descendants(child), child)]


def test_workers_come_back_to_a_master_that_was_killed(cluster: Cluster, job: Path, tmp_path: Path) -> None:
    cluster.kill()
    refused = cluster.script("bin/spark-submit.sh", str(job))
    assert refused.returncode == 1 and refused.stderr.count("\n") == 1
    assert f"no Spark master answers on port {cluster.port}: start one by " in refused.stderr
    cluster.start()
    (tmp_path / "go").touch()
    assert cluster.submit(job, str(tmp_path)).startswith("rows 100000 executors ")


def test_a_second_cluster_on_the_same_port_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    other = tmp_path / "other"
    done = script(cluster.project, "start", "--port", str(cluster.port), "--data", str(other))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"port {cluster.port} is taken by another program" in done.stderr and done.stderr.count("\n") == 1
    status = script(cluster.project, "status", "--port", str(cluster.port), "--data", str(other))
    assert status.returncode == 1 and f"Something else listens on port {cluster.port}\n" in status.stdout
    assert is_alive(cluster.pid()) and not other.exists()


@pytest.mark.parametrize("shift", [3, 4, 5])
def test_the_ports_of_the_pages_must_be_free_too(project: Path, tmp_path: Path, shift: int) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port + shift)):
        done = script(project, "start", "--port", str(port), "--data", str(tmp_path / "data"))
    assert done.returncode == 1 and f"port {port + shift}, for the page of the " in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_process_that_has_the_number_of_an_old_master_is_left_alone(project: Path, tmp_path: Path) -> None:
    port = str(free_port())
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as stranger:
        (tmp_path / "master.pid").write_text(f"{stranger.pid}\n")
        (tmp_path / "cluster.place").write_text(f"{port} {port} 1\n")
        status = script(project, "status", "--port", port, "--data", str(tmp_path))
        assert status.returncode == 1 and "The master has ended" in status.stdout
        stop = script(project, "stop", "--port", port, "--data", str(tmp_path))
        assert (stop.returncode, stop.stdout) == (0, f"No Spark runs with its data in {tmp_path}\n")
        assert stranger.poll() is None
        stranger.stdin.close()


def test_a_part_that_does_not_come_up_is_shown_with_its_last_words(project: Path, tmp_path: Path) -> None:
    conf, data = tmp_path / "conf", tmp_path / "data"
    conf.mkdir()
    (conf / "spark-defaults.conf").write_text("spark.network.timeout no-time\n")
    place = ("--port", str(free_port()), "--data", str(data))
    done = script(project, "start", *place, SPARK_CONF_DIR=str(conf))
    assert done.returncode == 1
    assert "no-time" in done.stderr
    assert done.stderr.endswith(f"the master ended while it started; the lines above are the last of {data}/logs/master.log\n")
    assert not (data / "master.pid").exists()


def test_one_that_is_not_ready_in_time_is_said_and_can_be_stopped(project: Path, tmp_path: Path) -> None:
    slow = Cluster(project, tmp_path / "data")
    done = slow.script("start", START_TIMEOUT="0")
    assert done.returncode == 1 and "is not ready after 0 s; it goes on starting, spark-stop.sh ends it" in done.stderr
    pid = slow.pid()
    assert slow.stop() == "Spark has stopped (master)\n"
    assert not is_alive(pid)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--port", "0"), "the port is '0', it must be a number from 1 to 65535"),
        (("--port",), "--port needs a value"),
        (("--prot", "1"), "unknown argument '--prot'"),
        (("--workers", "0"), "the number of workers is '0', it must be from 1 to 99"),
        (("--cores", "many"), "the number of cores is 'many', it must be from 1 to 99"),
        (("--memory", "lots"), "the memory is 'lots', it must be a size such as 2g or 1500m"),
    ],
)
def test_wrong_usage_ends_with_2(project: Path, arguments: tuple[str, ...], message: str) -> None:
    for name in ("start", "stop", "status"):
        done = script(project, name, *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"spark-{name}.sh: {message}; --help lists the options\n"


def test_what_is_missing_is_said_in_one_line(project: Path, tmp_path: Path) -> None:
    place = ("--port", str(free_port()), "--data", str(tmp_path / "data"))
    path = tools_without(tmp_path / "tools", environment()["PATH"], "java")
    for name, arguments in (("start", place), ("bin/spark-fetch.sh", ()), ("bin/spark-submit.sh", ("job.py",))):
        done = script(project, name, *arguments, PATH=path, JAVA_HOME="")
        assert done.returncode == 1 and done.stderr.count("\n") == 1
        assert "java is missing: sudo apt-get install -y openjdk-17-jre-headless" in done.stderr
    for name, arguments in (("start", place), ("bin/spark-submit.sh", ("job.py",))):
        done = script(project, name, *arguments, VENV=str(tmp_path / "nothing"))
        assert done.returncode == 1 and done.stderr.count("\n") == 1
        assert f"Spark is not in {tmp_path}/nothing: run " in done.stderr and "bin/spark-fetch.sh first" in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_java_that_is_too_old_is_refused(project: Path, tmp_path: Path) -> None:
    program = tmp_path / "java" / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho 'openjdk version \"11.0.20\" 2023-07-18' >&2\n")
    program.chmod(0o755)
    done = script(project, "start", "--data", str(tmp_path / "data"), JAVA_HOME=str(tmp_path / "java"))
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "java is version 11, Spark needs 17 or newer" in done.stderr


def test_an_environment_that_is_as_the_list_says_is_left_alone(project: Path) -> None:
    before = (VENV / "requirements-spark.txt").stat().st_mtime_ns
    done = script(project, "bin/spark-fetch.sh")
    assert done.returncode == 0 and re.fullmatch(r"Spark 4\.\d+\.\d+ is in .*\.venv-spark\n", done.stdout), done.stderr
    assert (VENV / "requirements-spark.txt").stat().st_mtime_ns == before
