//! A tenant's settings of Eclipse's interface.

use waybill::{
    accept::fields::{Faults, Fields},
    domain::interface::Eclipse,
};

/// Reads `eclipse`.
pub fn read(interfaces: &Fields, _faults: &Faults) -> Option<Eclipse> {
    interfaces.object("eclipse", &[])?;
    Some(Eclipse {})
}
