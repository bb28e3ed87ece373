//! Finding and removing rows whatever they are, for the erasure of a tenant.

use aws_sdk_dynamodb::types::AttributeValue;

use super::{Table, TableError, Write, failed, keys::Key, read_key};

/// Writes in one transaction.
const AT_ONCE: usize = 100;

impl Table {
    /// The first keys of a partition, strongly consistent, at most `limit` (1–1000). Reads no more than the keys need.
    pub async fn keys(&self, pk: &str, prefix: &str, limit: i32) -> Result<Vec<Key>, TableError> {
        let mut query = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()));
        // DynamoDB refuses an empty text as a part of a key, even as a prefix.
        if !prefix.is_empty() {
            query = query
                .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()));
        }
        let query = query.projection_expression("pk, sk").consistent_read(true).limit(limit);
        let output = query.send().await.map_err(|e| failed("Query", &e))?;
        Ok(output.items().iter().filter_map(read_key).collect())
    }

    /// Deletes rows whatever they are, in pieces: what fails may have been done in part.
    pub async fn delete(&self, keys: &[Key]) -> Result<(), TableError> {
        for piece in keys.chunks(AT_ONCE) {
            self.write(piece.iter().cloned().map(Write::delete).collect()).await?;
        }
        Ok(())
    }
}
