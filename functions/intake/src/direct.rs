//! A call of the function itself, by a state machine, another function or a person: answered, where an event is not.
//!
//! Who may call the function acts for every tenant, as who may write rules does. A call by an alias `tenant-…` is for
//! that tenant alone: IAM can allow the alias and nothing else.

mod answer;

use serde_json::Value;

use crate::{
    app::App,
    envelope::Envelope,
    error::Refused,
    kind::{self, Kind, Taken},
    process,
    report::{self, Asking},
};

/// What an alias for one tenant begins with.
const FOR_TENANT: &str = "tenant-";

/// The tenant that the alias of a call is for; none of a call without such an alias. `arn` is what was called.
pub fn tenant_of_alias(arn: &str) -> Option<&str> {
    // arn:aws:lambda:REGION:ACCOUNT:function:NAME:QUALIFIER
    arn.split(':').nth(7)?.strip_prefix(FOR_TENANT)
}

/// Does what the payload asks for and says what came of it. What can never succeed is an answer, `REFUSED`, which the
/// caller may branch on; what may succeed if it is called again is an error.
pub async fn answer(app: &App, payload: &Value, bound_to: Option<&str>) -> Result<Value, Refused> {
    let done = take(app, payload, bound_to).await;
    kind::count(Kind::Direct, done.as_ref().map(|(_, taken)| *taken));
    match done {
        Ok((answer, _)) => Ok(answer),
        Err(error) => {
            error.log_faults("call");
            let answer = answer::of_refusal(&error);
            tracing::warn!(%error, answered = answer.is_some(), "call not accepted");
            answer.ok_or(error)
        }
    }
}

async fn take(app: &App, payload: &Value, bound_to: Option<&str>) -> Result<(Value, Taken), Refused> {
    let envelope = Envelope::parse_for(payload, bound_to)?;
    let tenant = envelope.tenant(app).await?;
    match (&envelope.request, &envelope.process) {
        (Some(body), None) => {
            let (by, id) = (format!("call {}", envelope.source), envelope.id());
            let asking = Asking { tenant: &tenant, by: &by, id, key: &id.to_string(), body };
            let accepted = report::ask(app, &asking).await?;
            Ok((answer::of_request(&accepted), report::taken(&accepted)))
        }
        (None, Some(detail)) => {
            let taken = process::told(app, &tenant, &envelope, detail).await?;
            Ok((answer::of_process(taken), taken))
        }
        _ => Err(Refused::Content),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_for_a_tenant_is_told_from_the_function_itself() {
        let arn = |rest: &str| format!("arn:aws:lambda:eu-west-1:123456789012:function:waybill-intake{rest}");
        assert_eq!(tenant_of_alias(&arn(":tenant-acme")), Some("acme"));
        assert_eq!(tenant_of_alias(&arn(":tenant-a-b-7")), Some("a-b-7"));
        // For nobody, and so refused: there is no tenant without a name.
        assert_eq!(tenant_of_alias(&arn(":tenant-")), Some(""));
        for other in ["", ":$LATEST", ":7", ":live", ":acme"] {
            assert_eq!(tenant_of_alias(&arn(other)), None, "{other}");
        }
        assert_eq!(tenant_of_alias(""), None);
    }
}
