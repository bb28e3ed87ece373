//! The message as it goes out (RFC 5322, MIME).

use std::io;

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use mail_builder::{
    MessageBuilder,
    headers::{HeaderType, address::Address as Mailbox, raw::Raw},
};

use super::Address;
use crate::domain::id::DeliveryId;

/// Names the delivery to whoever looks at the mail's source.
pub const DELIVERY: &str = "X-Waybill-Delivery";

/// The texts of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    /// For readers of plain text.
    pub text: String,
    /// For all others.
    pub html: String,
}

/// From whom to whom.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    /// The sender's address.
    pub from: &'a Address,
    /// The sender's name; may be empty.
    pub name: &'a str,
    /// The one recipient.
    pub to: &'a Address,
    /// Where answers go; none: to the sender.
    pub reply_to: Option<&'a Address>,
}

/// The message's bytes, with all its headers: the text, and the HTML beside it. It is the same for the same delivery and
/// time but for the boundary. An error there is none of: it is written to memory.
pub fn message(
    envelope: Envelope<'_>,
    id: DeliveryId,
    rendered: Rendered,
    now: Timestamp,
) -> Result<Vec<u8>, io::Error> {
    let message = MessageBuilder::new()
        .header("From", sender(envelope.name, envelope.from))
        .to(Mailbox::new_address(None::<&str>, envelope.to.to_string()))
        .subject(rendered.subject)
        .date(now.as_second())
        // SES puts its own in its place; elsewhere it tells copies of one mail.
        .message_id(format!("{id}@{}", envelope.from.domain()))
        .header(DELIVERY, Raw::new(id.to_string()))
        // Nobody's holiday should answer it (RFC 3834).
        .header("Auto-Submitted", Raw::new("auto-generated"))
        .text_body(rendered.text)
        .html_body(rendered.html);
    let message = match envelope.reply_to {
        Some(reply_to) => message.reply_to(Mailbox::new_address(None::<&str>, reply_to.to_string())),
        None => message,
    };
    message.write_to_vec()
}

/// The sender as a header. A name that is not ASCII is written as encoded words outside quotes (RFC 2047, 5), which the
/// library would put inside.
fn sender<'a>(name: &'a str, from: &Address) -> HeaderType<'a> {
    /// Bytes of a word: with base64 and what stands around it, at most 75.
    const MAX_WORD: usize = 45;
    if name.is_ascii() {
        return Mailbox::new_address(Some(name).filter(|name| !name.is_empty()), from.to_string()).into();
    }
    let (mut words, mut rest) = (Vec::new(), name);
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.floor_char_boundary(MAX_WORD));
        words.push(format!("=?utf-8?B?{}?=", STANDARD.encode(word)));
        rest = after;
    }
    Raw::new(format!("{} <{from}>", words.join(" "))).into()
}
