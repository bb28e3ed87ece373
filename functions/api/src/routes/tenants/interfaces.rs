//! Interfaces of other products, as a tenant's settings say them: an object for each that is switched on. Each product's
//! settings are read in a file of their own.

mod eclipse;
mod tesouro;
mod treports;
mod unico;

use waybill::{
    accept::fields::{Faults, Fields},
    domain::interface::{Interface, Interfaces},
};

/// Reads `interfaces`.
pub fn read(fields: &Fields, faults: &Faults) -> Interfaces {
    let known = Interface::ALL.into_iter().filter(|interface| !interface.is_own()).map(Interface::name);
    let Some(interfaces) = fields.object("interfaces", &known.collect::<Vec<_>>()) else {
        return Interfaces::default();
    };
    Interfaces {
        tesouro: tesouro::read(&interfaces, faults),
        eclipse: eclipse::read(&interfaces, faults),
        treports: treports::read(&interfaces, faults),
        unico: unico::read(&interfaces, faults),
    }
}
