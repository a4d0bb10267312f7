"""What the package shows: types that hold, documentation that is true, and a wheel that carries them."""

import doctest
import importlib
import inspect
import pkgutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
import silverbullet as sb
from service import PROJECT

CONFIGURATION = PROJECT / "python" / "pyproject.toml"


def checked(*command: str) -> str:
    """Runs one of mypy's programs; fails with what it prints."""
    done = subprocess.run([sys.executable, "-m", *command], cwd=PROJECT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_types_of_the_package_hold(tmp_path: Path) -> None:
    checked("mypy", "--config-file", str(CONFIGURATION), "--cache-dir", str(tmp_path), "python/silverbullet")


def test_stubs_are_those_of_the_native_module() -> None:
    assert "no issues found" in checked("mypy.stubtest", "silverbullet._kernel", "--mypy-config-file", str(CONFIGURATION))


def test_a_typed_program_knows_what_comes_back(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import silverbullet as sb\n"
        "moments = sb.Moments([0.01, 0.02], [[0.04, 0.0], [0.0, 0.09]])\n"
        "reveal_type(sb.monte_carlo(moments, samples=10))\n"
        "reveal_type(sb.monte_carlo(moments, portfolios=10))\n"
        "sb.max_sharpe(moments, uper=0.5)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(CONFIGURATION), "--cache-dir", str(tmp_path / "cache"), str(program)],
        cwd=tmp_path, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert 'Revealed type is "silverbullet._sketch.MonteCarlo"' in done.stdout
    assert 'Revealed type is "silverbullet._sketch.Sketch"' in done.stdout
    assert 'Unexpected keyword argument "uper"' in done.stdout and done.returncode == 1


def modules() -> list[str]:
    return ["silverbullet", *(f"silverbullet.{module.name}" for module in pkgutil.iter_modules(sb.__path__) if not module.ispkg)]


def test_examples_in_the_documentation_are_true() -> None:
    tried = 0
    for name in modules():
        failed, count = doctest.testmod(importlib.import_module(name), verbose=False)
        assert not failed, name
        tried += count
    assert tried >= 5


@pytest.mark.parametrize("name", sb.__all__)
def test_everything_public_is_documented(name: str) -> None:
    thing = getattr(sb, name)
    if inspect.isclass(thing):
        shown = [(attribute, value) for attribute, value in vars(thing).items() if not attribute.startswith("_")]
        documented = (inspect.isfunction(value) or isinstance(value, property | classmethod | staticmethod) for _, value in shown)
        for (attribute, value), relevant in zip(shown, documented, strict=True):
            assert not relevant or value.__doc__, f"{name}.{attribute}"
    assert name.startswith("__") or name == "BLOCK" or thing.__doc__


def test_the_wheel_carries_types_and_its_version() -> None:
    installed = distribution("silverbullet")
    files = {str(file) for file in installed.files or []}
    assert {"silverbullet/py.typed", "silverbullet/_kernel.pyi", "silverbullet/__init__.py"} <= files
    assert any(file.startswith("silverbullet/_kernel.abi3.") for file in files)
    assert not any("tests/" in file for file in files)
    assert installed.version == sb.__version__
    assert any(need.startswith("adbc-driver-flightsql") and "client" in need for need in installed.requires or [])


def test_importing_it_takes_nothing_that_is_optional_along() -> None:
    script = (
        "import sys, silverbullet; print(sorted({'pandas', 'polars', 'adbc_driver_flightsql', 'adbc_driver_manager', 'pyspark',"
        " 'scipy'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"
