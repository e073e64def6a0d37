//! Who takes part: every package under `servers/` says so in its manifest, as `[package.metadata.echo]`.

use std::{
    collections::BTreeMap,
    fmt,
    io::BufReader,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use cargo_metadata::{Message, Metadata, MetadataCommand};
use serde::{Deserialize, Serialize};

use crate::workload::{Deflate, Figure, Group, Workload};

/// One echo in one of its styles.
#[derive(Clone, Debug, Serialize)]
pub struct Contestant {
    /// What it is called in the tables.
    pub name: String,
    /// The crate that is measured.
    #[serde(rename = "crate")]
    pub crate_name: String,
    /// That crate's version in the lockfile.
    pub version: String,
    /// What it is compared as.
    pub role: Role,
    /// How it answers; `None` when there is but one way.
    pub style: Option<Style>,
    /// What it runs on.
    pub runtime: Runtime,
    /// The tables that it is in; in that of deflate, it takes `default` and levels.
    groups: Vec<Group>,
    package: String,
}

/// What an echo is compared as.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A bare TCP echo, which shows what the kernel and the runtime cost.
    Limit,
    /// Another library.
    Peer,
    /// Squall.
    Ours,
}

/// What an echo runs on.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runtime {
    /// tokio.
    #[default]
    Tokio,
    /// async-std.
    AsyncStd,
}

/// How an echo answers.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// Receive, send, which writes.
    SendEach,
    /// Queue, and write when nothing is left to receive.
    Batched,
}

impl Style {
    fn argument(self) -> &'static str {
        match self {
            Self::SendEach => "send-each",
            Self::Batched => "batched",
        }
    }
}

impl fmt::Display for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SendEach => "send each",
            Self::Batched => "batched",
        })
    }
}

/// `[package.metadata.echo]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    name: String,
    #[serde(rename = "crate")]
    crate_name: String,
    role: Role,
    #[serde(default)]
    styles: Vec<Style>,
    groups: Vec<Group>,
    #[serde(default)]
    runtime: Runtime,
}

impl Contestant {
    /// Reads who takes part from the manifests of the workspace: the limits first, then Squall, then its peers.
    ///
    /// # Errors
    ///
    /// When a manifest is not as it should be.
    pub fn all(manifest_path: &Path) -> Result<Vec<Self>> {
        let metadata = MetadataCommand::new().manifest_path(manifest_path).exec()?;
        let mut contestants = Vec::new();
        for package in metadata.workspace_packages() {
            let Some(echo) = package.metadata.get("echo") else { continue };
            let manifest: Manifest = serde_json::from_value(echo.clone())
                .with_context(|| format!("in the manifest of {}", package.name))?;
            let version = version(&metadata, &manifest.crate_name)?;
            let styles = manifest.styles.iter().copied().map(Some);
            let only_style = manifest.styles.is_empty().then_some(None);
            contestants.extend(styles.chain(only_style).map(|style| Self {
                name: manifest.name.clone(),
                crate_name: manifest.crate_name.clone(),
                version: version.clone(),
                role: manifest.role,
                style,
                runtime: manifest.runtime,
                groups: manifest.groups.clone(),
                package: package.name.to_string(),
            }));
        }
        let rank = |role| match role {
            Role::Limit => 0,
            Role::Ours => 1,
            Role::Peer => 2,
        };
        contestants.sort_by_key(|contestant| rank(contestant.role));
        Ok(contestants)
    }

    /// One that is in no table, for tests of what is made of readings.
    #[cfg(test)]
    pub fn new(crate_name: &str, role: Role, style: Option<Style>, runtime: Runtime) -> Self {
        Self {
            name: crate_name.to_owned(),
            crate_name: crate_name.to_owned(),
            version: String::new(),
            role,
            style,
            runtime,
            groups: Vec::new(),
            package: String::new(),
        }
    }

    /// Whether it can take part in `workload`; the memory of a limit, its buffer, would say nothing.
    pub fn takes_part(&self, workload: &Workload) -> bool {
        let is_limit = self.role == Role::Limit;
        let knows_deflate = is_limit || self.groups.contains(&Group::Deflate);
        self.groups.contains(&workload.group)
            && (workload.deflate == Deflate::Off || knows_deflate)
            && !(workload.figure == Figure::Memory && is_limit)
    }

    /// The arguments that a server is started with; a limit sends back what is compressed as it came.
    pub fn arguments(&self, deflate: Deflate) -> Vec<String> {
        let mut arguments = vec!["--bind".to_owned(), "127.0.0.1:0".to_owned()];
        if let Some(style) = self.style {
            arguments.extend(["--style".to_owned(), style.argument().to_owned()]);
        }
        if deflate != Deflate::Off && self.role != Role::Limit {
            arguments.extend(["--deflate".to_owned(), deflate.argument().to_owned()]);
        }
        arguments
    }

    /// The name of the package whose binary is the echo.
    pub fn package(&self) -> &str {
        &self.package
    }
}

impl fmt::Display for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match self.style {
            Some(style) => write!(f, ", {style}"),
            None => Ok(()),
        }
    }
}

fn version(metadata: &Metadata, crate_name: &str) -> Result<String> {
    let package = metadata.packages.iter().find(|package| package.name.as_str() == crate_name);
    Ok(package.with_context(|| format!("{crate_name} is in no manifest"))?.version.to_string())
}

/// The executables of echoes, by package.
pub type Executables = BTreeMap<String, PathBuf>;

/// Builds one echo with exactly the features that its own manifest asks for, and returns its executable.
///
/// # Errors
///
/// When it does not build.
pub fn build(manifest_path: &Path, package: &str) -> Result<PathBuf> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "build",
            "--release",
            "--quiet",
            "--message-format",
            "json-render-diagnostics",
            "--package",
            package,
        ])
        .arg("--manifest-path")
        .arg(manifest_path)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let output = cargo.stdout.take().context("no standard output")?;
    let mut executable = None;
    for message in Message::parse_stream(BufReader::new(output)) {
        if let Message::CompilerArtifact(artifact) = message? {
            executable = artifact.executable.or(executable);
        }
    }
    ensure!(cargo.wait()?.success(), "{package} does not build");
    Ok(executable.with_context(|| format!("{package} has no binary"))?.into())
}
