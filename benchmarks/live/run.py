"""Measures the live loop: the program's own measurements, a file at full speed, and its window beside one of lists.

    python benchmarks/live/run.py PROGRAM FOLDER [ARGUMENT…]

PROGRAM is the example `throughput`, FOLDER a place for the file it reads; the arguments go to the program (`--quick` for a
look that takes seconds, `--help` for all). Without the recorded ticks in ../shared/data/ticks the file is left out.
"""

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TICKS = Path("../shared/data/ticks")
ROWS, QUICK_ROWS = 3_000_000, 200_000


def main(program: str, folder: Path, arguments: list[str]) -> None:
    """Runs everything."""
    quick = "--quick" in arguments
    rows = QUICK_ROWS if quick else ROWS
    file = folder / f"ticks-{rows}.csv"
    if TICKS.is_dir() and not file.exists():
        write = [sys.executable, str(HERE / "csv_of_ticks.py"), str(TICKS), str(file), str(rows)]
        subprocess.run(write, check=True)
    if file.exists():
        arguments = [*arguments, "--csv", str(file)]
    lines = run([program, *arguments])
    window = [line for line in lines if line.get("measurement") == "window"]
    if window:
        beside_lists(window, quick)


def run(command: list[str]) -> list[dict]:
    """Passes on what a command prints, and returns the lines of JSON among it."""
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or []:
            print(line, end="", flush=True)
            if line.startswith("{"):
                lines.append(json.loads(line))
    if process.returncode:
        sys.exit(process.returncode)
    return lines


def beside_lists(window: list[dict], quick: bool) -> None:
    """How many times faster the window is than one of lists."""
    print("\nwindow of lists in Python: the same prices, mean and variance only")
    numbers = ["--prices", "100000", "--runs", "1"] if quick else []
    [lists] = run([sys.executable, str(HERE / "window_of_lists.py"), *numbers])
    for line in window:
        ratio = line["median"] / lists["median"]
        print(f"  {line['what']}: {ratio:.0f} times as many prices a second as lists")
        print(json.dumps({"measurement": "window-ratio", "what": line["what"], "ratio": ratio}))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
