//! The access log of links, and their early end.

use aws_sdk_dynamodb::{
    error::ProvideErrorMetadata,
    types::{AttributeValue, ReturnValue},
};
use jiff::Timestamp;

use super::{Stored, Table, TableError, Write, failed, key_item, keys::Key, stored};
use crate::domain::link::{Link, LinkUse, UseOutcome};

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

    /// Revokes a link that was not revoked before, and answers with it as it is now; none if it is not there. Not on
    /// condition of what was read: whoever downloads all the time must not be able to put the end off.
    pub async fn revoke_link(&self, key: &Key, now: Timestamp) -> Result<Option<Stored<Link>>, TableError> {
        let revoked = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(key_item(key)))
            .condition_expression("attribute_exists(pk)")
            .update_expression("SET revoked_at = if_not_exists(revoked_at, :now) ADD rev :one")
            .expression_attribute_values(":now", AttributeValue::S(now.to_string()))
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match revoked {
            Ok(output) => output.attributes.map(|item| stored(key, item)).transpose(),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(None),
            Err(error) => Err(failed("UpdateItem", &error)),
        }
    }
}
