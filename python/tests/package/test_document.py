"""docs/python.md: every block of Python in it runs, in order, and prints what the document says."""

import contextlib
import io

import pytest
from documents import Block, blocks

DOCUMENT = "docs/python.md"
PYTHON = [block for block in blocks(DOCUMENT) if block.kind.startswith("python")]
#: Shared by the blocks, as one reads them: what one defines the next ones use.
NAMES: dict[str, object] = {}


def expected_after(block: Block) -> str | None:
    """The text block right after it, if there is one: what it prints."""
    everything = blocks(DOCUMENT)
    following = everything[everything.index(block) + 1 :][:1]
    return following[0].text if following and following[0].kind == "text" else None


def test_there_are_blocks_and_most_say_what_they_print() -> None:
    assert len(PYTHON) >= 6
    assert sum(expected_after(block) is not None for block in PYTHON) >= 5


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: f"line{block.line}")
def test_block(block: Block, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    from service import PROJECT

    monkeypatch.chdir(PROJECT)
    text = block.text
    if "grpc://127.0.0.1:50051" in text:
        text = text.replace("grpc://127.0.0.1:50051", request.getfixturevalue("served"))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(text, f"{DOCUMENT}:{block.line}", "exec"), NAMES)
    expected = expected_after(block)
    assert expected is None or printed.getvalue() == expected
