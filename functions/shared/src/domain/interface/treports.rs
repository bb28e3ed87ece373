//! A tenant's settings of TOTVS TReports.

use serde::{Deserialize, Serialize};

/// As recorded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Treports {}
