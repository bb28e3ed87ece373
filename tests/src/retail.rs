//! Invoice lines in the form of the public Online Retail data: that data itself where the machine has it, and a small
//! generated lake everywhere.

use std::{fs, path::PathBuf};

use serde_json::json;
use tempfile::TempDir;
use waybill_local::instance::workspace_root;

use crate::{python::python, skip, tenant::Tenant, world::World};

/// Lines of a generated lake.
const LINES: u64 = 3_000;

/// Where the public data is on this machine, as a glob for DuckDB; a skip is told where it is not.
pub fn public_data() -> Option<String> {
    let shared = std::env::var_os("WAYBILL_SHARED").map_or_else(|| workspace_root().join("../shared"), PathBuf::from);
    let dir = shared.join("data/online_retail");
    if dir.is_dir() {
        return Some(format!("{}/*/*.parquet", dir.display()));
    }
    skip::skipped("the Online Retail data is not on this machine (WAYBILL_SHARED names its folder)");
    None
}

/// A generated lake of one tenant's own, on disk for DuckDB and in the lake bucket for the worker.
pub struct Retail {
    dir: TempDir,
    location: String,
}

impl Retail {
    /// Generates and uploads it, and gives the tenant its own version of each of these definitions, which reads it.
    pub async fn generate(world: &World, tenant: &Tenant, reports: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let out = dir.path().join("lake");
        let made = python("retail.py", json!({ "out": out, "lines": LINES })).await;
        let location = format!("online_retail-{}/", tenant.id);
        for file in made["files"].as_array().unwrap() {
            let file = file.as_str().unwrap();
            let content = fs::read(out.join(file)).unwrap();
            world.put(&world.stack.buckets.lake, &format!("{location}{file}"), content).await;
        }
        for report in reports {
            let path = workspace_root().join(format!("infra/reports/{report}.toml"));
            let definition =
                fs::read_to_string(path).unwrap().replace("\"online_retail/\"", &format!("\"{location}\""));
            let key = format!("tenants/{}/reports/{report}.toml", tenant.id);
            world.put(&world.stack.buckets.config, &key, definition.into_bytes()).await;
        }
        Self { dir, location }
    }

    /// Puts a copy of a month's lines into the folder of another month.
    pub async fn misplace(&self, world: &World, month: &str, into: &str) {
        let content = fs::read(self.dir.path().join(format!("lake/month={month}/data_0.parquet"))).unwrap();
        let key = format!("{}month={into}/misplaced.parquet", self.location);
        world.put(&world.stack.buckets.lake, &key, content).await;
    }

    /// Its files, for DuckDB.
    pub fn glob(&self) -> String {
        format!("{}/lake/*/*.parquet", self.dir.path().display())
    }
}
