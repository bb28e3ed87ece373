//! Mail: who may be written to, in which language, and what becomes of a password.

mod address;
mod settings;

pub use self::{
    address::{Address, InvalidAddress, is_domain},
    settings::{Content, EmailSettings, Language, PasswordRule},
};

/// Addresses of one request.
pub const MAX_RECIPIENTS: usize = 20;
