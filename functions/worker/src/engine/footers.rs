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
    use std::{
        collections::BTreeMap,
        fmt, fs,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use futures::{TryStreamExt, stream::BoxStream};
    use object_store::{
        CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
        PutOptions, PutPayload, PutResult, Result, local::LocalFileSystem, path::Path as Key,
    };
    use tempfile::TempDir;
    use waybill::domain::definition::{Binding, ColumnKind};

    use super::*;
    use crate::{
        engine::{Engine, Query, datafusion::DataFusion},
        fixture::{dataset, definition, parquet},
    };

    /// A folder that counts what is read, as S3 would.
    #[derive(Debug)]
    struct Counting {
        folder: LocalFileSystem,
        gets: Arc<AtomicUsize>,
    }

    impl fmt::Display for Counting {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.folder.fmt(f)
        }
    }

    #[async_trait::async_trait]
    impl ObjectStore for Counting {
        async fn put_opts(&self, at: &Key, bytes: PutPayload, options: PutOptions) -> Result<PutResult> {
            self.folder.put_opts(at, bytes, options).await
        }

        async fn put_multipart_opts(&self, at: &Key, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
            self.folder.put_multipart_opts(at, options).await
        }

        async fn get_opts(&self, at: &Key, options: GetOptions) -> Result<GetResult> {
            self.gets.fetch_add(1, Ordering::Relaxed);
            self.folder.get_opts(at, options).await
        }

        fn delete_stream(&self, at: BoxStream<'static, Result<Key>>) -> BoxStream<'static, Result<Key>> {
            self.folder.delete_stream(at)
        }

        fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, Result<ObjectMeta>> {
            self.folder.list(prefix)
        }

        async fn list_with_delimiter(&self, prefix: Option<&Key>) -> Result<ListResult> {
            self.folder.list_with_delimiter(prefix).await
        }

        async fn copy_opts(&self, from: &Key, to: &Key, options: CopyOptions) -> Result<()> {
            self.folder.copy_opts(from, to, options).await
        }
    }

    struct Lake {
        folder: TempDir,
        engine: DataFusion,
        gets: Arc<AtomicUsize>,
    }

    impl Lake {
        fn new() -> Self {
            let folder = TempDir::new().unwrap();
            fs::create_dir(folder.path().join("sales")).unwrap();
            let gets = Arc::new(AtomicUsize::new(0));
            let store = LocalFileSystem::new_with_prefix(folder.path()).unwrap();
            let store = Arc::new(Counting { folder: store, gets: gets.clone() });
            Self { engine: DataFusion::new(store, 0, folder.path().join("spill")), folder, gets }
        }

        /// As if that had been written then.
        fn write(&self, name: &str, bytes: &[u8], changed: SystemTime) {
            let path = self.folder.path().join("sales").join(name);
            fs::write(&path, bytes).unwrap();
            fs::File::options().write(true).open(path).unwrap().set_modified(changed).unwrap();
        }

        /// Whether a report over its files can be made, and how often one of them was read for it.
        async fn report(&self) -> (bool, usize) {
            self.gets.store(0, Ordering::Relaxed);
            let bound = dataset("sales/", &[], Binding::Public);
            let definition = definition("SELECT item FROM sales", &[("item", ColumnKind::Text)], [("sales", bound)]);
            let parameters = BTreeMap::new();
            let query = Query { definition: &definition, parameters: &parameters, filter: None, tenant: "acme" };
            let made = match self.engine.run(query).await {
                Ok(run) => run.rows.try_collect::<Vec<_>>().await.is_ok_and(|rows| rows[0].num_rows() == 2),
                Err(_) => false,
            };
            (made, self.gets.load(Ordering::Relaxed))
        }
    }

    /// Two rows that differ, or the footer would tell all of them.
    fn sales() -> Vec<u8> {
        parquet(&[("acme", "a", 1, 0), ("acme", "b", 2, 0)])
    }

    #[tokio::test]
    async fn files_that_are_known_are_only_read_for_their_rows() {
        let lake = Lake::new();
        for file in 0..5 {
            lake.write(&format!("{file}.parquet"), &sales(), SystemTime::now() - Duration::from_secs(3_600));
        }
        assert_eq!(lake.report().await, (true, 10));
        assert_eq!(lake.report().await, (true, 5));
    }

    /// Of a file that was changed `age` ago: whether it can be read once its footer is gone, as if nothing had changed, and
    /// once it is known to have.
    async fn is_read_without_footer(age: Duration) -> (bool, bool) {
        let lake = Lake::new();
        let changed = SystemTime::now() - age;
        let mut file = sales();
        lake.write("1.parquet", &file, changed);
        assert!(lake.report().await.0);
        let end = file.len();
        file[end - 40..].fill(0);
        lake.write("1.parquet", &file, changed);
        let unnoticed = lake.report().await.0;
        lake.write("1.parquet", &file, changed + Duration::from_secs(1));
        (unnoticed, lake.report().await.0)
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
