//! Interfaces of other products, as a tenant's settings say them: an object for each that is switched on. Each product's
//! settings are read in a file of their own.

mod eclipse;
mod tesouro;
mod treports;
mod unico;

use waybill::{
    accept::{
        Fault,
        fields::{Faults, Fields},
    },
    domain::{
        interface::{Interface, Interfaces},
        retry::Schedule,
    },
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

/// What of the settings cannot be kept with that schedule of attempts.
pub fn unkeepable(interfaces: &Interfaces, schedule: &Schedule) -> Vec<Fault> {
    interfaces.eclipse.iter().filter_map(|eclipse| eclipse::unkeepable(eclipse, schedule)).collect()
}

/// What to say of the settings, in sentences.
pub fn warnings(interfaces: &Interfaces) -> Vec<String> {
    interfaces.eclipse.iter().filter_map(eclipse::warning).collect()
}
