"""Fixtures of the Spark tests. Every master and worker is real, lives in a temporary folder and has ended afterwards.

A cluster takes seconds to start, so one serves all tests; those of the scripts and of the guide also stop it."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import VENV, Cluster, script
from driver import Driver
from pyspark.sql import SparkSession
from service import PROJECT, assert_none_left, copy_of_project

# The package that `make test-spark` has unpacked: what is tested is never one that happens to be installed.
sys.path.insert(0, os.environ.get("SILVERBULLET_PACKAGE", str(PROJECT / "python")))

# The password of Cassandra's role in these tests. Spark's JVM, one for all sessions, has its environment from the first.
os.environ["SILVERBULLET_STORE__CASSANDRA__PASSWORD"] = "hushed-by-the-tests"


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of what of the project Spark needs, under a name with a blank; its clusters are ended afterwards."""
    assert (VENV / "requirements-spark.txt").is_file(), (
        "Spark is not there; run `make test-spark`, or setup/spark/bin/spark-fetch.sh"
    )
    copy = tmp_path_factory.mktemp("a project")
    copy_of_project("spark", copy, "python/requirements-spark.txt")
    (copy / ".venv-spark").symlink_to(VENV)
    yield copy
    for pid_file in copy.rglob("master.pid"):
        script(copy, "stop", "--data", str(pid_file.parent))
    assert_none_left("spark", copy)


@pytest.fixture(scope="session")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where sessions write down what they do."""
    return tmp_path_factory.mktemp("events")


@pytest.fixture(scope="session")
def driver(project: Path, events: Path) -> Iterator[Driver]:
    """Sessions of this process."""
    one = Driver(Cluster(project, project / "target" / "spark" / "data"), events)
    yield one
    one.end()


@pytest.fixture
def spark(driver: Driver) -> Iterator[SparkSession]:
    """A session with two executors."""
    session = driver.session()
    yield session
    for query in session.streams.active:
        query.stop()
    session.catalog.clearCache()


@pytest.fixture
def no_adaptive_plans(spark: SparkSession) -> Iterator[None]:
    """Spark keeps to its first plan, which says what has crossed and in how many partitions."""
    spark.conf.set("spark.sql.adaptive.enabled", "false")
    yield
    spark.conf.unset("spark.sql.adaptive.enabled")


@pytest.fixture
def the_cluster(driver: Driver) -> Cluster:
    """The cluster, which may not run; no session holds its cores."""
    driver.end()
    return driver.cluster


@pytest.fixture
def cluster(the_cluster: Cluster) -> Cluster:
    """The cluster, running with all its parts."""
    the_cluster.start()
    return the_cluster
