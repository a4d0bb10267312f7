"""What stands beside the kernel and beside the data source, for tasks to import: it knows nothing of the driver."""

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition

#: Portfolios in one of NumPy's reused blocks.
BLOCK = 1 << 14


def moments_of(prices: pyarrow.Table) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of simple returns."""
    closes = np.column_stack([column.to_numpy() for column in prices.columns])
    returns = closes[1:] / closes[:-1] - 1.0
    return returns.mean(0), np.cov(returns.T)


def numpy_sharpe(prices: pyarrow.Table, portfolios: int, seed: int) -> float:
    """The best Sharpe ratio of portfolios drawn by NumPy at its best: single precision, blocks that are used again, one
    product with the covariance, the faster of two ways to sum up, as in the kernel's own benchmark."""
    mean, covariance = (part.astype(np.float32) for part in moments_of(prices))
    draw = np.random.Generator(np.random.SFC64(seed))
    x = np.empty((BLOCK, len(mean)), np.float32)
    y, ones = np.empty_like(x), np.ones(len(mean), np.float32)

    def block(einsum: bool) -> float:
        draw.standard_exponential(dtype=np.float32, out=x)
        np.matmul(x, covariance, out=y)
        variance = np.einsum("ij,ij->i", y, x) if einsum else np.multiply(y, x, out=y).sum(1)
        # Cheaper than dividing every weight by the sum of its row.
        total = x @ ones
        return float(((x @ mean / total) / (np.sqrt(variance) / total)).max())

    def seconds(einsum: bool) -> float:
        began = time.perf_counter()
        found.extend(block(einsum) for _ in range(4))
        return time.perf_counter() - began

    found: list[float] = []
    faster = seconds(True) < seconds(False)
    found.extend(block(faster) for _ in range(portfolios // BLOCK - len(found)))
    return max(found)


def python_sharpe(prices: pyarrow.Table, portfolios: int, seed: int) -> float:
    """The same as the usual tutorial has it: a loop with lists."""
    mean, covariance = (part.tolist() for part in moments_of(prices))
    draw, best = random.Random(seed), float("-inf")
    for _ in range(portfolios):
        weights = [draw.expovariate(1.0) for _ in mean]
        total = sum(weights)
        weights = [weight / total for weight in weights]
        expected = sum(weight * one for weight, one in zip(weights, mean, strict=True))
        variance = sum(
            weight * sum(other * one for other, one in zip(weights, row, strict=True))
            for weight, row in zip(weights, covariance, strict=True)
        )
        best = max(best, expected / variance**0.5)
    return best


def work(sharpe: Callable, portfolios: int) -> Callable[[pyarrow.Table, int], bytes]:
    """What a task does with one of them."""
    return lambda prices, part: np.float64(sharpe(prices, portfolios, part)).tobytes()


class FromMemory(DataSource):
    """Yields batches that lie in memory: as fast as a source in Python can be."""

    @classmethod
    def name(cls) -> str:
        """The format."""
        return "from_memory"

    def schema(self) -> str:
        """Given as an option."""
        return self.options["columns"]

    def reader(self, schema: object) -> DataSourceReader:
        """The reader."""
        return MemoryReader(self.options["files"].split(","))


class MemoryReader(DataSourceReader):
    """A partition is a file that is mapped into memory."""

    def __init__(self, files: list[str]) -> None:
        self.files = files

    def partitions(self) -> list[InputPartition]:
        """One a file."""
        return [InputPartition(file) for file in self.files]

    def read(self, partition: InputPartition) -> Iterator[pyarrow.RecordBatch]:
        """The batches, without a copy."""
        yield from pyarrow.ipc.open_file(pyarrow.memory_map(partition.value)).read_all().to_batches()


def into_files(folder: Path, batches: list[list[pyarrow.RecordBatch]]) -> list[str]:
    """Writes a file a partition, on a file system in memory."""
    names = []
    # Spark wants columns that may be null.
    schema = pyarrow.schema([field.with_nullable(True) for field in batches[0][0].schema])
    for number, part in enumerate(batches):
        names.append(str(folder / f"part-{number}.arrow"))
        with pyarrow.ipc.new_file(names[-1], schema) as writer:
            for batch in part:
                writer.write_batch(pyarrow.RecordBatch.from_arrays(batch.columns, schema=schema))
    return names


def drained(shares: list, patience: float) -> Callable[[Iterator[pyarrow.RecordBatch]], Iterator[pyarrow.RecordBatch]]:
    """Reads tickets inside a task: when it began and ended, and how many rows came."""
    from pyarrow import flight

    def run(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
        for number in (one for batch in batches for one in batch["id"].to_pylist()):
            url, ticket = shares[number]
            with flight.connect(url) as client:
                # All streams at once, as the peer's.
                time.sleep(max(0.0, patience - time.time()))
                began = time.time()
                rows = sum(chunk.data.num_rows for chunk in client.do_get(flight.Ticket(ticket)))
                yield pyarrow.RecordBatch.from_pydict({"began": [began], "ended": [time.time()], "rows": [rows]})

    return run
