//! Wallet transactions for a test's own tenant.

use std::{fs, path::PathBuf};

use tempfile::TempDir;
use waybill_local::lake;

use crate::world::World;

/// A generated lake, on disk for DuckDB and in the lake bucket for the worker.
pub struct Lake {
    dir: TempDir,
    tenant: String,
}

impl Lake {
    /// Generates `rows` transactions and uploads them `copies` times, which is quicker than generating more.
    pub async fn generate(world: &World, tenant: &str, rows: u64, copies: u32) -> Self {
        let dir = TempDir::new().unwrap();
        // Tenants differ: the seed is made from the id.
        let seed = tenant.bytes().fold(7, |seed: u64, byte| seed.wrapping_mul(31) + u64::from(byte));
        let (out, tenants) = (dir.path().to_owned(), vec![tenant.to_owned()]);
        tokio::task::spawn_blocking(move || lake::generate(&out, rows, seed, &tenants).unwrap()).await.unwrap();
        let lake = Self { dir, tenant: tenant.to_owned() };
        for file in lake.files() {
            let content = fs::read(&file).unwrap();
            let month = file.parent().unwrap().strip_prefix(lake.dir.path()).unwrap().display().to_string();
            for copy in 0..copies {
                let key = format!("wallet/transactions/{month}/part-{copy:04}.parquet");
                world.put(&world.stack.buckets.lake, &key, content.clone()).await;
            }
        }
        lake
    }

    /// Its files, for DuckDB.
    pub fn glob(&self) -> String {
        format!("{}/tenant={}/*/*.parquet", self.dir.path().display(), self.tenant)
    }

    fn files(&self) -> Vec<PathBuf> {
        let months = fs::read_dir(self.dir.path().join(format!("tenant={}", self.tenant))).unwrap();
        let mut files: Vec<_> = months.map(|month| month.unwrap().path().join("part-0000.parquet")).collect();
        files.sort();
        files
    }
}
