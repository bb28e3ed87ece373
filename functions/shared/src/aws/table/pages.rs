//! Pages of a partition: a bounded piece of a long list, and where the next begins.

use aws_sdk_dynamodb::types::AttributeValue;

use super::{RawRow, Table, TableError, failed, keys::Key, read_key};

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

    /// Whether there can be nothing in it: bounds in the wrong order, or a start beyond them. DynamoDB answers neither
    /// with an empty page but with an error, and both may come of what a caller sent.
    fn is_empty(&self) -> bool {
        let within = |key: &String| (&self.from..=&self.to).contains(&key);
        self.from > self.to || self.after.as_ref().is_some_and(|after| !within(after))
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
        if query.is_empty() {
            return Ok(Page { rows: vec![], next: None });
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dynamodb_would_refuse_is_empty() {
        let query = |from: &str, to: &str, after: Option<&str>| PageQuery {
            from: from.to_owned(),
            to: to.to_owned(),
            newest_first: true,
            limit: 1,
            after: after.map(str::to_owned),
        };
        for (from, to, after) in [("b", "a", None), ("REQ#", "REQ#~", Some("TENANT")), ("a", "b", Some(""))] {
            assert!(query(from, to, after).is_empty(), "{from} {to} {after:?}");
        }
        for after in [None, Some("REQ#req_1"), Some("REQ#"), Some("REQ#~")] {
            assert!(!query("REQ#", "REQ#~", after).is_empty(), "{after:?}");
        }
        assert!(!query("a", "a", None).is_empty());
    }
}
