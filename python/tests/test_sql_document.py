"""docs/sql.md: every query in it runs, and gives what its golden file says; tables and functions are those there are.

SILVERBULLET_WRITE_GOLDEN=1 writes the golden files and the lists of the document anew.
"""

import json
import os
import re
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).parents[2] / "docs" / "sql.md"
GOLDEN = Path(__file__).parent / "golden" / "sql"
WRITE = bool(os.environ.get("SILVERBULLET_WRITE_GOLDEN"))
MARK = "<!-- What stands below is written by the tests: SILVERBULLET_WRITE_GOLDEN=1 make test-tables -->\n"
QUERIES = re.findall(r"^```sql\n(.*?)^```$", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)


def written(path: Path, text: str) -> None:
    """Compares with what is there, or writes it."""
    if WRITE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert path.is_file(), f"{path} is missing: SILVERBULLET_WRITE_GOLDEN=1 writes it"
    assert path.read_text() == text


def rounded(value: object) -> object:
    """Twelve digits: sums may be formed in another order."""
    return float(f"{value:.12g}") if isinstance(value, float) else value


def test_there_are_ten_queries_and_a_golden_file_for_each() -> None:
    assert len(QUERIES) == 10
    assert WRITE or sorted(path.stem for path in GOLDEN.glob("*.json")) == [f"{n:02}" for n in range(1, 11)]


@pytest.mark.parametrize("number", range(1, len(QUERIES) + 1))
def test_query(number: int, sql) -> None:
    rows = sql(QUERIES[number - 1])
    assert rows, "no rows"
    lines = [json.dumps({name: rounded(value) for name, value in row.items()}) for row in rows]
    written(GOLDEN / f"{number:02}.json", "".join(f"{line}\n" for line in lines))


def test_the_lists_are_those_of_the_program(sql) -> None:
    tables = sql("select table_schema, table_name, comment from catalog.tables order by table_schema <> 'public', table_schema, table_name")
    columns = sql("select * from catalog.columns")
    functions = sql("select * from catalog.functions order by function_name")
    lines = ["", "## Functions", "| function | gives |", "|---|---|"]
    lines += [f"| `{row['signature']}` | {row['comment']} |" for row in functions]
    lines += ["", "## Tables"]
    for table in tables:
        schema, name = table["table_schema"], table["table_name"]
        # What is on disk and what is not yet there have the columns of the plain table.
        plain = any(other["table_schema"] == "public" and other["table_name"] == name for other in tables)
        if schema != "public" and plain:
            continue
        title = name if schema == "public" else f"{schema}.{name}"
        lines += ["", f"**`{title}`**: {table['comment']}", "", "| column | type | unit | meaning |", "|---|---|---|---|"]
        lines += [
            f"| `{row['column_name']}` | {row['data_type']} | {row['unit'] or ''} | {row['comment']} |"
            for row in columns
            if (row["table_schema"], row["table_name"]) == (schema, name)
        ]
    head, _, _ = DOCUMENT.read_text().partition(MARK)
    written(DOCUMENT, head + MARK + "\n".join(lines) + "\n")
