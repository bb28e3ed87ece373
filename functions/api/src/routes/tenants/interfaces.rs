//! Interfaces of other products, as a tenant's settings say them: an object for each that is switched on. Each product's
//! settings are read in a file of their own.

mod eclipse;
mod tesouro;
mod treports;
mod unico;

use serde_json::Value;
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

use crate::openapi::schema::{Schema, sent};

/// Names of those of other products.
fn known() -> Vec<&'static str> {
    Interface::ALL.into_iter().filter(|interface| !interface.is_own()).map(Interface::name).collect()
}

/// Reads `interfaces`.
pub fn read(fields: &Fields, faults: &Faults) -> Interfaces {
    let Some(interfaces) = fields.object("interfaces", &known()) else {
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

/// `interfaces`, as the API's description has them.
pub fn schema() -> Schema {
    sent(&known(), &[], |name| match name {
        "tesouro" | "unico" => sent(&[], &[], |_| Value::Null),
        "eclipse" => eclipse::schema(),
        "treports" => treports::schema(),
        _ => Value::Null,
    })
}
