//! How a tenant's archives are encrypted, as its settings say it.

use serde_json::{Value, json};
use waybill::{
    accept::fields::{Faults, Fields},
    domain::{
        password::{self, PasswordPolicy},
        secret::Secret,
        tenant::ZipSettings,
        wrapping::ZipCipher,
    },
};

use crate::openapi::schema::{Schema, defaulted, described, exactly, flag, names, sent, whole};

const FIELDS: [&str; 2] = ["cipher", "password"];
const GENERATED_FIELDS: [&str; 3] = ["kind", "length", "alphabet"];
const HELD_FIELDS: [&str; 3] = ["kind", "value", "set"];

/// What is wanted.
#[derive(Default)]
pub struct WantedZip {
    pub cipher: ZipCipher,
    pub password: Option<WantedPassword>,
}

/// Where passwords are to come from.
pub enum WantedPassword {
    /// Each archive gets its own.
    Generated { length: u8, alphabet: String },
    /// This one.
    Sent(Secret<String>),
    /// The one that the tenant holds already.
    Kept,
}

/// Longest text that is looked at, in bytes: more than any rule allows.
const MAX_TEXT: usize = 1_024;

const KINDS: [&str; 2] = ["generated", "held"];

/// Reads `zip`.
pub fn read(fields: &Fields, faults: &Faults) -> WantedZip {
    let Some(zip) = fields.object("zip", &FIELDS) else { return WantedZip::default() };
    WantedZip {
        cipher: zip.choice("cipher", ZipCipher::from_name, &ZipCipher::ALL.map(ZipCipher::name)).unwrap_or_default(),
        password: read_password(&zip, faults),
    }
}

fn read_password(zip: &Fields, faults: &Faults) -> Option<WantedPassword> {
    let held = match zip.get("password")?.get("kind").and_then(Value::as_str) {
        Some("generated") => false,
        Some("held") => true,
        _ => {
            let password = zip.object("password", &["kind", "length", "alphabet", "value", "set"])?;
            if password.get("kind").is_none() {
                faults.add(password.pointer("kind"), "missing", "Required: generated or held.");
            }
            password.choice("kind", |_| None::<()>, &KINDS);
            return None;
        }
    };
    if held { read_held(zip, faults) } else { read_generated(zip, faults) }
}

fn read_generated(zip: &Fields, faults: &Faults) -> Option<WantedPassword> {
    let password = zip.object("password", &GENERATED_FIELDS)?;
    let alphabet = password.text("alphabet", MAX_TEXT).unwrap_or(password::DEFAULT_ALPHABET);
    if let Err(refusal) = password::check_alphabet(alphabet) {
        faults.add(password.pointer("alphabet"), "not_allowed", sentence(refusal));
        return None;
    }
    let length = password.whole("length", password::LENGTHS).unwrap_or(password::DEFAULT_LENGTH);
    if let Err(refusal) = password::check_length(length, alphabet) {
        faults.add(password.pointer("length"), "out_of_range", sentence(refusal));
    }
    Some(WantedPassword::Generated { length, alphabet: alphabet.to_owned() })
}

/// `set` is what is shown of a password; nobody sets it.
fn read_held(zip: &Fields, faults: &Faults) -> Option<WantedPassword> {
    let password = zip.object("password", &HELD_FIELDS)?;
    password.boolean("set");
    if password.get("value").is_none() {
        return Some(WantedPassword::Kept);
    }
    let value = password.text("value", MAX_TEXT)?;
    if let Err(refusal) = password::check_held(value) {
        let code = if refusal == password::Refusal::Length { "out_of_range" } else { "not_allowed" };
        faults.add(password.pointer("value"), code, sentence(refusal));
    }
    Some(WantedPassword::Sent(Secret::new(value.to_owned())))
}

fn sentence(refusal: password::Refusal) -> String {
    let text = refusal.to_string();
    let rest = text.strip_prefix("must").unwrap_or(&text);
    format!("Must{rest}.")
}

impl WantedZip {
    /// Whether it keeps a password that the tenant does not hold.
    pub fn lacks_password(&self, before: Option<&ZipSettings>) -> bool {
        matches!(self.password, Some(WantedPassword::Kept)) && held(before).is_none()
    }

    /// A password that is yet to be sealed.
    pub fn sent(&self) -> Option<&Secret<String>> {
        match &self.password {
            Some(WantedPassword::Sent(value)) => Some(value),
            _ => None,
        }
    }

    /// As it is recorded, with the sealed form of what was sent.
    pub fn recorded(self, sealed: Option<String>, before: Option<&ZipSettings>) -> ZipSettings {
        let password = self.password.and_then(|password| match password {
            WantedPassword::Generated { length, alphabet } => Some(PasswordPolicy::Generated { length, alphabet }),
            WantedPassword::Sent(_) => sealed.map(|sealed| PasswordPolicy::Held { sealed }),
            WantedPassword::Kept => held(before).cloned(),
        });
        ZipSettings { cipher: self.cipher, password }
    }
}

fn held(before: Option<&ZipSettings>) -> Option<&PasswordPolicy> {
    before?.password.as_ref().filter(|password| matches!(password, PasswordPolicy::Held { .. }))
}

/// Everything but a held password, of which only its being there is told.
pub fn describe(zip: &ZipSettings) -> Value {
    let password = zip.password.as_ref().map(|password| match password {
        PasswordPolicy::Generated { length, alphabet } => {
            json!({ "kind": "generated", "length": length, "alphabet": alphabet })
        }
        PasswordPolicy::Held { .. } => json!({ "kind": "held", "set": true }),
    });
    json!({ "cipher": zip.cipher, "password": password })
}

/// What to say of it, in a sentence.
pub fn warning(zip: &ZipSettings) -> Option<String> {
    let warning = "The cipher zipcrypto is weak: whoever knows a part of a file's content can open it without the \
                   password. Use aes256 wherever the receiver's tools open it.";
    (zip.cipher == ZipCipher::Zipcrypto).then(|| warning.to_owned())
}

/// `zip`, as the API's description has it.
pub fn schema() -> Schema {
    sent(&FIELDS, &[], |name| match name {
        "cipher" => defaulted(names(ZipCipher::ALL.map(ZipCipher::name)), ZipCipher::default().name()),
        "password" => json!({ "oneOf": [generated(), kept()] }),
        _ => Value::Null,
    })
}

fn generated() -> Schema {
    sent(&GENERATED_FIELDS, &["kind"], |name| match name {
        "kind" => exactly("generated"),
        "length" => defaulted(whole(password::LENGTHS), password::DEFAULT_LENGTH),
        "alphabet" => {
            // Each character once, which no pattern says.
            let alphabet = json!({ "type": "string", "pattern": "^[!#-\\[\\]-~]{10,92}$" });
            described(alphabet, "Printable ASCII characters, each once. With the length they must give 50 bits.")
        }
        _ => Value::Null,
    })
}

fn kept() -> Schema {
    sent(&HELD_FIELDS, &["kind"], |name| match name {
        "kind" => exactly("held"),
        "value" => json!({ "type": "string", "pattern": "^[!-~][ -~]{8,78}[!-~]$" }),
        "set" => described(flag(), "As it is shown; nobody sets it."),
        _ => Value::Null,
    })
}

#[cfg(test)]
#[path = "zip_tests.rs"]
mod tests;
