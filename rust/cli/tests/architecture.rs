//! The shape of the workspace, as ARCHITECTURE.md tells it: pure crates stay pure, dependencies point one
//! way, and every crate takes the lints of the workspace.
//!
//! What is tested is what Cargo itself says of the workspace. A crate that has no line in [`MAY_USE`] fails
//! the tests, so that whoever adds one decides where it stands.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};
use figment::Figment;
use figment::providers::{Format, Toml};

/// Which of our own crates each of our crates may use, directly.
const MAY_USE: [(&str, &[&str]); 10] = [
    ("silverbullet-kernel", &[]),
    ("silverbullet-market", &["silverbullet-kernel"]),
    ("silverbullet-feeds", &["silverbullet-kernel", "silverbullet-market"]),
    ("silverbullet-engine", &["silverbullet-kernel", "silverbullet-market"]),
    ("silverbullet-store", &["silverbullet-kernel", "silverbullet-market", "silverbullet-engine"]),
    (
        "silverbullet-query",
        &["silverbullet-kernel", "silverbullet-market", "silverbullet-engine", "silverbullet-store"],
    ),
    (
        "silverbullet-server",
        &[
            "silverbullet-kernel",
            "silverbullet-market",
            "silverbullet-feeds",
            "silverbullet-engine",
            "silverbullet-store",
            "silverbullet-query",
        ],
    ),
    // The native module of the Python package, which an interpreter loads.
    ("silverbullet-python", &["silverbullet-kernel", "silverbullet-market", "silverbullet-store"]),
    // An exchange for tests, which nothing is linked with.
    ("silverbullet-exchange-replay", &[]),
    (
        "silverbullet-cli",
        &[
            "silverbullet-kernel",
            "silverbullet-market",
            "silverbullet-feeds",
            "silverbullet-engine",
            "silverbullet-store",
            "silverbullet-query",
            "silverbullet-server",
        ],
    ),
];

/// Crates that hold numbers, windows and decisions, and nothing that talks to the world.
const PURE: [&str; 2] = ["silverbullet-kernel", "silverbullet-market"];

/// What a pure crate may not reach, with every crate of the same family (`tokio` means `tokio-util` too).
const IMPURE: [&str; 33] = [
    // Runtimes and sockets.
    "tokio",
    "async-std",
    "smol",
    "mio",
    "socket2",
    "hyper",
    "h2",
    "quinn",
    "reqwest",
    "rustls",
    "tungstenite",
    "ureq",
    "axum",
    "tower",
    "tonic",
    "prost",
    // Services and stores.
    "rdkafka",
    "scylla",
    "deltalake",
    "datafusion",
    "object_store",
    "arrow-flight",
    "iceoryx2",
    // Other languages.
    "pyo3",
    "numpy",
    // What a person sees and sets.
    "clap",
    "ratatui",
    "crossterm",
    "indicatif",
    "figment",
    "tracing-subscriber",
    // Ambient randomness and signals.
    "getrandom",
    "ctrlc",
];

/// What the Python package must not bring along, so that its wheel builds in minutes.
const NOT_IN_THE_WHEEL: [&str; 6] =
    ["datafusion", "deltalake", "object_store", "parquet", "tonic", "rdkafka"];

/// The workspace as Cargo resolves it for this machine.
struct Workspace {
    metadata: Metadata,
}

impl Workspace {
    /// Reads it, offline, and makes sure that it holds exactly the crates of [`MAY_USE`].
    #[expect(clippy::expect_used, reason = "without the workspace's metadata there is nothing to test")]
    fn load() -> Self {
        let metadata = MetadataCommand::new()
            .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
            // Only this machine's dependencies: those of others were never downloaded.
            .other_options(
                ["--locked", "--offline", "--filter-platform", "host-tuple"].map(str::to_owned).to_vec(),
            )
            .exec()
            .expect("cargo metadata answers for the workspace");
        let workspace = Self { metadata };
        let found: BTreeSet<&str> = workspace.crates().map(|package| package.name.as_str()).collect();
        let known: BTreeSet<&str> = MAY_USE.iter().map(|(name, _)| *name).collect();
        assert_eq!(found, known, "crates of the workspace (left) and lines of MAY_USE (right) differ");
        workspace
    }

    fn crates(&self) -> impl Iterator<Item = &Package> {
        self.metadata.workspace_packages().into_iter()
    }

    #[expect(clippy::expect_used, reason = "load() has seen that every crate asked for is there")]
    fn package(&self, name: &str) -> &Package {
        self.crates().find(|package| package.name.as_str() == name).expect("a crate of the workspace")
    }

    /// Every package that `name` reaches through normal dependencies: its name, and the way there.
    #[expect(clippy::expect_used, reason = "cargo metadata was asked for the resolved graph")]
    fn reaches(&self, name: &str) -> BTreeMap<String, String> {
        let resolve = self.metadata.resolve.as_ref().expect("a resolved graph");
        let normal: BTreeMap<&PackageId, Vec<&PackageId>> = resolve
            .nodes
            .iter()
            .map(|node| {
                let is_normal = |kind: &cargo_metadata::DepKindInfo| kind.kind == DependencyKind::Normal;
                let uses = node.deps.iter().filter(|dep| dep.dep_kinds.iter().any(is_normal));
                (&node.id, uses.map(|dep| &dep.pkg).collect())
            })
            .collect();
        let start = &self.package(name).id;
        let mut ways = BTreeMap::from([(start, name.to_owned())]);
        let mut queue = VecDeque::from([start]);
        while let Some(user) = queue.pop_front() {
            for &used in &normal[user] {
                if !ways.contains_key(used) {
                    let way = format!("{} -> {}", ways[user], self.metadata[used].name);
                    ways.insert(used, way);
                    queue.push_back(used);
                }
            }
        }
        ways.remove(start);
        ways.into_iter().map(|(id, way)| (self.metadata[id].name.to_string(), way)).collect()
    }
}

fn is_impure(name: &str) -> bool {
    IMPURE.iter().any(|family| {
        name.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
    })
}

#[test]
fn pure_crates_reach_nothing_that_talks_to_the_world() {
    let workspace = Workspace::load();
    for name in PURE {
        let reached = workspace.reaches(name);
        assert!(reached.contains_key("serde"), "{name}: the walk found nothing it is known to use");
        let impure: Vec<&String> =
            reached.iter().filter(|(used, _)| is_impure(used)).map(|(_, way)| way).collect();
        assert!(impure.is_empty(), "{name} is pure, but reaches {impure:#?}");
        // Also what it uses on other platforms only, which the resolved graph leaves out.
        for dependency in &workspace.package(name).dependencies {
            let normal = dependency.kind == DependencyKind::Normal;
            assert!(!normal || !is_impure(&dependency.name), "{name} is pure, but lists {}", dependency.name);
        }
    }
}

#[test]
fn the_walk_finds_what_is_there() {
    let workspace = Workspace::load();
    let reached = workspace.reaches("silverbullet-server");
    for name in ["axum", "tokio", "mio", "socket2"] {
        assert!(
            reached.contains_key(name) && is_impure(name),
            "{name} is not seen under silverbullet-server"
        );
    }
    assert!(!is_impure("towering") && is_impure("tower-http") && is_impure("object_store"));
}

/// Here the workspace as a whole says nothing: in it the store has Delta tables, for others.
#[test]
#[expect(clippy::expect_used, reason = "without Cargo there is nothing to test")]
fn the_python_package_stays_light() {
    let tree =
        ["tree", "--offline", "--package", "silverbullet-python", "--edges", "normal", "--prefix", "none"];
    let cargo = std::process::Command::new(env!("CARGO"))
        .args(tree)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo tree runs");
    let told = String::from_utf8_lossy(&cargo.stdout);
    let reached: BTreeSet<&str> = told.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(
        ["pyo3", "clarabel", "scylla", "arrow"].iter().all(|name| reached.contains(name)),
        "the walk found too little: {}",
        String::from_utf8_lossy(&cargo.stderr)
    );
    let heavy: Vec<&&str> = NOT_IN_THE_WHEEL.iter().filter(|name| reached.contains(**name)).collect();
    assert!(heavy.is_empty(), "the wheel would carry {heavy:#?}");
}

#[test]
fn dependencies_point_one_way() {
    let workspace = Workspace::load();
    for (name, may_use) in MAY_USE {
        for dependency in &workspace.package(name).dependencies {
            // Tests may use what they like: nothing of them is linked into another crate.
            let counts = dependency.kind != DependencyKind::Development;
            if counts && dependency.name.starts_with("silverbullet-") {
                assert!(
                    may_use.contains(&dependency.name.as_str()),
                    "{name} may not use {}; it may use {may_use:?}",
                    dependency.name
                );
            }
        }
    }
    let used = workspace.reaches("silverbullet-cli");
    for (name, _) in MAY_USE.iter().filter(|(name, _)| *name != "silverbullet-cli") {
        let stands_alone = ["silverbullet-exchange-replay", "silverbullet-python"].contains(name);
        assert!(used.contains_key(*name) != stands_alone, "whether the program uses {name} is wrong");
    }
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    for package in Workspace::load().crates() {
        let manifest = Figment::from(Toml::file(package.manifest_path.as_std_path()));
        let inherits = manifest.extract_inner::<bool>("lints.workspace");
        assert!(
            matches!(inherits, Ok(true)),
            "{}: [lints] workspace = true is missing",
            package.manifest_path
        );
    }
}
