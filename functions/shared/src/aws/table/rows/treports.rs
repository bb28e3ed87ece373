//! Numbers of generations.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::KEEP_REQUEST;
use crate::{
    aws::table::{Row, keys::Key},
    domain::id::RequestId,
};

/// The request that TReports' interface tells of by a number. Written when the number is first told; never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreportsNumber {
    /// Whose.
    pub tenant: String,
    /// Unique within the tenant.
    pub number: u32,
    /// Which request.
    pub request: RequestId,
    /// When it was told.
    pub at: Timestamp,
}

impl Row for TreportsNumber {
    fn key(&self) -> Key {
        Key::treports_number(&self.tenant, self.number)
    }

    fn ttl(&self) -> Option<Timestamp> {
        Some(self.at + KEEP_REQUEST)
    }
}
