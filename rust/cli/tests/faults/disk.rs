//! A disk that a test can fill and enlarge.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small file system in memory, unmounted when this is dropped.
pub(crate) struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    /// Mounts one of `mib` MiB; tells why where this is not permitted.
    pub(crate) fn mount(mib: u32) -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        mount(&format!("size={mib}m"), folder.path())?;
        Ok(Self { folder })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file that takes all the room there is.
    pub(crate) fn fill(&self) -> PathBuf {
        let path = self.path().join("ballast");
        let mut file = std::fs::File::create(&path).unwrap();
        for block in [1 << 16, 1 << 12] {
            let zeros = vec![0; block];
            let full = loop {
                if let Err(error) = file.write_all(&zeros) {
                    break error;
                }
            };
            assert_eq!(full.kind(), std::io::ErrorKind::StorageFull, "{full}");
        }
        path
    }

    /// Makes it larger: `mib` MiB altogether.
    pub(crate) fn enlarge(&self, mib: u32) {
        mount(&format!("remount,size={mib}m"), self.path()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a run that is still ending must not keep it.
        let unmounted = Command::new("umount").arg("--lazy").arg(self.path()).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            println!("{} is still mounted", self.path().display());
        }
    }
}

fn mount(options: &str, folder: &Path) -> Result<(), String> {
    let mut command = Command::new("mount");
    command.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder);
    let output = command.output().map_err(|error| format!("mount: {error}"))?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
