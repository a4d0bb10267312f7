//! The file of stored rows. Universes run side by side but the file has them one after the other, in the
//! order of their names, so that the same input gives the same bytes: the first writes straight into it, the
//! others into files beside it that are appended at the end.

use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

/// The file and the parts that are still beside it.
#[derive(Debug)]
pub(crate) struct Rows {
    path: PathBuf,
    parts: Vec<PathBuf>,
}

impl Rows {
    /// Creates the file and the parts; one writer for each of `universes`.
    pub(crate) fn create(
        path: &Path,
        universes: &[String],
    ) -> anyhow::Result<(Self, Vec<Box<dyn Write + Send>>)> {
        let mut writers: Vec<Box<dyn Write + Send>> = Vec::new();
        let mut parts = Vec::new();
        for (index, universe) in universes.iter().enumerate() {
            let mut name = path.as_os_str().to_owned();
            if index > 0 {
                name.push(format!(".{universe}.part"));
                parts.push(PathBuf::from(&name));
            }
            writers.push(Box::new(create(Path::new(&name))?));
        }
        Ok((Self { path: path.to_owned(), parts }, writers))
    }

    /// Appends the parts, once every writer has been flushed and dropped.
    pub(crate) fn join(self) -> anyhow::Result<()> {
        for part in &self.parts {
            append(&self.path, part).with_context(|| {
                format!("{} cannot be appended to {}", part.display(), self.path.display())
            })?;
        }
        Ok(())
    }
}

fn create(path: &Path) -> anyhow::Result<File> {
    let hint = "name a file in a folder you may write to";
    File::create(path).with_context(|| format!("{} cannot be written ({hint})", path.display()))
}

fn append(path: &Path, part: &Path) -> io::Result<()> {
    let mut whole = File::options().append(true).open(path)?;
    io::copy(&mut BufReader::new(File::open(part)?), &mut whole)?;
    fs::remove_file(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn universes_stand_one_after_the_other_whatever_order_they_wrote_in() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.jsonl");
        let names = ["a", "b", "c"].map(String::from);
        let (rows, mut writers) = Rows::create(&path, &names).unwrap();
        for index in [2, 0, 1, 0] {
            writeln!(writers[index], "{}", names[index]).unwrap();
        }
        drop(writers);
        rows.join().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "a\na\nb\nc\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_unwritable_file_is_named() {
        let error = Rows::create(Path::new("/nonexistent/rows.jsonl"), &["a".to_owned()]).err().unwrap();
        let message = format!("{error:#}");
        assert!(message.contains("/nonexistent/rows.jsonl") && message.contains("folder"), "{message}");
    }
}
