//! The local disk for one table: what is written goes into the table's folder or nowhere.
//!
//! The store for local files makes every folder that it misses. Where a disk is unmounted or a folder moved away
//! in the middle of a commit, it would so begin a second table at the old place, which would hide the first one
//! from whoever puts it back.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use deltalake::logstore::object_store::local::LocalFileSystem;
use deltalake::logstore::object_store::path::Path;
use deltalake::logstore::object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};
use deltalake::{DeltaTableBuilder, ensure_table_uri};
use futures::stream::BoxStream;

use super::Delta;
use crate::directory::DataDirectory;
use crate::schema::Table;

/// A handle on `table` in the making, which writes into the table's folder as long as that is there.
pub(super) fn builder(directory: &DataDirectory, table: Table) -> Delta<DeltaTableBuilder> {
    let folder = directory.table(table);
    let location = ensure_table_uri(folder.to_string_lossy())?;
    let store = Guarded { folder, disk: LocalFileSystem::new() };
    Ok(DeltaTableBuilder::from_url(location.clone())?.with_storage_backend(Arc::new(store), location))
}

/// The local disk; paths are whole ones.
#[derive(Debug)]
struct Guarded {
    /// Without it nothing is written.
    folder: PathBuf,
    disk: LocalFileSystem,
}

impl Guarded {
    fn check(&self) -> Result<()> {
        if self.folder.is_dir() {
            return Ok(());
        }
        let gone = format!("the folder {} has disappeared", self.folder.display());
        let source = Box::new(io::Error::new(io::ErrorKind::NotFound, gone));
        Err(Error::Generic { store: "LocalFileSystem", source })
    }
}

impl fmt::Display for Guarded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} as long as {} is there", self.disk, self.folder.display())
    }
}

#[async_trait]
impl ObjectStore for Guarded {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.check()?;
        self.disk.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.check()?;
        self.disk.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.disk.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.disk.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.disk.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.disk.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.disk.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.check()?;
        self.disk.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.check()?;
        self.disk.rename_opts(from, to, options).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_is_written_where_the_folder_was_and_all_is_when_it_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let directory = DataDirectory::new(folder.path());
        let table = directory.table(Table::Bars);
        std::fs::create_dir_all(&table).unwrap();
        let store = builder(&directory, Table::Bars).unwrap().build().unwrap().log_store().object_store(None);
        let away = folder.path().join("away");
        std::fs::rename(directory.tables(), &away).unwrap();
        let path = Path::from("universe=default/part");
        let put = |path| store.put_opts(path, PutPayload::from_static(b"x"), PutOptions::default());
        let error = put(&path).await.unwrap_err();
        assert!(error.to_string().contains("has disappeared"), "{error}");
        assert!(store.put_multipart_opts(&path, PutMultipartOptions::default()).await.is_err());
        assert!(!directory.tables().exists());
        std::fs::rename(&away, directory.tables()).unwrap();
        put(&path).await.unwrap();
        assert!(table.join("universe=default").join("part").is_file());
    }
}
