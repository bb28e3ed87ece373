//! Passwords of ZIP archives: how they are made, or where they come from.

use std::{collections::BTreeSet, ops::RangeInclusive};

use serde::{Deserialize, Serialize};

/// Where the password of a tenant's archives comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PasswordPolicy {
    /// Each archive gets one of its own, which its notice or the API tells.
    Generated {
        /// Characters.
        length: u8,
        /// The characters that it is made of, each once.
        alphabet: String,
    },
    /// The tenant's own, the same for all; it is never told to anybody.
    Held {
        /// Sealed for the tenant's row.
        sealed: String,
    },
}

/// Characters of a password, unless set.
pub const DEFAULT_LENGTH: u8 = 20;

/// What a password is made of, unless set: letters and digits that nobody takes for one another.
pub const DEFAULT_ALPHABET: &str = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";

/// Characters of a password, at least and at most. 7-Zip takes 99, and `unzip` no more than 80 at its prompt.
pub const LENGTHS: RangeInclusive<u8> = 10..=80;

/// Characters that one can be made of, at least.
const MIN_ALPHABET: usize = 10;

/// Passwords that there must be of a kind, at least: 50 bits.
const MIN_VARIETY: u128 = 1 << 50;

/// Why a password, or what makes it, is refused. Each goes on behind its name: `must be …`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Other characters, or one of them twice.
    #[error("must be printable ASCII characters without the space, `\"` and `\\`, each once")]
    Alphabet,
    /// Of too few characters.
    #[error("must have {MIN_ALPHABET} characters at least")]
    Alike,
    /// Too short for its alphabet.
    #[error(
        "must be greater: with so few characters to choose from, a password of this length can be guessed (50 bits at least)"
    )]
    Guessable,
    /// Of another length.
    #[error("must have {} to {} characters", LENGTHS.start(), LENGTHS.end())]
    Length,
    /// Of characters that not every keyboard and tool has, or spaces where they get lost.
    #[error("must be printable ASCII characters, without a space in front or behind")]
    Unprintable,
}

/// Whether passwords can be made of these characters.
pub fn check_alphabet(alphabet: &str) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    // What JSON escapes looks different wherever it is shown, or must not be.
    if !alphabet.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\') && seen.insert(c)) {
        return Err(Refusal::Alphabet);
    }
    if seen.len() < MIN_ALPHABET { Err(Refusal::Alike) } else { Ok(()) }
}

/// Whether so many characters of this alphabet are more than can be tried.
pub fn check_length(length: u8, alphabet: &str) -> Result<(), Refusal> {
    if !LENGTHS.contains(&length) {
        return Err(Refusal::Length);
    }
    let characters = u128::try_from(alphabet.len()).unwrap_or(u128::MAX);
    if characters.saturating_pow(length.into()) < MIN_VARIETY { Err(Refusal::Guessable) } else { Ok(()) }
}

/// Whether a tenant may hold this password for its archives.
pub fn check_held(password: &str) -> Result<(), Refusal> {
    if !password.chars().all(|c| c.is_ascii_graphic() || c == ' ') || password.trim() != password {
        return Err(Refusal::Unprintable);
    }
    let length = u8::try_from(password.len()).unwrap_or(u8::MAX);
    if LENGTHS.contains(&length) { Ok(()) } else { Err(Refusal::Length) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_allowed() {
        assert_eq!(check_alphabet(DEFAULT_ALPHABET), Ok(()));
        assert_eq!(check_length(DEFAULT_LENGTH, DEFAULT_ALPHABET), Ok(()));
    }

    #[test]
    fn an_alphabet_has_ten_characters_each_once() {
        assert_eq!(check_alphabet("0123456789"), Ok(()));
        assert_eq!(check_alphabet(&('#'..='[').collect::<String>()), Ok(()));
        assert_eq!(check_alphabet("012345678"), Err(Refusal::Alike));
        assert_eq!(check_alphabet(""), Err(Refusal::Alike));
        for bad in [
            "0123456789\"",
            "0123456789\\",
            "00123456789",
            "0123456789 ",
            "0123456789ä",
            "0123456789\n",
            "0123456789\u{7f}",
        ] {
            assert_eq!(check_alphabet(bad), Err(Refusal::Alphabet), "{bad:?}");
        }
    }

    #[test]
    fn a_length_gives_fifty_bits() {
        // 10^15 < 2^50 < 10^16, 32^10 = 2^50, 31^10 < 2^50.
        let cases = [(15, "0123456789", false), (16, "0123456789", true), (10, &DEFAULT_ALPHABET[..32], true)];
        for (length, alphabet, enough) in cases {
            assert_eq!(check_length(length, alphabet).is_ok(), enough, "{length} of {alphabet}");
        }
        assert_eq!(check_length(10, &DEFAULT_ALPHABET[..31]), Err(Refusal::Guessable));
        assert_eq!(check_length(9, DEFAULT_ALPHABET), Err(Refusal::Length));
        assert_eq!(check_length(80, DEFAULT_ALPHABET), Ok(()));
        assert_eq!(check_length(81, DEFAULT_ALPHABET), Err(Refusal::Length));
    }

    #[test]
    fn a_held_password_is_what_every_tool_takes() {
        for good in ["0123456789", "correct horse battery", &"x".repeat(80)] {
            assert_eq!(check_held(good), Ok(()), "{good}");
        }
        for bad in ["012345678", "", &"x".repeat(81), &"x".repeat(300)] {
            assert_eq!(check_held(bad), Err(Refusal::Length), "{bad}");
        }
        for bad in [" 0123456789", "0123456789 ", "0123456789é", "01234\t56789"] {
            assert_eq!(check_held(bad), Err(Refusal::Unprintable), "{bad:?}");
        }
    }
}
