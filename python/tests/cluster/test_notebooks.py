"""Each notebook runs from its start to its end beside the cluster, draws its plots, and says what it must."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from service import PROJECT
from stack import PACKAGE, Stack, environment

NOTEBOOKS = {
    "06-results-in-sql": (3, ("Cassandra    478", "the same: True")),
    "07-spark-sweep": (2, ("16 assets, 240 returns up to 2025-05-12 07:58:00+00:00, ledoit-wolf", "same bits: True")),
}


def outputs(notebook: dict) -> list[dict]:
    """What its cells have put out."""
    return [output for cell in notebook["cells"] if cell["cell_type"] == "code" for output in cell["outputs"]]


def execute(source: Path, stack: Stack, folder: Path) -> dict:
    """Runs a copy of a notebook in the environment that its guide names; gives it with its outputs."""
    own = environment() | {
        "ENDPOINT": stack.url,
        "MASTER": f"spark://127.0.0.1:{stack.spark}",
        "CASSANDRA": f"127.0.0.1:{stack.cassandra}",
        "RESULTS": str(stack.folder / "results"),
        "LARGEST": "1e7",
        "PYTHONPATH": str(PACKAGE),
        "SPARK_CONF_DIR": str(PROJECT / "setup" / "spark" / "conf"),
        # Settings of a person's own would count for kernels of these tests too.
        **{name: str(folder) for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR")},
    }
    program = PROJECT / ".venv-spark" / "bin" / "jupyter-execute"
    run = [program, source, "--timeout=180", f"--output={folder / source.stem}"]
    done = subprocess.run(run, env=own, cwd=folder, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((folder / source.name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook(stack: Stack, account: str, tmp_path: Path, name: str) -> None:
    plots, texts = NOTEBOOKS[name]
    found = outputs(execute(PROJECT / "notebooks" / f"{name}.ipynb", stack, tmp_path))
    assert sum("image/png" in output.get("data", {}) for output in found) == plots
    said = "".join("".join(output.get("text", "")) for output in found if output["output_type"] == "stream")
    assert [text for text in texts if text not in said] == [], said
    if name.startswith("07"):
        (table,) = [output["data"]["text/plain"] for output in found if "text/html" in output.get("data", {})]
        above = [float(line.split()[1]) for line in "".join(table).splitlines()[2:]]
        # The larger the sweep, the closer.
        assert len(above) == 4 and above == sorted(above, reverse=True) and 0 < above[-1] < above[0] / 5, above


def test_every_notebook_is_run_and_none_has_outputs() -> None:
    assert {path.stem for path in (PROJECT / "notebooks").glob("*.ipynb")} == set(NOTEBOOKS)
    check = PROJECT / "scripts" / "check-notebooks.py"
    done = subprocess.run([check], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"check-notebooks: {len(NOTEBOOKS)} notebooks have no outputs\n"


def test_outputs_are_told_and_taken_out(tmp_path: Path) -> None:
    source = PROJECT / "notebooks" / "06-results-in-sql.ipynb"
    notebook = json.loads(source.read_text(encoding="utf-8"))
    copy, number = tmp_path / "copy.ipynb", next(i for i, cell in enumerate(notebook["cells"]) if "outputs" in cell)
    said = {"output_type": "stream", "name": "stdout", "text": ["x"]}
    notebook["cells"][number] |= {"execution_count": 1, "outputs": [said]}
    copy.write_text(json.dumps(notebook))
    check = [PROJECT / "scripts" / "check-notebooks.py"]
    done = subprocess.run([*check, copy], capture_output=True, text=True)
    assert done.returncode == 1 and f"has outputs (cells {number + 1})" in done.stderr
    assert subprocess.run([*check, "--strip", copy], capture_output=True).returncode == 0
    assert copy.read_text(encoding="utf-8") == source.read_text(encoding="utf-8")
    assert os.access(check[0], os.X_OK)
