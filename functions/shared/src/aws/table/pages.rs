//! Pages of a partition: a bounded piece of a long list, and where the next begins.

use aws_sdk_dynamodb::types::AttributeValue;

use super::{
    RawRow, Table, TableError, failed,
    keys::Key,
    read_key,
};

/// Which piece of a partition is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageQuery {
    /// Least sort key, inclusive.
    pub from: String,
    /// Greatest sort key, inclusive.
    pub to: String,
    /// From the greatest key down.
    pub newest_first: bool,
    /// Rows at most, 1–1000.
    pub limit: u32,
    /// Sort key of the last row of the page before.
    pub after: Option<String>,
}

impl PageQuery {
    /// Rows whose sort keys begin with `prefix`, newest first where ids sort by time.
    pub fn newest(prefix: &str, limit: u32, after: Option<String>) -> Self {
        // Ids are ASCII: every key with the prefix sorts before the prefix followed by a tilde.
        Self { from: prefix.to_owned(), to: format!("{prefix}~"), newest_first: true, limit, after }
    }
}

/// A piece of a partition.
#[derive(Debug, Clone)]
pub struct Page {
    /// Its rows, in the order asked for.
    pub rows: Vec<RawRow>,
    /// Sort key to go on after; none at the end.
    pub next: Option<String>,
}

impl Table {
    /// One page, strongly consistent. DynamoDB may end it early: only `next` says whether there is more.
    pub async fn page(&self, pk: &str, query: PageQuery) -> Result<Page, TableError> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let start = query.after.map(|sk| super::key_item(&Key { pk: pk.to_owned(), sk }));
        let output = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":from", text(&query.from))
            .expression_attribute_values(":to", text(&query.to))
            .consistent_read(true)
            .scan_index_forward(!query.newest_first)
            .limit(i32::try_from(query.limit.clamp(1, 1000)).unwrap_or(1000))
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|e| failed("Query", &e))?;
        let next = output.last_evaluated_key.as_ref().and_then(read_key).map(|key| key.sk);
        let items = output.items.unwrap_or_default();
        let rows = items.into_iter().filter_map(|item| Some(RawRow { key: read_key(&item)?, item })).collect();
        Ok(Page { rows, next })
    }
}
