"""The one session of the driver in this process, with executors on the cluster's workers.

A session takes seconds to begin and more until its executors are warm, so it goes on from test to test. It holds all cores
of the cluster: what needs them, or the cluster itself, ends it."""

import os
import sys
from pathlib import Path

from cluster import Cluster
from engine import PACKAGE
from pyspark.sql import SparkSession
from service import PROJECT

#: The connector to Kafka, which setup/spark/bin/spark-kafka-fetch.sh fetches.
CONNECTOR = PROJECT / "target" / "spark" / "lib"


class Driver:
    """Gives the session, a new one where there is none."""

    def __init__(self, cluster: Cluster, events: Path) -> None:
        self.cluster, self.events = cluster, events
        self._session: SparkSession | None = None

    def session(self) -> SparkSession:
        """The session, which knows the data sources; the cluster is started where it does not run."""
        # Not above: the package is looked for where the settings of the tests say, which they do after imports.
        from silverbullet.spark import register

        if self._session is None:
            self.cluster.start()
            self._session = self._begun()
            register(self._session)
        return self._session

    def end(self) -> None:
        """Ends the session, if there is one."""
        if self._session is not None:
            self._session.stop()
            self._session = None

    def _begun(self) -> SparkSession:
        # The JVM, one for all sessions, has its environment and its class path from the first.
        os.environ["SPARK_CONF_DIR"] = str(PROJECT / "setup" / "spark" / "conf")
        os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
        os.environ["PYSPARK_PYTHON"] = sys.executable
        # Python on the driver that plans reads is started by the JVM.
        os.environ["PYTHONPATH"] = str(PACKAGE)
        assert CONNECTOR.is_dir(), "Kafka's connector is not there; run setup/spark/bin/spark-kafka-fetch.sh"
        own = {
            "spark.jars": ",".join(map(str, sorted(CONNECTOR.glob("*.jar")))),
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            # Many partitions of few rows take time and show nothing.
            "spark.sql.shuffle.partitions": "2",
            "spark.executorEnv.PYTHONPATH": str(PACKAGE),
            "spark.eventLog.enabled": "true",
            "spark.eventLog.dir": self.events.as_uri(),
            "spark.eventLog.compress": "false",
        }
        builder = SparkSession.builder.master(f"spark://{self.cluster.address}").appName("test")
        for name, value in own.items():
            builder = builder.config(name, value)
        return builder.getOrCreate()
