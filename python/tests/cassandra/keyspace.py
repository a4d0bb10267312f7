"""The program with settings of a keyspace of a test's own."""

import json
import subprocess
from pathlib import Path

from program import environment

TABLES = ("portfolios", "frontiers", "assets", "bars")
ORDER = {
    "portfolios": "universe, bar, objective, method",
    "frontiers": "universe, bar, method, point",
    "assets": "universe, bar, asset",
    "bars": "universe, bar, asset",
    "events": 'kind, "offset"',
    "runs": "run_id",
}


class Program:
    """The program with settings of a keyspace of the test's own."""

    def __init__(self, program: Path, folder: Path, keyspace: str, address: str) -> None:
        self.program, self.folder, self.keyspace = program, folder, keyspace
        store = "SILVERBULLET_STORE__CASSANDRA__"
        self.environment = {**environment(), f"{store}NODES": address, f"{store}KEYSPACE": keyspace}

    def start(self, *arguments: object, **settings: str) -> subprocess.Popen:
        variables = {f"SILVERBULLET_{name}": value for name, value in settings.items()}
        return subprocess.Popen(
            [self.program, *map(str, arguments)],
            env={**self.environment, **variables},
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: object, **settings: str) -> subprocess.CompletedProcess:
        process = self.start(*arguments, **settings)
        out, error = process.communicate(timeout=180)
        return subprocess.CompletedProcess(process.args, process.returncode, out, error)

    def result(self, *arguments: object, **settings: str) -> str:
        done = self.run(*arguments, **settings)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def sql(self, query: str, **settings: str) -> list[dict]:
        return json.loads(self.result("sql", query, "--data", self.folder / "data", "--format", "json", **settings))

    def play(self, prices: Path, **settings: str) -> None:
        source = ("run", "--source", f"csv:{prices}", "--speed", "max", "--no-http", "--format", "json")
        self.result(*source, "--window", "30", "--samples", "2000", "--data", self.folder / "data", **settings)


def rows(program: Program, schema: str, table: str) -> list[dict]:
    return program.sql(f"select * from {schema}.{table} order by {ORDER[table]}")
