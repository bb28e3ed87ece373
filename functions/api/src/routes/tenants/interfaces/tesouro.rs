//! A tenant's settings of Tesouro's interface.

use waybill::{
    accept::fields::{Faults, Fields},
    domain::interface::Tesouro,
};

/// Reads `tesouro`.
pub fn read(interfaces: &Fields, _faults: &Faults) -> Option<Tesouro> {
    interfaces.object("tesouro", &[])?;
    Some(Tesouro {})
}
