//! The operator's trigger files, as they are now.

use super::{
    AwsError,
    config_store::{ConfigError, ConfigStore},
};
use crate::trigger::{Triggers, parse};

/// Where they stand in the configuration bucket.
const TRIGGERS: &str = "triggers/";

/// Every trigger that can be read, and what is wrong with the files that cannot.
#[derive(Debug, Default)]
pub struct InForce {
    /// Of the files that are right, in the order of their names.
    pub files: Vec<Triggers>,
    /// Of the others, any of which could be for any event.
    pub faulty: Vec<ConfigError>,
}

impl ConfigStore {
    /// All triggers that are in force at this moment. A change counts for the next event.
    pub async fn triggers(&self) -> Result<InForce, AwsError> {
        let mut in_force = InForce::default();
        for (key, text) in self.texts_under(TRIGGERS).await? {
            match parse::parse(key.strip_prefix(TRIGGERS).unwrap_or(&key), &text) {
                Ok(triggers) => in_force.files.push(triggers),
                Err(faults) => in_force.faulty.push(ConfigError::invalid(key, &faults)),
            }
        }
        Ok(in_force)
    }
}
