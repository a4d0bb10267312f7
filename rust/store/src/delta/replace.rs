//! Putting one row in place of another in one commit; for `runs`, which has few.

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use deltalake::DeltaTable;
use deltalake::kernel::Action;
use deltalake::kernel::transaction::CommitProperties;
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::writer::DeltaWriter;

use super::{commit, compact, failed, files, safety, writer};
use crate::batches::refused;
use crate::directory::DataDirectory;
use crate::error::Result;
use crate::failpoints;
use crate::schema::Table;

/// Puts `row` in place of the rows with its key, of which there is at most one.
pub(super) async fn replace(
    directory: &DataDirectory,
    table: Table,
    delta: &mut DeltaTable,
    row: &RecordBatch,
) -> Result<()> {
    let fail = |source| failed("write", table, source);
    let mut writer = writer(delta).map_err(fail)?;
    let mut actions = Vec::new();
    for (file, view) in files::with_views(delta).map_err(fail)? {
        let batches = compact::read(directory, table, &file)?.collect::<Result<Vec<_>>>()?;
        let others = batches.iter().map(|batch| others(table, batch, row)).collect::<Result<Vec<_>>>()?;
        let rows = |batches: &[RecordBatch]| batches.iter().map(RecordBatch::num_rows).sum::<usize>();
        if rows(&others) == rows(&batches) {
            continue;
        }
        actions.push(Action::Remove(view.remove_action(true)));
        for batch in others.into_iter().filter(|batch| batch.num_rows() > 0) {
            writer.write(batch).await.map_err(fail)?;
        }
    }
    writer.write(row.clone()).await.map_err(fail)?;
    let added = writer.flush().await.map_err(fail)?;
    safety::sync_files(directory, table, &added)?;
    actions.extend(added.into_iter().map(Action::Add));
    failpoints::of_table(table, true)?;
    let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
    commit(delta, CommitProperties::default(), actions, operation).await.map_err(fail)?;
    safety::sync_log(directory, table, delta)
}

/// The rows of `batch` whose key, all text, is not that of `row`.
fn others(table: Table, batch: &RecordBatch, row: &RecordBatch) -> Result<RecordBatch> {
    let key = |batch: &RecordBatch, at: usize| -> Vec<String> {
        let columns =
            table.key().iter().filter_map(|name| batch.column_by_name(name)?.as_string_opt::<i32>());
        columns.map(|column| column.value(at).to_owned()).collect()
    };
    let mine = key(row, 0);
    let keep: BooleanArray = (0..batch.num_rows()).map(|at| Some(key(batch, at) != mine)).collect();
    filter_record_batch(batch, &keep).map_err(|source| refused(table, source))
}
