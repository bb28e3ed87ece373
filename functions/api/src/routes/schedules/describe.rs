//! A schedule as its tenant sees it.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use waybill::domain::schedule::{Calendar, Schedule, Settings, Timing};

/// Runs that are shown ahead.
const AHEAD: usize = 5;

/// All of it.
pub fn schedule(schedule: &Schedule) -> Value {
    let mut shown = summary(schedule);
    shown["request"] = serde_json::from_str(&schedule.order.request).unwrap_or_default();
    shown
}

/// What a list tells of it: all but what it asks for, of which the report alone.
pub fn summary(schedule: &Schedule) -> Value {
    let settings = &schedule.settings;
    let request: Value = serde_json::from_str(&schedule.order.request).unwrap_or_default();
    let mut shown = json!({
        "id": schedule.id,
        "name": settings.name,
        "report": request["report"],
        "state": schedule.state,
        "time_zone": settings.time_zone,
        "starts_at": settings.starts_at,
        "ends_at": settings.ends_at,
        "missed": settings.missed,
        "next_run": schedule.next_run,
        "next_runs": next_runs(settings, schedule.next_run),
        "last_run": schedule.last_run,
        "refused_in_a_row": schedule.refused_in_a_row,
        "paused": schedule.paused,
        "interface": schedule.order.terms.interface,
        "created_by": schedule.created_by,
        "created_at": schedule.created_at,
        "updated_at": schedule.updated_at,
    });
    match &settings.timing {
        Timing::Cron(cron) => shown["cron"] = json!(cron),
        Timing::At(at) => shown["at"] = json!(at),
        Timing::Every { every, anchor } => {
            shown["every"] = json!({ every.unit.name(): every.count });
            shown["counted_from"] = json!(anchor);
        }
    }
    shown
}

/// From the next run on, in UTC and by the zone's clock.
pub fn next_runs(settings: &Settings, next: Option<Timestamp>) -> Value {
    let (Some(next), Ok(calendar)) = (next, Calendar::of(settings)) else { return json!([]) };
    let before = next.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(next);
    let local = |at| calendar.zone().zoned(at).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
    calendar.upcoming(before, AHEAD).into_iter().map(|at| json!({ "at": at, "local": local(at) })).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use waybill::domain::{
        id::ScheduleId,
        schedule::{MissedPolicy, StandingOrder, StandingTerms, State},
    };

    use super::*;

    pub fn schedule() -> Schedule {
        let settings = Settings {
            name: None,
            timing: Timing::Cron("30 2 * * *".to_owned()),
            time_zone: "America/New_York".to_owned(),
            starts_at: None,
            ends_at: None,
            missed: MissedPolicy::Latest,
        };
        let request = r#"{"report":"r"}"#.to_owned();
        let order = StandingOrder { request, terms: StandingTerms::default(), seat: None };
        let whose = (ScheduleId::generate(), "acme".to_owned());
        let made = Schedule::made(whose, settings, order, "ana".to_owned(), None, Timestamp::UNIX_EPOCH);
        // Held neither by its calendar nor by anybody.
        Schedule { state: State::Active, ..made }
    }

    #[test]
    fn the_next_five_are_shown_by_either_clock() {
        let next: Timestamp = "2026-03-07T07:30:00Z".parse().unwrap();
        let shown = summary(&Schedule { next_run: Some(next), ..schedule() });
        let expected = json!([
            { "at": "2026-03-07T07:30:00Z", "local": "2026-03-07T02:30:00-05:00" },
            { "at": "2026-03-08T07:00:00Z", "local": "2026-03-08T03:00:00-04:00" },
            { "at": "2026-03-09T06:30:00Z", "local": "2026-03-09T02:30:00-04:00" },
            { "at": "2026-03-10T06:30:00Z", "local": "2026-03-10T02:30:00-04:00" },
            { "at": "2026-03-11T06:30:00Z", "local": "2026-03-11T02:30:00-04:00" },
        ]);
        assert_eq!((&shown["next_runs"], &shown["report"]), (&expected, &json!("r")));
        assert_eq!(summary(&schedule())["next_runs"], json!([]));
    }
}
