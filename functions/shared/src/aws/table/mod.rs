//! The one table: rows in, rows out, every write conditioned on what was read.
//!
//! Every row carries a revision. A change is written only if the revision is still the one that was read,
//! so of two writers one gets [`TableError::Conflict`], reads again and applies its event to what it finds.

pub mod counters;
pub mod deliveries;
mod erase;
pub mod keys;
mod licences;
pub mod links;
pub mod pages;
pub mod requests;
pub mod rows;

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    error::ProvideErrorMetadata,
    types::{AttributeValue, Delete, Put, TransactWriteItem, Update},
};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use self::keys::Key;
use super::AwsError;

type Item = HashMap<String, AttributeValue>;

/// What can be stored.
pub trait Row: Serialize + DeserializeOwned {
    /// Where it stands.
    fn key(&self) -> Key;

    /// When the sweeper must look at it.
    fn due_at(&self) -> Option<Timestamp> {
        None
    }

    /// When DynamoDB may remove it. Nothing depends on that happening.
    fn ttl(&self) -> Option<Timestamp> {
        None
    }
}

/// A row as read, with the revision that a change must be conditioned on.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored<T> {
    /// The row.
    pub row: T,
    /// Its revision, from 1.
    pub revision: u64,
}

/// What went wrong with the table.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Somebody else wrote first, or the row exists already.
    #[error("the row was changed in between")]
    Conflict,
    /// DynamoDB did not do it.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// A row does not have the form that this release knows.
    #[error("row {key}: {message}")]
    Malformed {
        /// Its key.
        key: String,
        /// What does not fit.
        message: String,
    },
}

/// One write; several in a [`Table::write`] happen together or not at all.
#[derive(Debug, Clone)]
pub struct Write(Change);

#[derive(Debug, Clone)]
enum Change {
    Put { item: Item, expected: Expected },
    Delete { key: Key, expected: Expected },
    Update { key: Key, condition: &'static str, update: &'static str, values: Item },
}

#[derive(Debug, Clone, Copy)]
enum Expected {
    Absent,
    Revision(u64),
    Any,
}

impl Write {
    /// Adds a row that must not exist.
    pub fn insert<T: Row>(row: &T) -> Result<Self, TableError> {
        Self::put(row, 1, Expected::Absent)
    }

    /// Replaces a row that must still be what was read.
    pub fn replace<T: Row>(read: &Stored<T>, next: &T) -> Result<Self, TableError> {
        Self::put(next, read.revision + 1, Expected::Revision(read.revision))
    }

    /// Writes a row that only one party writes, whatever was there.
    pub fn overwrite<T: Row>(row: &T) -> Result<Self, TableError> {
        Self::put(row, 1, Expected::Any)
    }

    /// Deletes a row, if it is there.
    pub fn delete(key: Key) -> Self {
        Self(Change::Delete { key, expected: Expected::Any })
    }

    /// Deletes a row that must still be what was read.
    pub fn remove<T: Row>(read: &Stored<T>) -> Self {
        Self(Change::Delete { key: read.row.key(), expected: Expected::Revision(read.revision) })
    }

    fn put<T: Row>(row: &T, revision: u64, expected: Expected) -> Result<Self, TableError> {
        let key = row.key();
        let malformed = |message: String| TableError::Malformed { key: key.associated(), message };
        let mut item: Item = serde_dynamo::to_item(row).map_err(|e| malformed(e.to_string()))?;
        item.retain(|_, value| !value.is_null());
        if let Some(due) = row.due_at() {
            item.insert("due_shard".into(), AttributeValue::S(key.due_shard().to_string()));
            item.insert("due_at".into(), AttributeValue::N(due.as_millisecond().to_string()));
        } else {
            item.remove("due_at");
        }
        if let Some(ttl) = row.ttl() {
            item.insert("ttl".into(), AttributeValue::N(ttl.as_second().to_string()));
        }
        item.insert("rev".into(), AttributeValue::N(revision.to_string()));
        item.insert("pk".into(), AttributeValue::S(key.pk));
        item.insert("sk".into(), AttributeValue::S(key.sk));
        Ok(Self(Change::Put { item, expected }))
    }
}

/// The table.
#[derive(Debug, Clone)]
pub struct Table {
    client: Client,
    name: String,
}

impl Table {
    /// Uses the table of that name.
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self { client, name: name.into() }
    }

    /// Reads a row, strongly consistent.
    pub async fn get<T: Row>(&self, key: &Key) -> Result<Option<Stored<T>>, TableError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(key_item(key)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|e| failed("GetItem", &e))?;
        output.item.map(|item| stored(key, item)).transpose()
    }

    /// Rows of a partition whose sort keys start with `prefix`, strongly consistent, in order, all pages.
    pub async fn query(&self, pk: &str, prefix: &str) -> Result<Vec<RawRow>, TableError> {
        let mut query = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()))
            .consistent_read(true);
        // DynamoDB refuses an empty text as a part of a key, even as a prefix.
        if !prefix.is_empty() {
            query = query
                .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()));
        }
        let mut pages = query.into_paginator().items().send();
        let mut rows = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|e| failed("Query", &e))?;
            if let Some(key) = read_key(&item) {
                rows.push(RawRow { key, item });
            }
        }
        Ok(rows)
    }

    /// Rows of one shard that are due up to `until`, earliest first, at most `limit`. Eventually consistent, as every
    /// index is: the base row decides.
    pub async fn due(&self, shard: u8, until: Timestamp, limit: usize) -> Result<Vec<Due>, TableError> {
        let mut items = self
            .client
            .query()
            .table_name(&self.name)
            .index_name("due")
            .key_condition_expression("due_shard = :shard AND due_at <= :until")
            .expression_attribute_values(":shard", AttributeValue::S(shard.to_string()))
            .expression_attribute_values(":until", AttributeValue::N(until.as_millisecond().to_string()))
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while found.len() < limit
            && let Some(item) = items.next().await
        {
            let item = item.map_err(|e| failed("Query", &e))?;
            found.extend(read_due(&item));
        }
        Ok(found)
    }

    /// Carries the writes out, all or none. At most 100.
    pub async fn write(&self, mut writes: Vec<Write>) -> Result<(), TableError> {
        if writes.len() > 1 {
            return self.transact(writes).await;
        }
        match writes.pop().map(|write| write.0) {
            None => Ok(()),
            Some(Change::Delete { key, expected }) => self.delete_item(&key, expected).await,
            Some(Change::Put { item, expected }) => self.put(item, expected).await,
            Some(update @ Change::Update { .. }) => self.transact(vec![Write(update)]).await,
        }
    }

    /// Replaces a row that must still be what was read.
    pub async fn replace<T: Row>(&self, read: &Stored<T>, next: T) -> Result<Stored<T>, TableError> {
        self.write(vec![Write::replace(read, &next)?]).await?;
        Ok(Stored { row: next, revision: read.revision + 1 })
    }

    async fn put(&self, item: Item, expected: Expected) -> Result<(), TableError> {
        let mut request = self.client.put_item().table_name(&self.name).set_item(Some(item));
        if let Some((condition, values)) = condition(expected) {
            request = request.condition_expression(condition).set_expression_attribute_values(values);
        }
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code().is_some_and(is_lost_race) => Err(TableError::Conflict),
            Err(error) => Err(failed("PutItem", &error)),
        }
    }

    async fn delete_item(&self, key: &Key, expected: Expected) -> Result<(), TableError> {
        let mut request = self.client.delete_item().table_name(&self.name).set_key(Some(key_item(key)));
        if let Some((condition, values)) = condition(expected) {
            request = request.condition_expression(condition).set_expression_attribute_values(values);
        }
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code().is_some_and(is_lost_race) => Err(TableError::Conflict),
            Err(error) => Err(failed("DeleteItem", &error)),
        }
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TableError> {
        let mut request = self.client.transact_write_items();
        for write in writes {
            let item = transact_item(&self.name, write.0).map_err(|e| failed("TransactWriteItems", &e))?;
            request = request.transact_items(item);
        }
        let Err(error) = request.send().await else { return Ok(()) };
        let conflict = error
            .as_service_error()
            .is_some_and(|service| service.is_transaction_canceled_exception() && is_conflict(service));
        if conflict { Err(TableError::Conflict) } else { Err(failed("TransactWriteItems", &error)) }
    }
}

/// A single write also loses against a transaction that is under way on its row.
fn is_lost_race(code: &str) -> bool {
    matches!(code, "ConditionalCheckFailedException" | "TransactionConflictException")
}

/// A transaction that lost against another writer is a conflict too: reading again settles which.
fn is_conflict(error: &aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError) -> bool {
    use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException as Canceled;
    let Canceled(canceled) = error else { return false };
    let codes = canceled.cancellation_reasons().iter().filter_map(|reason| reason.code());
    codes.into_iter().any(|code| matches!(code, "ConditionalCheckFailed" | "TransactionConflict"))
}

/// What the index of due rows says of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Where the row stands.
    pub key: Key,
    /// Since when it is due.
    pub at: Timestamp,
}

/// A row of any kind, as a query yields it.
#[derive(Debug, Clone)]
pub struct RawRow {
    /// Where it stands.
    pub key: Key,
    item: Item,
}

impl RawRow {
    /// Reads it as the kind that its key says it is.
    pub fn read<T: Row>(self) -> Result<Stored<T>, TableError> {
        stored(&self.key, self.item)
    }
}

fn stored<T: DeserializeOwned>(key: &Key, mut item: Item) -> Result<Stored<T>, TableError> {
    let malformed = |message: String| TableError::Malformed { key: key.associated(), message };
    let revision = item
        .get("rev")
        .and_then(|rev| rev.as_n().ok())
        .and_then(|rev| rev.parse().ok())
        .ok_or_else(|| malformed("no revision".to_owned()))?;
    // In the index `due_at` is a number, in the row a timestamp.
    if let Some(due) = item.get("due_at").and_then(|due| due.as_n().ok()).and_then(|due| due.parse().ok()) {
        let due = Timestamp::from_millisecond(due).map_err(|e| malformed(e.to_string()))?;
        item.insert("due_at".into(), AttributeValue::S(due.to_string()));
    }
    let row = serde_dynamo::from_item(item).map_err(|e| malformed(e.to_string()))?;
    Ok(Stored { row, revision })
}

fn read_due(item: &Item) -> Option<Due> {
    let at = item.get("due_at")?.as_n().ok()?.parse().ok()?;
    Some(Due { key: read_key(item)?, at: Timestamp::from_millisecond(at).ok()? })
}

fn read_key(item: &Item) -> Option<Key> {
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
    Some(Key { pk: text("pk")?, sk: text("sk")? })
}

fn key_item(key: &Key) -> Item {
    HashMap::from([
        ("pk".to_owned(), AttributeValue::S(key.pk.clone())),
        ("sk".to_owned(), AttributeValue::S(key.sk.clone())),
    ])
}

fn condition(expected: Expected) -> Option<(&'static str, Option<Item>)> {
    match expected {
        Expected::Any => None,
        Expected::Absent => Some(("attribute_not_exists(pk)", None)),
        Expected::Revision(revision) => {
            let values = HashMap::from([(":rev".to_owned(), AttributeValue::N(revision.to_string()))]);
            Some(("rev = :rev", Some(values)))
        }
    }
}

fn transact_item(table: &str, change: Change) -> Result<TransactWriteItem, aws_sdk_dynamodb::error::BuildError> {
    let builder = TransactWriteItem::builder();
    Ok(match change {
        Change::Delete { key, expected } => {
            let mut delete = Delete::builder().table_name(table).set_key(Some(key_item(&key)));
            if let Some((condition, values)) = condition(expected) {
                delete = delete.condition_expression(condition).set_expression_attribute_values(values);
            }
            builder.delete(delete.build()?).build()
        }
        Change::Put { item, expected } => {
            let mut put = Put::builder().table_name(table).set_item(Some(item));
            if let Some((condition, values)) = condition(expected) {
                put = put.condition_expression(condition).set_expression_attribute_values(values);
            }
            builder.put(put.build()?).build()
        }
        Change::Update { key, condition, update, values } => {
            let change = Update::builder().table_name(table).set_key(Some(key_item(&key)));
            let change = change.condition_expression(condition).update_expression(update);
            builder.update(change.set_expression_attribute_values(Some(values)).build()?).build()
        }
    })
}

fn failed<E: std::error::Error + 'static>(operation: &'static str, error: &E) -> TableError {
    AwsError::new("dynamodb", operation, error).into()
}
