//! Footers of Parquet files, kept from one run of a process to the next: a report over files that have been read before
//! costs no call for what is in them.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use datafusion::execution::cache::{
    cache_manager::{CacheManagerConfig, FileMetadataCache},
    default_cache::DefaultCache,
};

/// Memory that they may take, in bytes.
const LIMIT: usize = 16 << 20;

/// S3 tells to the second when a file was changed, by a clock that may differ from ours.
const CLOSE: Duration = Duration::from_secs(60);

/// What is known of files that are not changed any more.
#[derive(Clone)]
pub(super) struct Footers {
    cache: Arc<FileMetadataCache>,
    /// When the run began that came last.
    begun: Arc<Mutex<SystemTime>>,
}

impl Default for Footers {
    fn default() -> Self {
        Self { cache: Arc::new(DefaultCache::new(LIMIT)), begun: Arc::new(Mutex::new(SystemTime::now())) }
    }
}

impl Footers {
    /// For a run that begins. A file is the one that is known if it is as long and as old: one that was read soon after a change
    /// may have been changed once more, and is forgotten. Listings and statistics are not kept at all.
    pub(super) fn of_this_run(&self) -> CacheManagerConfig {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *begun;
        *begun = SystemTime::now();
        for (path, known) in self.cache.list_entries() {
            if SystemTime::from(known.value.meta.last_modified) + CLOSE > before {
                self.cache.remove(&path);
            }
        }
        CacheManagerConfig::default()
            .with_file_metadata_cache(Some(self.cache.clone()))
            .with_metadata_cache_limit(LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs, path::Path};

    use futures::TryStreamExt;
    use object_store::local::LocalFileSystem;
    use tempfile::TempDir;
    use waybill::domain::definition::{Binding, ColumnKind};

    use super::*;
    use crate::{
        engine::{Engine, Query, datafusion::DataFusion},
        fixture::{dataset, definition, parquet},
    };

    /// Whether a report over the file of `folder` can be made.
    async fn is_read(engine: &DataFusion) -> bool {
        let bound = dataset("sales/", &[], Binding::Public);
        let definition = definition("SELECT item FROM sales", &[("item", ColumnKind::Text)], [("sales", bound)]);
        let parameters = BTreeMap::new();
        let query = Query { definition: &definition, parameters: &parameters, filter: None, tenant: "acme" };
        match engine.run(query).await {
            Ok(run) => run.rows.try_collect::<Vec<_>>().await.is_ok_and(|rows| rows[0].num_rows() == 1),
            Err(_) => false,
        }
    }

    /// As if that had been written then.
    fn write(path: &Path, bytes: &[u8], changed: SystemTime) {
        fs::write(path, bytes).unwrap();
        fs::File::options().write(true).open(path).unwrap().set_modified(changed).unwrap();
    }

    /// Of a file that was changed `age` ago: whether it is read again once its footer is gone, as if nothing had changed,
    /// and once it is known to have.
    async fn is_read_without_footer(age: Duration) -> (bool, bool) {
        let lake = TempDir::new().unwrap();
        let path = lake.path().join("sales/1.parquet");
        fs::create_dir(lake.path().join("sales")).unwrap();
        let store = Arc::new(LocalFileSystem::new_with_prefix(lake.path()).unwrap());
        let engine = DataFusion::new(store, 0, lake.path().join("spill"));
        let changed = SystemTime::now() - age;
        let mut file = parquet(&[("acme", "a", 1, 0)]);
        write(&path, &file, changed);
        assert!(is_read(&engine).await);
        let end = file.len();
        file[end - 40..].fill(0);
        write(&path, &file, changed);
        let unnoticed = is_read(&engine).await;
        write(&path, &file, changed + Duration::from_secs(1));
        (unnoticed, is_read(&engine).await)
    }

    #[tokio::test]
    async fn are_kept_until_the_file_is_another() {
        assert_eq!(is_read_without_footer(Duration::from_secs(3_600)).await, (true, false));
    }

    #[tokio::test]
    async fn are_forgotten_where_the_next_change_might_look_like_the_last() {
        assert_eq!(is_read_without_footer(Duration::from_secs(1)).await, (false, false));
    }
}
