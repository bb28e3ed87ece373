//! The access log of links.

use aws_sdk_dynamodb::{error::ProvideErrorMetadata, types::AttributeValue};

use super::{Table, TableError, Write, failed, key_item, keys::Key};
use crate::domain::link::{LinkUse, UseOutcome};

impl Table {
    /// Records a use of a link. One that led to the file counts as a download of the link; DynamoDB adds it up, so that
    /// parallel downloads need no retries.
    pub async fn record_use(&self, used: &LinkUse) -> Result<(), TableError> {
        self.write(vec![Write::overwrite(used)?]).await?;
        if used.outcome != UseOutcome::Redirected || used.method != "GET" {
            return Ok(());
        }
        let one = AttributeValue::N("1".to_owned());
        let counted = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(key_item(&Key::link(&used.tenant, used.request, used.link))))
            // A link whose row is gone, as by an erasure, must not come back.
            .condition_expression("attribute_exists(pk)")
            .update_expression("ADD downloads :one, rev :one")
            .expression_attribute_values(":one", one)
            .send()
            .await;
        match counted {
            Err(error) if error.code() != Some("ConditionalCheckFailedException") => Err(failed("UpdateItem", &error)),
            _ => Ok(()),
        }
    }
}
