//! Compaction: many small files become one larger one, its rows in the order of their bars.
//!
//! A file is rewritten at most once on each of two levels: small ones into middling ones, middling ones into
//! files that are closed for good. The files of a level follow each other in time and hold their rows in order,
//! so that they are read one after the other and never all at once, and the row groups of the new file hold
//! bars next to each other.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::error::ArrowError;
use deltalake::DeltaTable;
use deltalake::kernel::transaction::CommitProperties;
use deltalake::kernel::{Action, LogicalFileView};
use deltalake::protocol::DeltaOperation;
use deltalake::writer::DeltaWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{DataFile, commit, failed, files, safety, writer};
use crate::directory::DataDirectory;
use crate::error::{Error, Result};
use crate::failpoints::point;
use crate::schema::Table;

const MIB: u64 = 1 << 20;
/// Files below this are small.
const SMALL: u64 = 8 * MIB;
/// Files from this size on are closed.
const CLOSED: u64 = 64 * MIB;
/// Most that one new file is made of.
const LARGEST: u64 = 128 * MIB;
/// So many files of one level are worth being made into one.
const ENOUGH: usize = 8;
/// Rows read at once.
const ROWS: usize = 8_192;

type Viewed = (DataFile, LogicalFileView);

/// Makes small files into larger ones; gives the number of the small ones.
pub(super) async fn compact(directory: &DataDirectory, table: Table, delta: &mut DeltaTable) -> Result<u64> {
    let mut compacted = 0;
    let all = files::with_views(delta).map_err(|source| failed("tidy", table, source))?;
    for group in groups(all) {
        compacted += group.len() as u64;
        merge(directory, table, delta, &group).await?;
    }
    Ok(compacted)
}

/// What is to become one file each.
fn groups(mut all: Vec<Viewed>) -> Vec<Vec<Viewed>> {
    all.retain(|(file, _)| file.size < CLOSED && !file.has_deleted_rows);
    let level = |file: &DataFile| usize::from(file.size >= SMALL);
    all.sort_by_cached_key(|(file, _)| {
        (file.partition.clone(), level(file), file.least("bar"), file.written, file.path.clone())
    });
    let mut groups = Vec::new();
    for of_level in all.chunk_by(|(a, _), (b, _)| a.partition == b.partition && level(a) == level(b)) {
        if of_level.len() < ENOUGH {
            continue;
        }
        let mut group: Vec<Viewed> = Vec::new();
        let mut bytes = 0;
        for viewed in of_level {
            if bytes + viewed.0.size > LARGEST && !group.is_empty() {
                groups.push(std::mem::take(&mut group));
                bytes = 0;
            }
            bytes += viewed.0.size;
            group.push(viewed.clone());
        }
        groups.push(group);
    }
    groups.retain(|group| group.len() > 1);
    groups
}

async fn merge(
    directory: &DataDirectory,
    table: Table,
    delta: &mut DeltaTable,
    group: &[Viewed],
) -> Result<()> {
    let fail = |source| failed("tidy", table, source);
    let mut writer = writer(delta).map_err(fail)?;
    for (file, _) in group {
        for batch in read(directory, table, file)? {
            writer.write(batch?).await.map_err(fail)?;
        }
    }
    let mut actions: Vec<Action> =
        group.iter().map(|(_, view)| Action::Remove(view.remove_action(false))).collect();
    let written = writer.flush().await.map_err(fail)?;
    safety::sync_files(directory, table, &written)?;
    for mut added in written {
        added.data_change = false;
        actions.push(Action::Add(added));
    }
    point!("compaction-before-commit");
    let operation = DeltaOperation::Optimize { predicate: None, target_size: LARGEST.cast_signed() };
    commit(delta, CommitProperties::default(), actions, operation).await.map_err(fail)?;
    safety::sync_log(directory, table, delta)?;
    point!("compaction-after-commit");
    Ok(())
}

/// The rows of `file`, a few thousand at a time, with all columns of the table.
pub(super) fn read(
    directory: &DataDirectory,
    table: Table,
    file: &DataFile,
) -> Result<impl Iterator<Item = Result<RecordBatch>>> {
    let path = directory.table(table).join(&file.path);
    let opened = File::open(&path).map_err(|source| Error::io("cannot read", &path, source))?;
    let damaged = |path: &Path, error: String| Error::Damaged { path: path.to_path_buf(), reason: error };
    let reader = ParquetRecordBatchReaderBuilder::try_new(opened)
        .and_then(|reader| reader.with_batch_size(ROWS).build())
        .map_err(|error| damaged(&path, error.to_string()))?;
    let file = file.clone();
    let whole = move |batch: std::result::Result<RecordBatch, ArrowError>| {
        let batch = batch.and_then(|batch| whole(table, &file, &batch));
        batch.map_err(|error| damaged(&path, error.to_string()))
    };
    Ok(reader.map(whole))
}

/// `batch` of `file` with all columns of the table: those that name its folder are not in the file.
fn whole(table: Table, file: &DataFile, batch: &RecordBatch) -> std::result::Result<RecordBatch, ArrowError> {
    let schema = table.schema();
    let rows = batch.num_rows();
    let repeat =
        |text: &str| Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, rows))) as ArrayRef;
    let column = |name: &str, data_type| match (&file.partition, name) {
        (Some((universe, _)), "universe") => Ok(repeat(universe)),
        (Some((_, variant)), "variant") => Ok(repeat(variant)),
        _ => {
            let missing = || ArrowError::SchemaError(format!("there is no column {name}"));
            cast(batch.column_by_name(name).ok_or_else(missing)?, data_type)
        }
    };
    let columns: std::result::Result<Vec<_>, _> =
        schema.fields().iter().map(|field| column(field.name(), field.data_type())).collect();
    RecordBatch::try_new(Arc::clone(&schema), columns?)
}
