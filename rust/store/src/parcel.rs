//! A parcel: the rows between two cuts of the durable path, and the checkpoint at the later one.
//!
//! Whoever holds a parcel can store its rows and resume after them, or has neither. As bytes: eight that say
//! what this is, the format's version, a BLAKE3 checksum of the rest, and the rest by `postcard`, in which each
//! table's rows are one Arrow IPC stream.

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use serde::{Deserialize, Serialize};

use crate::batches::refused;
use crate::error::Result;
use crate::schema::Table;

/// What every parcel begins with.
const MARK: [u8; 8] = *b"SBparcel";
/// Raised whenever the form of a parcel or the columns of a table change.
const VERSION: u32 = 1;
/// Mark, version and checksum.
const HEAD: usize = MARK.len() + size_of::<u32>() + blake3::OUT_LEN;

/// Tells checkpoints apart.
pub type Digest = [u8; blake3::OUT_LEN];

/// The digest of a checkpoint's bytes.
#[must_use]
pub fn digest(checkpoint: &[u8]) -> Digest {
    *blake3::hash(checkpoint).as_bytes()
}

/// Rows between two cuts.
#[derive(Debug, Clone, PartialEq)]
pub struct Parcel {
    /// Name of the universe.
    pub universe: String,
    /// Its variant.
    pub variant: String,
    /// Digest of the checkpoint it goes on from; `None` where it goes on from the start of the input.
    pub after: Option<Digest>,
    /// The checkpoint at its end, as bytes.
    pub checkpoint: Vec<u8>,
    /// Last final bar at its end; `None` before the first one.
    pub bar: Option<i64>,
    /// Ordinal of the last event before it.
    pub events_before: i64,
    /// Its rows, one batch a table.
    pub batches: Vec<(Table, RecordBatch)>,
}

/// What a parcel is on disk.
#[derive(Serialize, Deserialize)]
struct Packed {
    universe: String,
    variant: String,
    after: Option<Digest>,
    checkpoint: Vec<u8>,
    bar: Option<i64>,
    events_before: i64,
    tables: Vec<(String, Vec<u8>)>,
}

impl Parcel {
    /// Universe and variant, as tables know who writes.
    #[must_use]
    pub fn application(&self) -> String {
        application(&self.universe, &self.variant)
    }

    /// Ordinal of its last event.
    #[must_use]
    pub fn events_after(&self) -> i64 {
        let events = self.batches.iter().find(|(table, _)| *table == Table::Events);
        self.events_before + events.map_or(0, |(_, batch)| batch.num_rows().cast_signed() as i64)
    }

    /// Rows of all tables.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.batches.iter().map(|(_, batch)| batch.num_rows()).sum()
    }

    /// What it takes in memory, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        let batches: usize = self.batches.iter().map(|(_, batch)| batch.get_array_memory_size()).sum();
        batches + self.checkpoint.len()
    }

    /// Digest of the checkpoint at its end.
    #[must_use]
    pub fn digest(&self) -> Digest {
        digest(&self.checkpoint)
    }

    /// The parcel as bytes.
    ///
    /// # Errors
    /// [`Error::Rows`](crate::Error::Rows), which no parcel of a store brings about.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut tables = Vec::with_capacity(self.batches.len());
        for (table, batch) in &self.batches {
            tables.push((table.name().to_owned(), ipc(batch).map_err(|source| refused(*table, source))?));
        }
        let packed = Packed {
            universe: self.universe.clone(),
            variant: self.variant.clone(),
            after: self.after,
            checkpoint: self.checkpoint.clone(),
            bar: self.bar,
            events_before: self.events_before,
            tables,
        };
        let payload = postcard::to_stdvec(&packed)
            .map_err(|error| refused(Table::Portfolios, ArrowError::ExternalError(Box::new(error))))?;
        let mut bytes = Vec::with_capacity(HEAD + payload.len());
        bytes.extend_from_slice(&MARK);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(blake3::hash(&payload).as_bytes());
        bytes.extend_from_slice(&payload);
        Ok(bytes)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// What is wrong with the bytes, in words.
    pub fn from_bytes(bytes: &[u8]) -> std::result::Result<Self, String> {
        let rest = bytes.strip_prefix(&MARK).ok_or("it is not a parcel of rows")?;
        let (version, rest) = rest.split_first_chunk().ok_or("it ends in its head")?;
        let version = u32::from_le_bytes(*version);
        if version != VERSION {
            return Err(format!("it has format {version}, this program reads format {VERSION}"));
        }
        let (checksum, payload) = rest.split_first_chunk().ok_or("it ends in its head")?;
        if blake3::hash(payload) != blake3::Hash::from_bytes(*checksum) {
            return Err("its checksum does not fit".to_owned());
        }
        let packed: Packed = postcard::from_bytes(payload).map_err(|error| error.to_string())?;
        let mut batches = Vec::with_capacity(packed.tables.len());
        for (name, bytes) in &packed.tables {
            let table = Table::ALL.into_iter().find(|table| table.name() == name);
            let table = table.ok_or_else(|| format!("it has rows of an unknown table {name}"))?;
            batches.push((table, from_ipc(table, bytes)?));
        }
        Ok(Self {
            universe: packed.universe,
            variant: packed.variant,
            after: packed.after,
            checkpoint: packed.checkpoint,
            bar: packed.bar,
            events_before: packed.events_before,
            batches,
        })
    }
}

/// Universe and variant in one name, as tables know who writes.
#[must_use]
pub fn application(universe: &str, variant: &str) -> String {
    format!("{universe}/{variant}")
}

fn ipc(batch: &RecordBatch) -> std::result::Result<Vec<u8>, ArrowError> {
    let mut bytes = Vec::new();
    let mut writer = StreamWriter::try_new(&mut bytes, &batch.schema())?;
    writer.write(batch)?;
    writer.finish()?;
    drop(writer);
    Ok(bytes)
}

fn from_ipc(table: Table, bytes: &[u8]) -> std::result::Result<RecordBatch, String> {
    let reader = StreamReader::try_new(bytes, None).map_err(|error| error.to_string())?;
    let batches: std::result::Result<Vec<_>, _> = reader.collect();
    let batches = batches.map_err(|error| error.to_string())?;
    let [batch] = batches.as_slice() else { return Err("it has not one batch a table".to_owned()) };
    if batch.schema() != table.schema() {
        return Err(format!("its {} have other columns than this program's", table.name()));
    }
    Ok(batch.clone())
}
