//! Puts the built page (`web/dist`) into the program: a table of its files with their type, tag and gzip form.
//!
//! Without a built page the table is empty and the build succeeds all the same. Files are copied, so that a
//! page that is built anew at the same time cannot take them away from the compiler.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Content type by extension; what is not listed is served as bytes.
const KINDS: [(&str, &str); 13] = [
    ("html", "text/html; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("svg", "image/svg+xml"),
    ("json", "application/json"),
    ("map", "application/json"),
    ("txt", "text/plain; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("png", "image/png"),
    ("ico", "image/x-icon"),
    ("woff2", "font/woff2"),
    ("webmanifest", "application/manifest+json"),
];

/// Types that gzip makes smaller.
const TEXT: [&str; 9] = ["html", "js", "mjs", "css", "svg", "json", "map", "txt", "wasm"];

fn main() -> io::Result<()> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from).ok_or_else(|| not_set(name));
    let web = variable("CARGO_MANIFEST_DIR")?.join("../../web");
    let out = variable("OUT_DIR")?;
    let dist = web.join("dist");
    println!("cargo:rerun-if-changed=build.rs");
    // A path that does not exist would have this run, and the crate compiled, every time.
    if let Some(watched) = [&dist, &web].into_iter().find(|path| path.is_dir()) {
        println!("cargo:rerun-if-changed={}", watched.display());
    }
    let mut files = Vec::new();
    if dist.join("index.html").is_file() {
        collect(&dist, &mut files)?;
    }
    files.sort();
    let copies = out.join("page");
    if copies.exists() {
        fs::remove_dir_all(&copies)?;
    }
    fs::create_dir_all(&copies)?;
    let mut table = String::from("&[\n");
    for (number, file) in files.iter().enumerate() {
        table += &entry(&dist, file, &copies.join(number.to_string()))?;
    }
    table += "]\n";
    fs::write(out.join("page.rs"), table)
}

/// One file as an expression of the table; its bytes go to `copy`, compressed ones beside it.
fn entry(dist: &Path, file: &Path, copy: &Path) -> io::Result<String> {
    let body = fs::read(file)?;
    fs::write(copy, &body)?;
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let kind = KINDS.iter().find(|(known, _)| *known == extension);
    let kind = kind.map_or("application/octet-stream", |(_, kind)| kind);
    let mut gzip = String::from("None");
    if TEXT.contains(&extension) {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&body)?;
        let compressed = encoder.finish()?;
        if compressed.len() * 10 < body.len() * 9 {
            let path = copy.with_extension("gz");
            fs::write(&path, compressed)?;
            gzip = format!("Some(include_bytes!({path:?}))");
        }
    }
    let path = file.strip_prefix(dist).map_err(io::Error::other)?;
    let path: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    let tag = blake3::hash(&body).to_hex();
    let mut expression = String::new();
    writeln!(
        expression,
        "    Asset {{ path: {:?}, kind: {kind:?}, tag: {:?}, body: include_bytes!({copy:?}), gzip: {gzip} }},",
        path.join("/"),
        &tag[..16],
    )
    .map_err(io::Error::other)?;
    Ok(expression)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn not_set(name: &str) -> io::Error {
    io::Error::other(format!("{name} is not set; build with cargo"))
}
