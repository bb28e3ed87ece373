//! Datasets as bound views: what a tenant may see of a dataset, and nothing else of it.
//!
//! The listing table itself is never registered: the view is built over it, and only the view gets a name.

use std::sync::Arc;

use datafusion::{
    arrow::datatypes::{DataType, Schema},
    catalog::TableProvider,
    common::Column,
    datasource::{
        file_format::{FileFormat, csv::CsvFormat, json::JsonFormat, parquet::ParquetFormat},
        listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl},
    },
    error::DataFusionError,
    prelude::{Expr, SessionContext, cast, lit},
};
use futures::TryStreamExt;
use object_store::{ObjectMeta, path::Path};
use url::Url;
use waybill::domain::{
    definition::{Binding, Dataset, PartitionKind, Source},
    failure::FailureCode,
};

use super::fault::classify;
use crate::ProduceError;

/// Where the lake is registered, whatever bucket or folder stands behind it.
pub(super) const LAKE: &str = "lake://lake/";

/// What stands for the tenant in the location of a `path` binding.
const PLACE: &str = "{tenant}";

/// Files that a schema is inferred from, spread evenly over the listing with its first and its last. Columns
/// that came later are null in older files.
const SCHEMA_FILES: usize = 8;

/// The view of `dataset` that `tenant` gets; none if neither the tenant nor anybody else has a file there, so
/// that not even the columns are known.
pub(super) async fn bind(
    context: &SessionContext,
    dataset: &Dataset,
    tenant: &str,
) -> Result<Option<Arc<dyn TableProvider>>, ProduceError> {
    let location = location(dataset, tenant)?;
    let url = table_url(&location).map_err(classify)?;
    let (format, extension) = format(dataset.source);
    let Some(schema) = schema(context, dataset, &url, format.as_ref(), extension).await.map_err(classify)? else {
        return Ok(None);
    };
    let partitions = dataset.partitions.iter().map(|partition| (partition.name.clone(), data_type(partition.kind)));
    let options =
        ListingOptions::new(format).with_file_extension(extension).with_table_partition_cols(partitions.collect());
    let config = ListingTableConfig::new(url).with_listing_options(options).with_schema(Arc::new(schema));
    view(context, config, &dataset.binding, tenant).map(Some).map_err(classify)
}

fn view(
    context: &SessionContext,
    config: ListingTableConfig,
    binding: &Binding,
    tenant: &str,
) -> Result<Arc<dyn TableProvider>, DataFusionError> {
    let rows = context.read_table(Arc::new(ListingTable::try_new(config)?))?;
    let bound = match binding {
        Binding::Column(name) => {
            let column = Expr::Column(Column::from_name(name));
            rows.filter(cast(column, DataType::Utf8).eq(lit(tenant)))?
        }
        Binding::Path | Binding::Shared(_) | Binding::Public => rows,
    };
    Ok(bound.into_view())
}

/// The dataset's location with the tenant in it, if the binding lets the tenant have it at all.
fn location(dataset: &Dataset, tenant: &str) -> Result<String, ProduceError> {
    let named =
        (1..=64).contains(&tenant.len()) && tenant.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    if !named {
        return Err(ProduceError::internal("a tenant id that could break out of its location"));
    }
    let places = dataset.location.matches(PLACE).count();
    match &dataset.binding {
        Binding::Path if places != 1 => {
            Err(invalid("a path binding whose location does not name the tenant exactly once"))
        }
        Binding::Path => Ok(dataset.location.replace(PLACE, tenant)),
        Binding::Shared(tenants) if !tenants.iter().any(|listed| listed == tenant) => {
            let detail = "The report reads data that is not shared with this tenant.";
            Err(ProduceError::permanent(FailureCode::DefinitionInvalid, detail))
        }
        Binding::Column(_) | Binding::Shared(_) | Binding::Public if places != 0 => {
            Err(invalid("a location that names the tenant, without a path binding"))
        }
        Binding::Column(_) | Binding::Shared(_) | Binding::Public => Ok(dataset.location.clone()),
    }
}

fn invalid(reason: &'static str) -> ProduceError {
    ProduceError::permanent(FailureCode::DefinitionInvalid, "The report's datasets are not bound properly.")
        .because(reason)
}

/// The location as a folder of the lake; its segments are taken literally.
fn table_url(location: &str) -> Result<ListingTableUrl, DataFusionError> {
    let mut url = Url::parse(LAKE).map_err(|error| DataFusionError::External(Box::new(error)))?;
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.clear().extend(location.split('/').filter(|segment| !segment.is_empty())).push("");
    }
    ListingTableUrl::try_new(url, None)
}

fn format(source: Source) -> (Arc<dyn FileFormat>, &'static str) {
    match source {
        Source::Parquet => (Arc::new(ParquetFormat::default()), ".parquet"),
        Source::Csv => (Arc::new(CsvFormat::default().with_has_header(true)), ".csv"),
        Source::Ndjson => (Arc::new(JsonFormat::default()), ".ndjson"),
    }
}

fn data_type(kind: PartitionKind) -> DataType {
    match kind {
        PartitionKind::Text => DataType::Utf8,
        PartitionKind::Integer => DataType::Int64,
        PartitionKind::Date => DataType::Date32,
    }
}

/// Columns of the dataset's files, without those of its partitions, which some writers repeat inside the files.
async fn schema(
    context: &SessionContext,
    dataset: &Dataset,
    url: &ListingTableUrl,
    format: &dyn FileFormat,
    extension: &str,
) -> Result<Option<Schema>, DataFusionError> {
    let state = context.state();
    let store = context.runtime_env().object_store(url)?;
    let mut files: Vec<ObjectMeta> = url.list_all_files(&state, store.as_ref(), extension).await?.try_collect().await?;
    files.retain(|file| file.size > 0);
    if files.is_empty() {
        files.extend(sibling(store.as_ref(), &dataset.location, extension).await?);
    }
    if files.is_empty() {
        return Ok(None);
    }
    let inferred = format.infer_schema(&state, &store, &spread(files)).await?;
    let partition = |name: &str| dataset.partitions.iter().any(|partition| partition.name == name);
    let fields: Vec<_> = inferred.fields().iter().filter(|field| !partition(field.name())).cloned().collect();
    Ok(Some(Schema::new(fields)))
}

/// A file that another tenant has in the same place. Only its columns are looked at: a tenant without data gets
/// a report of no rows from a query that is planned and checked like any other.
async fn sibling(
    store: &dyn object_store::ObjectStore,
    location: &str,
    extension: &str,
) -> Result<Option<ObjectMeta>, DataFusionError> {
    let Some((before, after)) = location.split_once(PLACE) else { return Ok(None) };
    let folder = before.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut files = store.list(Some(&Path::from(folder)));
    while let Some(file) = files.try_next().await? {
        let rest = file.location.as_ref().strip_prefix(before.trim_start_matches('/'));
        let under = rest.and_then(|rest| rest.find('/').map(|end| &rest[end..])).unwrap_or_default();
        let in_place = under.strip_prefix(after.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'));
        if in_place && file.size > 0 && under.ends_with(extension) {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

fn spread(mut files: Vec<ObjectMeta>) -> Vec<ObjectMeta> {
    files.sort_by(|left, right| left.location.cmp(&right.location));
    let last = files.len().saturating_sub(1);
    let mut chosen: Vec<usize> = (0..SCHEMA_FILES).map(|index| index * last / (SCHEMA_FILES - 1)).collect();
    chosen.dedup();
    chosen.into_iter().map(|index| files[index].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dataset(location: &str, binding: Binding) -> Dataset {
        Dataset { location: location.to_owned(), source: Source::Parquet, partitions: Vec::new(), binding }
    }

    #[test]
    fn tenant_ids_are_checked_again() {
        for tenant in ["", "..", "a/b", "A", "a=b", &"a".repeat(65)] {
            assert!(location(&dataset("x/{tenant}/", Binding::Path), tenant).is_err(), "{tenant}");
        }
        let place = location(&dataset("x/tenant={tenant}/y/", Binding::Path), "acme-1");
        assert_eq!(place.unwrap(), "x/tenant=acme-1/y/");
    }

    #[test]
    fn a_binding_fits_its_location() {
        assert!(location(&dataset("x/", Binding::Path), "acme").is_err());
        assert!(location(&dataset("{tenant}/{tenant}/", Binding::Path), "acme").is_err());
        assert!(location(&dataset("x/{tenant}/", Binding::Public), "acme").is_err());
        assert!(location(&dataset("x/", Binding::Shared(vec!["globex".to_owned()])), "acme").is_err());
        assert!(location(&dataset("x/", Binding::Shared(vec!["acme".to_owned()])), "acme").is_ok());
    }

    #[test]
    fn locations_are_literal() {
        let url = table_url("/a b/100%41/x=*?#/").unwrap();
        assert_eq!(url.prefix().as_ref(), "a b/100%41/x=*?#");
        assert!(url.is_collection());
    }

    #[test]
    fn a_schema_is_taken_from_few_files() {
        let file = |index: usize| ObjectMeta {
            location: Path::from(format!("{index:04}")),
            last_modified: std::time::SystemTime::UNIX_EPOCH.into(),
            size: 1,
            e_tag: None,
            version: None,
        };
        for count in [1, 2, 8, 9, 1_000] {
            let chosen = spread((0..count).map(file).collect());
            assert_eq!(chosen.len(), count.min(SCHEMA_FILES));
            assert_eq!(chosen.last().unwrap().location, file(count - 1).location);
        }
    }
}
