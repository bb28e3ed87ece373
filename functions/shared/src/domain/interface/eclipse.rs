//! A tenant's settings of Eclipse's reports API.

use serde::{Deserialize, Serialize};

/// As recorded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Eclipse {}
