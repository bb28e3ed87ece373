//! The own API, one resource a file. Handlers only: rules are in the library's domain.

pub mod api_keys;
pub mod dead_letters;
pub mod deliveries;
pub mod email;
pub mod endpoints;
pub mod licences;
pub mod links;
pub mod manifest;
pub mod reports;
pub mod requests;
pub mod schedules;
pub mod tenants;
pub mod usage;
pub mod users;
pub mod well_known;
