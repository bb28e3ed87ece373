//! A tenant's settings of IDUnico's interface.

use waybill::{
    accept::fields::{Faults, Fields},
    domain::interface::Unico,
};

/// Reads `unico`.
pub fn read(interfaces: &Fields, _faults: &Faults) -> Option<Unico> {
    interfaces.object("unico", &[])?;
    Some(Unico {})
}
