//! Handing a mail to SES, and what its answer means.

use std::{
    env,
    time::{Duration, Instant},
};

use aws_config::{SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_sesv2::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::send_email::{SendEmailError, SendEmailOutput},
    primitives::Blob,
    types::{Destination, EmailContent, MessageTag, RawMessage},
};
use waybill::{
    domain::{
        delivery::{AttemptOutcome, Delivery},
        email::Address,
    },
    telemetry,
};

use crate::channel::{
    Attempted,
    attempted::{millis, retryable},
};

/// Names of the tags by which what comes of a mail finds its delivery; `intake` reads them.
pub use waybill::domain::email::feedback::{TAG_DELIVERY, TAG_REQUEST, TAG_TENANT};

/// Sends mails.
#[derive(Debug)]
pub struct Mailer {
    client: Client,
    /// The sender's address.
    pub from: Address,
    /// The sender's name; may be empty.
    pub name: String,
    /// Configuration set that tells of bounces; may be empty.
    configuration_set: String,
}

impl Mailer {
    /// As `WAYBILL_EMAIL_FROM`, `WAYBILL_EMAIL_NAME` and `WAYBILL_EMAIL_CONFIGURATION_SET` say; none without a sender's
    /// address. No call is made twice by itself: SES knows no idempotency key, and the schedule tries again.
    pub fn from_env(aws: &SdkConfig) -> Option<Self> {
        let variable = |name| env::var(name).unwrap_or_default();
        let text = variable("WAYBILL_EMAIL_FROM");
        if text.is_empty() {
            return None;
        }
        let from = Address::parse(&text).inspect_err(|error| tracing::error!(%error, "WAYBILL_EMAIL_FROM")).ok()?;
        let timeouts = TimeoutConfig::builder().disable_operation_attempt_timeout().disable_operation_timeout().build();
        let config = aws_sdk_sesv2::config::Builder::from(aws)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .build();
        Some(Self {
            client: Client::from_conf(config),
            from,
            name: variable("WAYBILL_EMAIL_NAME"),
            configuration_set: variable("WAYBILL_EMAIL_CONFIGURATION_SET"),
        })
    }

    /// Hands the message over. Never fails: whatever happens is an outcome.
    pub async fn send(&self, delivery: &Delivery, to: &Address, message: Vec<u8>, timeout: Duration) -> Attempted {
        let started = Instant::now();
        let call = self.call(delivery, to, message);
        let Ok(answer) = tokio::time::timeout(timeout, call).await else {
            let reason = "the mail service did not answer in time; it may have taken the mail".to_owned();
            return Attempted::without_answer(retryable(reason, None), started);
        };
        judge(answer, started)
    }

    async fn call(
        &self,
        delivery: &Delivery,
        to: &Address,
        message: Vec<u8>,
    ) -> Result<SendEmailOutput, SdkError<SendEmailError>> {
        let event = &delivery.announcement;
        let tag = |name: &str, value: String| MessageTag::builder().name(name).value(value).build();
        let tags = [
            tag(TAG_TENANT, event.tenant.clone()),
            tag(TAG_REQUEST, event.request.to_string()),
            tag(TAG_DELIVERY, delivery.id.to_string()),
        ];
        // Built by hand, and complete: the builders of tags and messages only refuse what is not set.
        let tags: Vec<MessageTag> = tags.into_iter().flatten().collect();
        let raw = RawMessage::builder().data(Blob::new(message)).build().ok();
        let set = Some(self.configuration_set.clone()).filter(|set| !set.is_empty());
        self.client
            .send_email()
            .from_email_address(self.from.to_string())
            .destination(Destination::builder().to_addresses(to.to_string()).build())
            .content(EmailContent::builder().set_raw(raw).build())
            .set_email_tags(Some(tags))
            .set_configuration_set_name(set)
            .send()
            .await
    }
}

/// What the service's answer means. It tells only whether the service has taken the mail.
fn judge(answer: Result<SendEmailOutput, SdkError<SendEmailError>>, started: Instant) -> Attempted {
    let error = match answer {
        Ok(output) => {
            return Attempted {
                outcome: AttemptOutcome::Success,
                http_status: Some(200),
                response: output.message_id().map(|id| format!("message {id}")),
                address: None,
                duration_ms: millis(started.elapsed()),
            };
        }
        Err(error) => error,
    };
    tracing::info!(error = telemetry::with_causes(&error), "a mail was not taken");
    let http_status = error.raw_response().map(|response| response.status().as_u16());
    let outcome = match error.as_service_error() {
        Some(refusal) => refused(refusal, http_status),
        None => retryable(
            "the mail service could not be reached, or broke off; it may have taken the mail".to_owned(),
            None,
        ),
    };
    Attempted { http_status, ..Attempted::without_answer(outcome, started) }
}

/// Permanent is what is said of this very mail; what is said of the account, or of its settings, the operator can mend
/// while the schedule lasts.
fn refused(refusal: &SendEmailError, http_status: Option<u16>) -> AttemptOutcome {
    let said = refusal.message().unwrap_or_default();
    match refusal {
        SendEmailError::MessageRejected(_) | SendEmailError::BadRequestException(_) => {
            AttemptOutcome::Permanent { reason: with_word("the mail service refused the mail", said) }
        }
        SendEmailError::MailFromDomainNotVerifiedException(_) => {
            AttemptOutcome::Permanent { reason: "the mail service does not know the sender's domain".to_owned() }
        }
        SendEmailError::AccountSuspendedException(_) | SendEmailError::SendingPausedException(_) => {
            retryable("the mail service sends nothing for the operator's account at present".to_owned(), None)
        }
        SendEmailError::TooManyRequestsException(_) | SendEmailError::LimitExceededException(_) => {
            retryable("the mail service takes no more mails at present".to_owned(), None)
        }
        _ => {
            let status = http_status.map_or_else(String::new, |status| format!(" with {status}"));
            retryable(format!("the mail service answered{status}"), None)
        }
    }
}

/// With what the service says of it, which speaks of addresses and settings alone.
fn with_word(reason: &str, said: &str) -> String {
    /// Longest part of it that is kept, in bytes.
    const MAX: usize = 300;
    let said: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let said = said.trim().trim_end_matches('.');
    let said = &said[..said.floor_char_boundary(MAX)];
    if said.is_empty() { reason.to_owned() } else { format!("{reason}: {said}") }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sesv2::{
        error::ErrorMetadata,
        types::error::{
            AccountSuspendedException, BadRequestException, LimitExceededException, MailFromDomainNotVerifiedException,
            MessageRejected, NotFoundException, SendingPausedException, TooManyRequestsException,
        },
    };

    use super::*;

    fn is_permanent(refusal: &SendEmailError) -> bool {
        matches!(refused(refusal, Some(400)), AttemptOutcome::Permanent { .. })
    }

    #[test]
    fn what_is_said_of_the_mail_is_permanent_and_what_is_said_of_the_account_is_not() {
        for refusal in [
            SendEmailError::MessageRejected(MessageRejected::builder().build()),
            SendEmailError::BadRequestException(BadRequestException::builder().build()),
            SendEmailError::MailFromDomainNotVerifiedException(MailFromDomainNotVerifiedException::builder().build()),
        ] {
            assert!(is_permanent(&refusal), "{refusal:?}");
        }
        for refusal in [
            SendEmailError::AccountSuspendedException(AccountSuspendedException::builder().build()),
            SendEmailError::SendingPausedException(SendingPausedException::builder().build()),
            SendEmailError::TooManyRequestsException(TooManyRequestsException::builder().build()),
            SendEmailError::LimitExceededException(LimitExceededException::builder().build()),
            SendEmailError::NotFoundException(NotFoundException::builder().build()),
            SendEmailError::generic(ErrorMetadata::builder().code("AccessDeniedException").build()),
            SendEmailError::generic(ErrorMetadata::builder().code("InternalFailure").build()),
        ] {
            assert!(!is_permanent(&refusal), "{refusal:?}");
        }
    }

    #[test]
    fn the_reason_has_the_services_own_word() {
        let rejected = |message: &str| {
            // As the SDK reads an answer: what it says stands beside the error's own fields.
            let said = ErrorMetadata::builder().code("MessageRejected").message(message).build();
            let said = MessageRejected::builder().message(message).meta(said).build();
            match refused(&SendEmailError::MessageRejected(said), Some(400)) {
                AttemptOutcome::Permanent { reason } => reason,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(rejected("Not\nverified."), "the mail service refused the mail: Not verified");
        assert_eq!(rejected(" "), "the mail service refused the mail");
        assert!(rejected(&"é".repeat(400)).len() < 400);
    }

    #[test]
    fn an_unknown_outcome_is_tried_again_and_says_so() {
        let answer = Err(SdkError::timeout_error("nothing came"));
        let attempted = judge(answer, Instant::now());
        let AttemptOutcome::Retryable { reason, .. } = attempted.outcome else { panic!("{attempted:?}") };
        assert!(reason.contains("may have taken the mail"), "{reason}");
        let taken = judge(Ok(SendEmailOutput::builder().message_id("abc").build()), Instant::now());
        assert_eq!((taken.outcome, taken.response.as_deref()), (AttemptOutcome::Success, Some("message abc")));
    }
}
