//! What a tenant settles for its mails.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Address;

/// A tenant's settings of mail.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EmailSettings {
    /// Domains whose addresses may be written to, in lower case; none: any.
    #[serde(default)]
    pub allowed_domains: Option<BTreeSet<String>>,
    /// Of the built-in texts, and of the operator's where there are several.
    #[serde(default)]
    pub language: Language,
    /// Where a password that was made for a file is told.
    #[serde(default)]
    pub password: PasswordRule,
    /// Whether it is told that a report failed; none: yes.
    #[serde(default)]
    pub failure_notices: Option<bool>,
    /// Where answers go; none: to the sender.
    #[serde(default)]
    pub reply_to: Option<String>,
}

impl EmailSettings {
    /// Whether the address may be written to. A domain allows itself, not what is below it.
    pub fn allows(&self, address: &Address) -> bool {
        self.allowed_domains.as_ref().is_none_or(|allowed| allowed.contains(address.domain()))
    }

    /// Whether a failed report is told of.
    pub fn tells_of_failures(&self) -> bool {
        self.failure_notices.unwrap_or(true)
    }
}

/// Language of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Language {
    /// English.
    #[default]
    #[serde(rename = "en")]
    English,
    /// Brazilian Portuguese.
    #[serde(rename = "pt-BR")]
    Portuguese,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::English, Self::Portuguese];

    /// Its tag (BCP 47).
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Portuguese => "pt-BR",
        }
    }

    /// The one with that tag.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.name() == name)
    }
}

/// Where a password that was made for a file is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PasswordRule {
    /// In the mail with the link.
    #[default]
    Same,
    /// In a mail of its own.
    Second,
    /// In no mail: it is read over the API.
    Never,
}

impl PasswordRule {
    /// Every rule.
    pub const ALL: [Self; 3] = [Self::Same, Self::Second, Self::Never];

    /// Name in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Second => "second",
            Self::Never => "never",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }

    /// The mails that tell one address of a file: `has_password` if one was made for it.
    pub fn mails(self, has_password: bool) -> &'static [Content] {
        match (self, has_password) {
            (_, false) | (Self::Same, true) => &[Content::Whole],
            (Self::Second, true) => &[Content::Link, Content::Password],
            (Self::Never, true) => &[Content::Link],
        }
    }

    /// What a mail that was to say `content` says under this rule, which may have become stricter since; none: it is
    /// not to be sent.
    pub const fn permits(self, content: Content) -> Option<Content> {
        match (self, content) {
            (Self::Second | Self::Never, Content::Whole) => Some(Content::Link),
            (Self::Never, Content::Password) => None,
            _ => Some(content),
        }
    }
}

/// What a mail says of what there is to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// All of it.
    #[default]
    Whole,
    /// All but the password.
    Link,
    /// The password, and which file it opens.
    Password,
}

impl Content {
    /// Whether nothing is left out.
    pub fn is_whole(&self) -> bool {
        *self == Self::Whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_domains_allows_those_and_no_others() {
        let address = |text| Address::parse(text).unwrap();
        let allowed = |domains: &[&str]| EmailSettings {
            allowed_domains: Some(domains.iter().map(|domain| (*domain).to_owned()).collect()),
            ..EmailSettings::default()
        };
        assert!(EmailSettings::default().allows(&address("a@anywhere.example")));
        assert!(allowed(&["b.example"]).allows(&address("a@B.example")));
        assert!(!allowed(&["b.example"]).allows(&address("a@sub.b.example")));
        assert!(!allowed(&["b.example"]).allows(&address("b.example@c.example")));
        assert!(!allowed(&[]).allows(&address("a@b.example")), "nobody");
    }

    #[test]
    fn a_password_is_told_where_the_rule_says() {
        use Content::{Link, Password, Whole};
        assert_eq!(PasswordRule::Same.mails(true), [Whole]);
        assert_eq!(PasswordRule::Second.mails(true), [Link, Password]);
        assert_eq!(PasswordRule::Never.mails(true), [Link]);
        for rule in PasswordRule::ALL {
            assert_eq!(rule.mails(false), [Whole], "there is none to keep back");
            assert_eq!(PasswordRule::from_name(rule.name()), Some(rule));
        }
    }

    #[test]
    fn a_stricter_rule_holds_for_what_was_planned_before() {
        use Content::{Link, Password, Whole};
        assert_eq!(PasswordRule::Never.permits(Whole), Some(Link));
        assert_eq!(PasswordRule::Never.permits(Password), None);
        assert_eq!(PasswordRule::Second.permits(Whole), Some(Link));
        assert_eq!(PasswordRule::Second.permits(Password), Some(Password));
        assert_eq!((PasswordRule::Same.permits(Whole), PasswordRule::Same.permits(Link)), (Some(Whole), Some(Link)));
    }
}
