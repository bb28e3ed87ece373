//! A tenant's settings of Tesouro's downloadable reports.

use serde::{Deserialize, Serialize};

/// As recorded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tesouro {}
