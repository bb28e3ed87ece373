//! Where a local cloud keeps its files. Everything is under the ignored `.local/` of the workspace.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::error::{Context, Error, Result};

/// The workspace's root.
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").components().fold(PathBuf::new(), |mut path, part| {
        match part {
            std::path::Component::ParentDir => _ = path.pop(),
            other => path.push(other),
        }
        path
    })
}

/// `.local/` of the workspace: what instances share (virtual environment, packages, recipients' keys).
pub fn shared_dir() -> PathBuf {
    workspace_root().join(".local")
}

/// A path as people see it: from the workspace's root where it lies within.
pub fn shown(path: &Path) -> std::path::Display<'_> {
    path.strip_prefix(workspace_root()).unwrap_or(path).display()
}

/// One local cloud. `default` is for exploring and the demo, `test` for the tests; both can run at once.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Its name: letters, digits and `-`.
    pub name: String,
    /// Its own folder.
    pub dir: PathBuf,
}

impl Instance {
    /// The instance of that name; its folder is made if need be.
    pub fn new(name: &str) -> Result<Self> {
        let fits = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !fits {
            return Err(Error::new(format!("use instance '{name}'"), "a name consists of a-z, 0-9 and '-'"));
        }
        let dir = shared_dir().join(name);
        fs::create_dir_all(&dir).context(format!("create {}", dir.display()))?;
        Ok(Self { name: name.to_owned(), dir })
    }

    /// What describes the running stack to people and tests.
    pub fn stack_file(&self) -> PathBuf {
        if self.name == "default" { shared_dir().join("stack.json") } else { self.dir.join("stack.json") }
    }

    /// Name of the CloudFormation stack.
    pub fn stack_name(&self) -> String {
        if self.name == "default" { "waybill".to_owned() } else { format!("waybill-{}", self.name) }
    }
}

/// Writes a file as a whole or not at all, so that a reader or an interrupted run never meets half of it.
/// `private` keeps other users of the machine from reading it.
pub fn write_file(path: &Path, content: &[u8], private: bool) -> Result<()> {
    let what = || format!("write {}", path.display());
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).context(what())?;
    }
    let part = path.with_extension(format!("part{}", std::process::id()));
    fs::write(&part, content).context(what())?;
    if private {
        restrict(&part).context(what())?;
    }
    fs::rename(&part, path).context(what())
}

#[cfg(unix)]
fn restrict(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn restrict(_path: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_holds_the_template() {
        assert!(workspace_root().join("infra/local/Cargo.toml").is_file());
    }

    #[test]
    fn paths_are_shown_from_the_root() {
        assert_eq!(shown(&shared_dir().join("stack.json")).to_string(), ".local/stack.json");
        assert_eq!(shown(Path::new("/elsewhere/x")).to_string(), "/elsewhere/x");
    }

    #[test]
    fn names_cannot_leave_the_folder() {
        for name in ["", "..", "a/b", "A", "a b"] {
            assert!(Instance::new(name).is_err(), "{name}");
        }
    }
}
