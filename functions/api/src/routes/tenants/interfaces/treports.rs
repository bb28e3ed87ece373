//! A tenant's settings of TReports's interface.

use waybill::{
    accept::fields::{Faults, Fields},
    domain::interface::Treports,
};

/// Reads `treports`.
pub fn read(interfaces: &Fields, _faults: &Faults) -> Option<Treports> {
    interfaces.object("treports", &[])?;
    Some(Treports {})
}
