"""The jars of the Flink job are those of benchmarks/flink/jars.sha256: what is measured is what was pinned."""

import hashlib
import sys
from pathlib import Path

LOCK = Path(__file__).resolve().parents[1] / "flink" / "jars.sha256"


def sums(folder: Path) -> str:
    """One line a jar, as sha256sum prints it."""
    jars = sorted(folder.glob("*.jar"))
    return "".join(f"{hashlib.sha256(jar.read_bytes()).hexdigest()}  {jar.name}\n" for jar in jars)


def check(folder: Path) -> None:
    """Ends the run where the jars are others."""
    expected, found = (set(text.splitlines()) for text in (LOCK.read_text(), sums(folder)))
    if expected != found:
        for line in sorted(expected ^ found):
            print(f"  {'missing' if line in expected else 'unknown'}: {line}", file=sys.stderr)
        sys.exit(f"bench-kafka: the jars in {folder} are not those of {LOCK}; after a change of pom.xml: --lock-jars")


def lock(folder: Path) -> None:
    """Writes the list anew."""
    LOCK.write_text(sums(folder))
    print(f"wrote {LOCK}")
