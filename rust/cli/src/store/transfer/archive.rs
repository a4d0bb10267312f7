//! Archives: a folder with one Parquet file a table, with the table's columns.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use arrow::array::{AsArray, RecordBatch};
use arrow::compute::{concat_batches, partition};
use arrow::datatypes::{DataType, Int64Type, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use silverbullet_store::{Table, numbered_by_bar};

use super::slices;

/// The file of a table.
pub(crate) fn path_of(folder: &Path, table: Table) -> PathBuf {
    folder.join(format!("{}.parquet", table.name()))
}

/// A file that is being written. It has its name only once it is whole.
pub(crate) struct Archive {
    writer: ArrowWriter<File>,
    partial: PathBuf,
    path: PathBuf,
}

impl Archive {
    pub(crate) fn create(folder: &Path, table: Table) -> anyhow::Result<Self> {
        let path = path_of(folder, table);
        let partial = path.with_extension("parquet.partial");
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(format!("silverbullet {}", env!("CARGO_PKG_VERSION")))
            .build();
        let file = File::create(&partial).with_context(|| format!("cannot write {}", partial.display()))?;
        let writer = ArrowWriter::try_new(file, table.schema(), Some(properties))?;
        Ok(Self { writer, partial, path })
    }

    pub(crate) fn write(&mut self, rows: &RecordBatch) -> anyhow::Result<()> {
        self.writer.write(rows).with_context(|| format!("cannot write {}", self.partial.display()))
    }

    pub(crate) fn finish(self) -> anyhow::Result<PathBuf> {
        let Self { writer, partial, path } = self;
        let failed = || format!("cannot write {}", partial.display());
        writer.into_inner().with_context(failed)?.sync_all().with_context(failed)?;
        std::fs::rename(&partial, &path).with_context(failed)?;
        Ok(path)
    }
}

/// The rows of an archive, a few whole bars of one universe and variant at a time.
pub(crate) struct Rows {
    table: Table,
    path: PathBuf,
    reader: ParquetRecordBatchReader,
    /// The rows of the file.
    pub(crate) total: u64,
    /// What was read and not given out yet.
    waiting: Option<RecordBatch>,
    ready: Vec<RecordBatch>,
}

impl Rows {
    pub(crate) fn open(folder: &Path, table: Table) -> anyhow::Result<Self> {
        let path = path_of(folder, table);
        let unreadable = || format!("{} cannot be read", path.display());
        let file = File::open(&path).with_context(unreadable)?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).with_context(unreadable)?;
        check(&path, table, builder.schema())?;
        let total = builder.metadata().file_metadata().num_rows().unsigned_abs();
        let reader =
            builder.with_batch_size(usize::try_from(slices::ROWS)?).build().with_context(unreadable)?;
        Ok(Self { table, path, reader, total, waiting: None, ready: Vec::new() })
    }

    fn read(&mut self) -> anyhow::Result<Option<RecordBatch>> {
        let unreadable = || format!("{} cannot be read", self.path.display());
        let Some(rows) = self.reader.next().transpose().with_context(unreadable)? else { return Ok(None) };
        as_stored(self.table, &rows).with_context(unreadable).map(Some)
    }

    /// Takes what was read: all of it where nothing follows, else all but the last bar, which may go on.
    fn take(&mut self, more: bool) -> anyhow::Result<()> {
        let Some(rows) = self.waiting.take() else { return Ok(()) };
        let scope = self.table.partitions();
        if scope.is_empty() {
            self.ready.push(rows);
            return Ok(());
        }
        let column = |name: &&str| rows.column_by_name(name).cloned();
        let bar = numbered_by_bar(self.table).then_some("bar");
        let of_bars: Vec<_> = scope.iter().copied().chain(bar).filter_map(|name| column(&name)).collect();
        let held = match partition(&of_bars)?.ranges().last() {
            Some(last) if more && bar.is_some() => last.clone(),
            _ => rows.num_rows()..rows.num_rows(),
        };
        let whole = rows.slice(0, held.start);
        if held.start < held.end {
            self.waiting = Some(rows.slice(held.start, held.len()));
        }
        if whole.num_rows() > 0 {
            let columns: Vec<_> =
                scope.iter().filter_map(|name| whole.column_by_name(name).cloned()).collect();
            let scopes = partition(&columns)?.ranges();
            self.ready.extend(scopes.into_iter().rev().map(|range| whole.slice(range.start, range.len())));
        }
        Ok(())
    }
}

impl Iterator for Rows {
    type Item = anyhow::Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(rows) = self.ready.pop() {
                return Some(Ok(rows));
            }
            let read = match self.read() {
                Ok(Some(read)) => read,
                Ok(None) if self.waiting.is_none() => return None,
                Ok(None) => match self.take(false) {
                    Ok(()) => continue,
                    Err(error) => return Some(Err(error)),
                },
                Err(error) => return Some(Err(error)),
            };
            let joined = match &self.waiting {
                Some(waiting) => concat_batches(&waiting.schema(), [waiting, &read]),
                None => Ok(read),
            };
            let taken = joined.map_err(Into::into).and_then(|joined| {
                self.waiting = Some(joined);
                self.take(true)
            });
            if let Err(error) = taken {
                return Some(Err(error));
            }
        }
    }
}

/// Refuses a file whose columns are not those of the table.
fn check(path: &Path, table: Table, found: &Schema) -> anyhow::Result<()> {
    for field in table.schema().fields() {
        let name = field.name();
        let column = found.field_with_name(name).map_err(|_| {
            anyhow!("{}: there is no column {name}, which {} has", path.display(), table.name())
        })?;
        if !is_alike(column.data_type(), field.data_type()) {
            let (is, wanted) = (column.data_type(), field.data_type());
            return Err(anyhow!("{}: column {name} is {is}, and {wanted} is wanted", path.display()));
        }
    }
    Ok(())
}

/// Whether values are the same, however they are laid out.
fn is_alike(found: &DataType, wanted: &DataType) -> bool {
    let text = |of: &DataType| matches!(of, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    let maps = |of: &DataType| matches!(of, DataType::Map(..));
    found == wanted || (text(found) && text(wanted)) || (maps(found) && maps(wanted))
}

/// Rows with the columns of their table, in its order.
pub(crate) fn as_stored(table: Table, rows: &RecordBatch) -> anyhow::Result<RecordBatch> {
    let schema = table.schema();
    let columns = schema.fields().iter().map(|field| {
        let column = rows.column_by_name(field.name());
        let column = column.with_context(|| format!("rows of {} without {}", table.name(), field.name()))?;
        Ok(arrow::compute::cast(column, field.data_type())?)
    });
    let columns = columns.collect::<anyhow::Result<Vec<_>>>()?;
    RecordBatch::try_new(schema, columns).with_context(|| format!("rows of {}", table.name()))
}

/// The first bar of rows and the last.
pub(crate) fn bars(rows: &RecordBatch) -> Option<(i64, i64)> {
    let bars = rows.column_by_name("bar")?.as_primitive_opt::<Int64Type>()?;
    Some((arrow::compute::min(bars)?, arrow::compute::max(bars)?))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray, new_null_array};

    use super::*;

    /// Rows of `assets` with universes and bars.
    fn assets(rows: &[(&str, i64)]) -> RecordBatch {
        let schema = Table::Assets.schema();
        let columns = schema.fields().iter().map(|field| -> ArrayRef {
            match (field.name().as_str(), field.data_type()) {
                ("universe", _) => Arc::new(rows.iter().map(|row| Some(row.0)).collect::<StringArray>()),
                ("bar", _) => Arc::new(rows.iter().map(|row| Some(row.1)).collect::<Int64Array>()),
                (_, DataType::Utf8) => Arc::new(StringArray::from(vec!["x"; rows.len()])),
                (_, DataType::Float64) => Arc::new(Float64Array::from(vec![1.0; rows.len()])),
                (_, other) if field.is_nullable() => new_null_array(other, rows.len()),
                (_, other) => {
                    let zeros = Arc::new(Int64Array::from(vec![0; rows.len()])) as ArrayRef;
                    arrow::compute::cast(&zeros, other).unwrap()
                }
            }
        });
        let columns = columns.collect();
        RecordBatch::try_new(schema, columns).unwrap()
    }

    #[test]
    fn what_is_written_is_read_again_with_no_bar_torn_apart() {
        let folder = tempfile::tempdir().unwrap();
        // The reader takes ROWS at a time: the bars of three rows do not fit evenly.
        let count = slices::ROWS * 2 + 1;
        let mut rows: Vec<(&str, i64)> = (0..count).map(|row| ("a", row / 3)).collect();
        rows.extend([("b", 0), ("b", 1)]);
        let all = assets(&rows);
        let mut archive = Archive::create(folder.path(), Table::Assets).unwrap();
        assert!(!path_of(folder.path(), Table::Assets).exists());
        archive.write(&all).unwrap();
        archive.finish().unwrap();
        let read = Rows::open(folder.path(), Table::Assets).unwrap();
        assert_eq!(read.total, rows.len() as u64);
        let parts: Vec<RecordBatch> = read.map(Result::unwrap).collect();
        assert_eq!(concat_batches(&all.schema(), &parts).unwrap(), all);
        let of = |universe: &str| -> Vec<(i64, i64)> {
            let is = |part: &&RecordBatch| part.column(0).as_string::<i32>().value(0) == universe;
            parts.iter().filter(is).map(|part| bars(part).unwrap()).collect()
        };
        let ends = of("a");
        assert!(ends.len() > 1 && ends.windows(2).all(|pair| pair[0].1 < pair[1].0), "{ends:?}");
        assert_eq!(of("b"), [(0, 0), (1, 1)]);
    }

    #[test]
    fn columns_of_another_type_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let table = Table::Assets.schema();
        let fields = table.fields().iter().map(|field| match field.name().as_str() {
            "price" => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8)),
            _ => field.clone(),
        });
        let fields: Vec<_> = fields.collect();
        let refused = check(folder.path(), Table::Assets, &Schema::new(fields)).unwrap_err().to_string();
        assert!(refused.contains("price is Utf8") && refused.contains("Float64"), "{refused}");
        let fewer = Schema::new(table.fields()[1..].to_vec());
        let refused = check(folder.path(), Table::Assets, &fewer).unwrap_err().to_string();
        assert!(refused.contains("no column universe"), "{refused}");
    }
}
