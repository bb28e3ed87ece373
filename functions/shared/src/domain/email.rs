//! Mail: who may be written to, in which language, with which words, and what becomes of a password.

mod address;
pub mod feedback;
pub mod mime;
pub mod notice;
mod settings;
mod template;
pub mod values;

pub use self::{
    address::{Address, InvalidAddress, is_domain},
    settings::{Content, EmailSettings, Language, PasswordRule},
    template::{Escaping, MAX_TEMPLATE, RenderError, Template, TemplateFault},
};

/// Addresses of one request.
pub const MAX_RECIPIENTS: usize = 20;
