//! The interfaces that a request can come through: Waybill's own, and those of other products, whose clients keep
//! working. All lead to the same pipeline; a tenant has those that its settings switch on.
//!
//! Each product's settings stand in a file of their own.

pub mod eclipse;
mod tesouro;
pub mod treports;
mod unico;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::{eclipse::Eclipse, tesouro::Tesouro, treports::Treports, unico::Unico};
use super::{endpoint::Profile, link::LinkPolicy, schedule::Occasion};

/// An interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interface {
    /// Waybill's own API, or an event.
    #[default]
    Waybill,
    /// Tesouro's downloadable reports.
    Tesouro,
    /// Eclipse's reports API.
    Eclipse,
    /// TOTVS TReports.
    Treports,
    /// IDUnico's processes.
    Unico,
}

impl Interface {
    /// Every interface.
    pub const ALL: [Self; 5] = [Self::Waybill, Self::Tesouro, Self::Eclipse, Self::Treports, Self::Unico];

    /// Name in settings, requests and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waybill => "waybill",
            Self::Tesouro => "tesouro",
            Self::Eclipse => "eclipse",
            Self::Treports => "treports",
            Self::Unico => "unico",
        }
    }

    /// Whether it is Waybill's own.
    pub fn is_own(&self) -> bool {
        *self == Self::Waybill
    }
}

/// Interfaces of other products that a tenant's clients may use, each with its settings; none: switched off.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Interfaces {
    /// Tesouro's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tesouro: Option<Tesouro>,
    /// Eclipse's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eclipse: Option<Eclipse>,
    /// TReports'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub treports: Option<Treports>,
    /// IDUnico's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unico: Option<Unico>,
}

/// What an interface settles for a request, beside what its body says in the words of Waybill's own API.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Terms {
    /// Which interface.
    pub interface: Interface,
    /// What it keeps with the request, for its own answers. The pipeline does not look into it.
    pub keeps: Option<serde_json::Value>,
    /// Shape of the notification to a URL that the request itself names.
    pub profile: Profile,
    /// Headers of that notification, by lower-case name; values sealed for the request's row.
    pub headers: BTreeMap<String, String>,
    /// How the file is fetched; none: as the tenant has it.
    pub link: Option<LinkPolicy>,
    /// Life of the file; none: as the tenant has it.
    pub retention_hours: Option<u32>,
    /// Somebody waits for the file until then: no run begins or goes on after that, and nobody is notified.
    pub answer_by: Option<Timestamp>,
    /// The run of a schedule that the request is, if it is one.
    pub occasion: Option<Occasion>,
}
