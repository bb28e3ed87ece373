//! Rows of users and of tries to log in.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::aws::table::{Row, keys::Key};
use crate::domain::{
    id::UserId,
    tries::{Counted, Tries},
    user::User,
};

impl Row for User {
    fn key(&self) -> Key {
        Key::user(&self.tenant, self.id)
    }
}

/// Whose an identity is. It stands in the key alone, as its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserPlace {
    /// Key of the item; empty in a row that was read.
    #[serde(skip)]
    pub identity: String,
    /// The user's tenant.
    pub tenant: String,
    /// The user.
    pub user: UserId,
}

impl UserPlace {
    /// The row that leads to a user.
    pub fn of(user: &User) -> Self {
        Self { identity: user.identity.as_str().to_owned(), tenant: user.tenant.clone(), user: user.id }
    }
}

impl Row for UserPlace {
    fn key(&self) -> Key {
        Key::user_place(&self.identity)
    }
}

impl Key {
    /// Tries to log in that are counted together.
    pub fn tries(of: &Counted) -> Self {
        match of {
            Counted::Pair { identity, source } => Self::tries_from(identity, source),
            Counted::Identity { identity } => Self::tries_of(identity),
            Counted::Source { source } => Self::tries_by(source),
        }
    }
}

impl Row for Tries {
    fn key(&self) -> Key {
        Key::tries(&self.of)
    }

    fn ttl(&self) -> Option<Timestamp> {
        Some(self.ends_at())
    }
}
