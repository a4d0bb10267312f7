"""Rows of Arrow whose buffers begin where numbers of their size may.

What comes over the network lies in memory as it came: pyarrow reads it from any place, the native module only from multiples of
eight bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

#: Bytes of the widest number in the tables.
WIDEST = 8


def aligned(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same rows; a copy only where a buffer begins elsewhere."""
    places = (buffer.address for column in batch.columns for buffer in column.buffers() if buffer is not None)
    if all(place % WIDEST == 0 for place in places):
        return batch
    return pa.ipc.read_record_batch(batch.serialize(), batch.schema)


def aligned_stream(rows: Any) -> pa.RecordBatchReader:
    """The same of what has ``__arrow_c_stream__``, batch by batch."""
    reader = pa.RecordBatchReader.from_stream(rows)
    return pa.RecordBatchReader.from_batches(reader.schema, _aligned(reader))


def _aligned(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    for batch in reader:
        yield aligned(batch)
