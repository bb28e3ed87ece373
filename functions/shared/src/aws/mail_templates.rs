//! The texts of mails, as they are in force: a tenant's own, else the operator's, else this program's.

use std::sync::Arc;

use super::{AwsError, config_store::ConfigStore};
use crate::domain::email::{
    Language, Template,
    notice::{self, Notice, Part},
};

/// A text that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// S3 did not answer.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// It is there, but not right. Whoever put it there must mend it.
    #[error("{key} is not a valid template: {faults}")]
    Invalid {
        /// Key in the configuration bucket.
        key: String,
        /// Every fault, with its place.
        faults: String,
    },
}

/// Where a text comes from, and how it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Key in the configuration bucket; none: this program's own.
    pub key: Option<String>,
    /// The template.
    pub text: Arc<str>,
}

impl ConfigStore {
    /// The text in force for a part of a mail; without a tenant, the operator's. Unread, so that it can be shown even if
    /// it is wrong.
    pub async fn mail_source(
        &self,
        tenant: Option<&str>,
        language: Language,
        (notice, part): (Notice, Part),
    ) -> Result<Source, AwsError> {
        for key in notice::keys(tenant, language, notice, part) {
            if let Some(text) = self.text(&key).await? {
                return Ok(Source { key: Some(key), text });
            }
        }
        Ok(Source { key: None, text: notice::builtin(language, notice, part).into() })
    }

    /// The template in force for a part of a tenant's mail.
    pub async fn mail_template(
        &self,
        tenant: &str,
        language: Language,
        (notice, part): (Notice, Part),
    ) -> Result<Template, TemplateError> {
        let source = self.mail_source(Some(tenant), language, (notice, part)).await?;
        notice::parse(part, &source.text).map_err(|faults| {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            TemplateError::Invalid { key: source.key.unwrap_or_default(), faults: faults.join("; ") }
        })
    }
}
