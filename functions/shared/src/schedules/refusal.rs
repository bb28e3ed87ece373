//! A refused run as the history keeps it: codes and details as the API tells them.

use crate::{accept::Rejected, domain::schedule::Outcome};

/// Most faults that are kept of one refusal.
const MOST_FAULTS: usize = 10;

/// What the history keeps; none if the run may yet be accepted, so that it is asked for again.
pub(super) fn outcome(rejected: &Rejected) -> Option<Outcome> {
    let (code, detail, faults) = match rejected {
        Rejected::Invalid(faults) => {
            let told = faults.iter().take(MOST_FAULTS).map(|fault| format!("{}: {}", fault.pointer, fault.detail));
            ("validation_failed", "What the schedule asks for is not right any more.".to_owned(), told.collect())
        }
        Rejected::UnknownReport(report) => {
            ("report_not_found", format!("There is no report {report:?} that the tenant may ask for."), vec![])
        }
        Rejected::Exhausted(standing) => {
            let detail =
                format!("The tenant's quota `{}` of {} was used up for the day.", standing.quota, standing.limit);
            ("quota_exhausted", detail, vec![])
        }
        Rejected::NoSeat(occupied) => {
            let detail = format!("All {} licence seats of the tenant were in use.", occupied.seats);
            ("licence_unavailable", detail, vec![])
        }
        Rejected::Definition(_) => (
            "definition_invalid",
            "The definition of the report is broken; tell the operator of the service.".to_owned(),
            vec![],
        ),
        // Of no run: it has no idempotency key, and a tenant that is erased has no history.
        Rejected::KeyReused | Rejected::InFlight | Rejected::Erased | Rejected::Unavailable(_) | Rejected::Table(_) => {
            return None;
        }
    };
    Some(Outcome::Refused { code: code.to_owned(), detail, faults })
}
