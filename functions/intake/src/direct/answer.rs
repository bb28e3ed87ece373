//! What a caller of the function is told.

use serde_json::{Value, json};
use waybill::accept::{Accepted, Fault, Rejected};

use crate::{error::Refused, kind::Taken};

/// Where in the payload the request stands.
const REQUEST: &str = "/request";

/// `RECORDED`, `REPLAYED` and `JOINED` with the request's id; `VALID` of one that only asked whether.
pub fn of_request(accepted: &Accepted) -> Value {
    match accepted {
        Accepted::Recorded(receipt, _) => json!({ "status": "RECORDED", "request_id": receipt.id }),
        Accepted::Replayed { receipt, .. } => json!({ "status": "REPLAYED", "request_id": receipt.id }),
        Accepted::Joined(receipt) => json!({ "status": "JOINED", "request_id": receipt.id }),
        Accepted::Valid(_) => json!({ "status": "VALID" }),
    }
}

/// Of the status of a process.
pub fn of_process(taken: Taken) -> Value {
    json!({ "status": if taken == Taken::New { "RECORDED" } else { "REPLAYED" } })
}

/// What can never succeed: every fault, with pointers into the payload and the API's codes. None of what may succeed if
/// it is called again, or needs the operator.
pub fn of_refusal(refused: &Refused) -> Option<Value> {
    let errors = match refused {
        Refused::Malformed(_) | Refused::Content => vec![Fault::new("", "malformed", refused.to_string())],
        Refused::Version(_) => vec![Fault::new("/v", "not_allowed", refused.to_string())],
        Refused::TooLong(field) => vec![Fault::new(format!("/{field}"), "out_of_range", refused.to_string())],
        Refused::Process(_) => vec![Fault::new("/process", "not_allowed", refused.to_string())],
        Refused::Tenant(_) | Refused::OtherTenant => {
            vec![Fault::new("/tenant", "unknown_tenant", refused.to_string())]
        }
        Refused::Rejected(rejected) => of_rejected(rejected)?,
        Refused::Mail(_)
        | Refused::Arrival(_)
        | Refused::Notification(_)
        | Refused::Unfit(..)
        | Refused::Triggers(_)
        | Refused::Schedule(_)
        | Refused::Aws(_)
        | Refused::Some { .. }
        | Refused::Batch
        | Refused::Table(_) => return None,
    };
    Some(json!({ "status": "REFUSED", "errors": errors }))
}

fn of_rejected(rejected: &Rejected) -> Option<Vec<Fault>> {
    let one = |pointer: &str, code| vec![Fault::new(pointer, code, rejected.to_string())];
    Some(match rejected {
        Rejected::Invalid(faults) => faults.iter().map(within_request).collect(),
        Rejected::UnknownReport(_) => one("/request/report", "report_not_found"),
        Rejected::KeyReused => one("/event_id", "idempotency_key_reused"),
        Rejected::Exhausted(_) => one("", "quota_exhausted"),
        Rejected::NoSeat(_) => one("", "license_unavailable"),
        Rejected::Erased => one("/tenant", "unknown_tenant"),
        Rejected::InFlight | Rejected::Definition(_) | Rejected::Unavailable(_) | Rejected::Table(_) => return None,
    })
}

fn within_request(fault: &Fault) -> Fault {
    Fault { pointer: format!("{REQUEST}{}", fault.pointer), ..fault.clone() }
}

#[cfg(test)]
mod tests {
    use waybill::aws::table::TableError;

    use super::*;

    #[test]
    fn faults_point_into_the_payload() {
        let fault = Fault::new("/parameters/dates", "missing", "Required.");
        let answer = of_refusal(&Rejected::Invalid(vec![fault]).into()).unwrap();
        let error = json!({"pointer": "/request/parameters/dates", "code": "missing", "detail": "Required."});
        assert_eq!(answer, json!({"status": "REFUSED", "errors": [error]}));
    }

    #[test]
    fn what_may_yet_succeed_is_no_answer() {
        assert_eq!(of_refusal(&TableError::Conflict.into()), None);
        assert_eq!(of_refusal(&Rejected::InFlight.into()), None);
        assert!(of_refusal(&Rejected::Erased.into()).is_some());
        assert!(of_refusal(&Refused::Tenant("x".into())).is_some());
    }
}
