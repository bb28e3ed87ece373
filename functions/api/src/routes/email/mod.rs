//! Mails, apart from those that a request asks for: how they would read, and which addresses they do not go to.

mod contract;
mod disabled;
mod preview;

pub use self::{
    contract::{components, operations},
    disabled::{enable, enable_of_tenant, list, list_of_tenant},
    preview::{of_stack, of_tenant},
};
