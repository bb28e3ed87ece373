//! A tenant's settings of IDUnico's processes.

use serde::{Deserialize, Serialize};

/// As recorded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Unico {}
