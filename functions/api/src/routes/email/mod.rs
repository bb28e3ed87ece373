//! Mails, apart from those that a request asks for: how they would read.

mod preview;

pub use self::preview::{of_stack, of_tenant};
