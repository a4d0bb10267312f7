#!/usr/bin/env python3
"""Checks that the notebooks in notebooks/ are committed without outputs and counts of execution.

Ends with 1 if any has some.

Usage: check-notebooks.py [--strip] [NOTEBOOK...]       --strip takes them out
"""

import json
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"


def strip(notebook: dict) -> list[int]:
    """Takes outputs out of a notebook; gives the numbers of the cells that had some."""
    had = []
    for number, cell in enumerate(notebook["cells"], 1):
        if cell["cell_type"] == "code" and (cell["outputs"] or cell["execution_count"] is not None):
            cell["outputs"], cell["execution_count"] = [], None
            had.append(number)
    return had


def main() -> int:
    arguments = sys.argv[1:]
    if "--help" in arguments or "-h" in arguments:
        print(__doc__.strip())
        return 0
    paths = [Path(name) for name in arguments if name != "--strip"] or sorted(FOLDER.glob("*.ipynb"))
    if not paths:
        print(f"check-notebooks: there are no notebooks in {FOLDER}", file=sys.stderr)
        return 1
    failed = 0
    for path in paths:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        had = strip(notebook)
        if had and "--strip" in arguments:
            path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        elif had:
            failed = 1
            cells = ", ".join(map(str, had))
            remedy = f"scripts/check-notebooks.py --strip {path}"
            print(f"check-notebooks: {path} has outputs (cells {cells}): {remedy}", file=sys.stderr)
    if not failed:
        print(f"check-notebooks: {len(paths)} notebooks have no outputs")
    return failed


if __name__ == "__main__":
    sys.exit(main())
