//! What a tenant has used today: counted by DynamoDB itself, so that parallel requests need no retries.

use aws_sdk_dynamodb::{
    error::ProvideErrorMetadata,
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{Item, Table, TableError, failed, key_item, keys::Key};
use crate::domain::{quota::Usage, tenant::Quotas};

/// Days that a count is kept for support.
const KEEP_DAYS: i64 = 40;

/// What came of asking for one more request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spent {
    /// It was counted; this is the day so far, with it.
    Counted(Usage),
    /// The day has no more; this is what it has used.
    Exhausted(Usage),
}

impl Table {
    /// Counts a request, unless the day's quotas are used up.
    pub async fn spend_request(&self, tenant: &str, quotas: &Quotas, now: Timestamp) -> Result<Spent, TableError> {
        let mut conditions = Vec::new();
        let mut update = self.add(tenant, now, &[("requests", 1)]);
        for (name, most) in
            [("requests", quotas.requests_per_day), ("rows", quotas.rows_per_day), ("bytes", quotas.bytes_per_day)]
        {
            let Some(most) = most else { continue };
            conditions.push(format!("(attribute_not_exists(#{name}) OR #{name} < :most_{name})"));
            update = update
                .expression_attribute_names(format!("#{name}"), name)
                .expression_attribute_values(format!(":most_{name}"), AttributeValue::N(most.to_string()));
        }
        if !conditions.is_empty() {
            update = update.condition_expression(conditions.join(" AND "));
        }
        let update = update.return_values(ReturnValue::AllNew);
        let update = update.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match update.send().await {
            Ok(output) => Ok(Spent::Counted(usage(output.attributes.as_ref()))),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => {
                use aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException as Failed;
                let item = match error.as_service_error() {
                    Some(Failed(failed)) => failed.item.as_ref(),
                    _ => None,
                };
                Ok(Spent::Exhausted(usage(item)))
            }
            Err(error) => Err(failed("UpdateItem", &error)),
        }
    }

    /// What the day has used so far.
    pub async fn usage(&self, tenant: &str, now: Timestamp) -> Result<Usage, TableError> {
        let key = key_item(&Key::day(tenant, day_of(now)));
        let request = self.client.get_item().table_name(&self.name).set_key(Some(key)).consistent_read(true);
        let output = request.send().await.map_err(|e| failed("GetItem", &e))?;
        Ok(usage(output.item.as_ref()))
    }

    /// Takes back a request that was counted and then not recorded.
    pub async fn unspend_request(&self, tenant: &str, now: Timestamp) -> Result<(), TableError> {
        self.add(tenant, now, &[("requests", -1)]).send().await.map_err(|e| failed("UpdateItem", &e))?;
        Ok(())
    }

    /// Counts what a finished report holds.
    pub async fn count_output(&self, tenant: &str, rows: u64, bytes: u64, now: Timestamp) -> Result<(), TableError> {
        let signed = |figure: u64| i64::try_from(figure).unwrap_or(i64::MAX);
        let update = self.add(tenant, now, &[("rows", signed(rows)), ("bytes", signed(bytes))]);
        update.send().await.map_err(|e| failed("UpdateItem", &e))?;
        Ok(())
    }

    fn add(
        &self,
        tenant: &str,
        now: Timestamp,
        figures: &[(&str, i64)],
    ) -> aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder {
        let sums: Vec<String> = figures.iter().map(|(name, _)| format!("#{name} :add_{name}")).collect();
        let ttl = now.as_second() + KEEP_DAYS * 86_400;
        let mut update = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(key_item(&Key::day(tenant, day_of(now)))))
            .update_expression(format!("SET #ttl = :ttl ADD {}", sums.join(", ")))
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":ttl", AttributeValue::N(ttl.to_string()));
        for (name, figure) in figures {
            update = update
                .expression_attribute_names(format!("#{name}"), *name)
                .expression_attribute_values(format!(":add_{name}"), AttributeValue::N(figure.to_string()));
        }
        update
    }
}

/// The day (UTC) that a time belongs to.
fn day_of(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

fn usage(item: Option<&Item>) -> Usage {
    let figure = |name: &str| {
        let value = item.and_then(|item| item.get(name)).and_then(|value| value.as_n().ok());
        value.and_then(|text| text.parse().ok()).unwrap_or(0)
    };
    Usage { requests: figure("requests"), rows: figure("rows"), bytes: figure("bytes") }
}
