//! A digest of the sources that decide what is computed, so that executors can tell two builds of one version apart;
//! and how to link what only an interpreter completes.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    // Elsewhere the linker leaves what is missing to the loader unasked. maturin says the same, for wheels alone.
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "macos") {
        println!("cargo::rustc-link-arg-cdylib=-undefined");
        println!("cargo::rustc-link-arg-cdylib=dynamic_lookup");
    }
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let mut hasher = blake3::Hasher::new();
    for folder in ["../kernel/src", "../market/src", "src"] {
        println!("cargo::rerun-if-changed={folder}");
        let root = here.join(folder);
        let mut files = Vec::new();
        collect(&root, &mut files)?;
        files.sort();
        for file in files {
            let name = file.strip_prefix(&root).unwrap_or(&file).to_string_lossy().replace('\\', "/");
            hasher.update(folder.as_bytes()).update(b"/").update(name.as_bytes()).update(b"\0");
            hasher.update(&fs::read(&file)?).update(b"\0");
        }
    }
    println!("cargo::rustc-env=SILVERBULLET_SOURCES={}", &hasher.finalize().to_hex()[..16]);
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        // Where rows are kept decides no number in them.
        if path.ends_with("cassandra") {
            continue;
        }
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
