//! The machine, event by event, and over long stretches of time.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{
    Calendar, Effect, Event, MOST_CAUGHT_UP, MissedPolicy, Outcome, Refusal, SKIP_GRACE, Schedule, Settings,
    StandingOrder, StandingTerms, State, Timing, WAKE_GRACE, run_id,
};
use crate::domain::{id::ScheduleId, request::Deed};

fn ts(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

/// Hourly, from noon on.
pub(crate) fn hourly(missed: MissedPolicy) -> (Schedule, Calendar) {
    let now = ts("2026-11-27T11:30:00Z");
    let settings = Settings {
        name: None,
        timing: Timing::Cron("0 * * * *".to_owned()),
        time_zone: "UTC".to_owned(),
        starts_at: None,
        ends_at: Some(ts("2026-11-30T00:00:00Z")),
        missed,
    };
    let calendar = Calendar::of(&settings).unwrap();
    let order = StandingOrder { request: "{}".to_owned(), terms: StandingTerms::default(), seat: None };
    let whose = (ScheduleId::generate(), "acme".to_owned());
    let first = calendar.next_after(now);
    (Schedule::made(whose, settings, order, "ana".to_owned(), first, now), calendar)
}

fn deed() -> Deed {
    Deed { at: ts("2026-11-27T11:40:00Z"), by: "ana".to_owned() }
}

fn refused() -> Outcome {
    Outcome::Refused { code: "quota_exhausted".to_owned(), detail: String::new(), faults: vec![] }
}

const NOON: &str = "2026-11-27T12:00:00Z";

#[test]
fn it_waits_for_its_instant_and_runs_it_once() {
    let (schedule, calendar) = hourly(MissedPolicy::Latest);
    assert_eq!((schedule.next_run, schedule.due_at), (Some(ts(NOON)), Some(ts(NOON) + WAKE_GRACE)));
    let early = schedule.apply(Event::Wake, &calendar, ts("2026-11-27T11:59:00Z"));
    assert_eq!(early, Err(Refusal::NotDue));
    for now in ["2026-11-27T11:59:59Z", NOON, "2026-11-27T12:30:00Z"] {
        let step = schedule.apply(Event::Wake, &calendar, ts(now)).unwrap();
        assert_eq!(step, (schedule.clone(), vec![Effect::Run(ts(NOON))]), "{now}");
    }
    let (next, effects) = schedule.apply(Event::Ran(Outcome::Requested), &calendar, ts(NOON)).unwrap();
    let one = ts("2026-11-27T13:00:00Z");
    assert_eq!((next.next_run, effects), (Some(one), vec![Effect::Arm(one)]));
    let last = next.last_run.as_ref().unwrap();
    assert_eq!((last.at, last.request), (ts(NOON), Some(run_id(schedule.id, ts(NOON)))));
    assert_eq!(next.apply(Event::Wake, &calendar, ts(NOON)), Err(Refusal::NotDue), "the same word again");
}

#[test]
fn a_refusal_is_told_and_counted_until_a_run_is_recorded() {
    let (schedule, calendar) = hourly(MissedPolicy::Latest);
    let (once, effects) = schedule.apply(Event::Ran(refused()), &calendar, ts(NOON)).unwrap();
    assert!(effects.contains(&Effect::Announce));
    let (twice, _) = once.apply(Event::Ran(refused()), &calendar, ts("2026-11-27T13:00:00Z")).unwrap();
    assert_eq!((once.refused_in_a_row, twice.refused_in_a_row), (1, 2));
    assert_eq!(twice.last_run.as_ref().unwrap().refused.as_deref(), Some("quota_exhausted"));
    let (well, effects) = twice.apply(Event::Ran(Outcome::Requested), &calendar, ts("2026-11-27T14:00:00Z")).unwrap();
    assert!(well.refused_in_a_row == 0 && !effects.contains(&Effect::Announce));
}

#[test]
fn a_pause_skips_and_is_no_reason_to_catch_up() {
    let (schedule, calendar) = hourly(MissedPolicy::All);
    let (paused, effects) = schedule.apply(Event::Pause(deed()), &calendar, ts(NOON)).unwrap();
    assert_eq!((paused.state, paused.next_run, paused.due_at), (State::Paused, None, None));
    assert_eq!(effects, [Effect::Disarm(ts(NOON))]);
    assert_eq!(paused.apply(Event::Pause(deed()), &calendar, ts(NOON)), Err(Refusal::Already));
    assert_eq!(paused.apply(Event::Wake, &calendar, ts("2026-11-27T15:00:00Z")), Err(Refusal::NotDue));
    let (changed, _) = {
        let event = Event::Change(Box::new(paused.settings.clone()), Box::new(paused.order.clone()));
        paused.apply(event, &calendar, ts(NOON)).unwrap()
    };
    assert_eq!(changed.state, State::Paused, "a change does not let it go");
    let (resumed, _) = changed.apply(Event::Resume, &calendar, ts("2026-11-27T15:30:00Z")).unwrap();
    assert_eq!((resumed.state, resumed.next_run), (State::Active, Some(ts("2026-11-27T16:00:00Z"))));
    assert_eq!(resumed.paused, None);
    assert_eq!(resumed.apply(Event::Resume, &calendar, ts(NOON)), Err(Refusal::Already));
}

#[test]
fn without_an_instant_left_it_has_ended_until_it_is_changed() {
    let (schedule, calendar) = hourly(MissedPolicy::Latest);
    let last = ts("2026-11-30T00:00:00Z");
    let Schedule { id, tenant, settings, order, created_by, created_at, .. } = schedule;
    let schedule = Schedule::made((id, tenant), settings, order, created_by, Some(last), created_at);
    let (ended, effects) = schedule.apply(Event::Ran(Outcome::Requested), &calendar, last).unwrap();
    assert_eq!((ended.state, ended.next_run, ended.due_at), (State::Ended, None, None));
    assert_eq!(effects, []);
    for event in [Event::Pause(deed()), Event::Resume] {
        assert_eq!(ended.apply(event, &calendar, last), Err(Refusal::Ended));
    }
    let settings = Settings { ends_at: None, ..ended.settings.clone() };
    let calendar = Calendar::of(&settings).unwrap();
    let event = Event::Change(Box::new(settings), Box::new(ended.order.clone()));
    let (again, _) = ended.apply(event, &calendar, last + minutes(5)).unwrap();
    let one = ts("2026-11-30T01:00:00Z");
    assert_eq!((again.state, again.next_run), (State::Active, Some(one)));
    let settings = Settings { timing: Timing::Cron("30 * * * *".to_owned()), ..again.settings.clone() };
    let calendar = Calendar::of(&settings).unwrap();
    let event = Event::Change(Box::new(settings), Box::new(again.order.clone()));
    let (_, effects) = again.apply(event, &calendar, last + minutes(5)).unwrap();
    assert_eq!(effects, [Effect::Arm(ts("2026-11-30T00:30:00Z")), Effect::Disarm(one)]);
}

#[test]
fn what_was_missed_is_skipped_run_or_caught_up() {
    let now = ts("2026-11-27T15:20:00Z");
    let wake = |missed| {
        let (schedule, calendar) = hourly(missed);
        schedule.apply(Event::Wake, &calendar, now).unwrap()
    };
    let noted = |effects: &[Effect]| {
        effects.iter().find_map(|effect| match effect {
            Effect::Note(missed) => Some((missed.from, missed.to, missed.count)),
            _ => None,
        })
    };
    let (next, effects) = wake(MissedPolicy::Latest);
    assert_eq!(next.next_run, Some(ts("2026-11-27T15:00:00Z")));
    assert_eq!(noted(&effects), Some((ts(NOON), ts("2026-11-27T14:00:00Z"), 3)));
    assert!(next.due_at.unwrap() < now, "due still");
    let (next, effects) = wake(MissedPolicy::Skip);
    assert_eq!(next.next_run, Some(ts("2026-11-27T16:00:00Z")));
    assert_eq!(noted(&effects), Some((ts(NOON), ts("2026-11-27T15:00:00Z"), 4)));
    assert!(effects.contains(&Effect::Arm(ts("2026-11-27T16:00:00Z"))));
    assert_eq!(wake(MissedPolicy::All).1, [Effect::Run(ts(NOON))]);

    let (schedule, calendar) = hourly(MissedPolicy::Skip);
    let in_time = schedule.apply(Event::Wake, &calendar, ts(NOON) + SKIP_GRACE).unwrap();
    assert_eq!(in_time.1, [Effect::Run(ts(NOON))]);
    let too_late = schedule.apply(Event::Wake, &calendar, ts(NOON) + SKIP_GRACE + minutes(1)).unwrap();
    assert_eq!(noted(&too_late.1), Some((ts(NOON), ts(NOON), 1)));
}

#[test]
fn catching_up_has_a_bound() {
    let (schedule, calendar) = hourly(MissedPolicy::All);
    let now = ts("2026-11-29T20:30:00Z");
    let (next, effects) = schedule.apply(Event::Wake, &calendar, now).unwrap();
    let bound = i64::try_from(MOST_CAUGHT_UP).unwrap();
    let first = ts("2026-11-29T20:00:00Z") - SignedDuration::from_hours(bound - 1);
    assert_eq!(next.next_run, Some(first));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Note(missed) if missed.from == ts(NOON))));
}

#[test]
fn the_sweeper_comes_less_and_less_often() {
    let (schedule, _) = hourly(MissedPolicy::Latest);
    assert_eq!(schedule.swept(ts(NOON)), Err(Refusal::NotDue));
    let mut row = schedule;
    let mut waits = Vec::new();
    for _ in 0..6 {
        let now = row.due_at.unwrap();
        row = row.swept(now).unwrap();
        waits.push(row.due_at.unwrap().duration_since(now).as_mins());
    }
    assert_eq!(waits, [1, 2, 4, 8, 15, 15]);
    assert_eq!(row.next_run, Some(ts(NOON)), "the truth is as it was");
}

proptest! {
    /// Whenever it is woken: no instant is run twice, those that are run are the calendar's, each is run or noted, and
    /// `next_run` never goes back.
    #[test]
    fn each_instant_is_run_or_noted_once(
        policy in 0..3_usize,
        gaps in prop::collection::vec(prop_oneof![1_i64..90, 60_i64..3000], 1..12),
    ) {
        let (mut row, calendar) = hourly(MissedPolicy::ALL[policy]);
        let (mut now, mut ran, mut noted) = (ts("2026-11-27T11:30:00Z"), BTreeSet::new(), BTreeSet::new());
        for gap in gaps {
            now += minutes(gap);
            while let Ok((next, effects)) = row.apply(Event::Wake, &calendar, now) {
                let next = if let [Effect::Run(at)] = effects[..] {
                    prop_assert_eq!((&next, Some(at)), (&row, row.next_run));
                    prop_assert!(ran.insert(at) && at <= now);
                    row.apply(Event::Ran(Outcome::Requested), &calendar, now).unwrap().0
                } else {
                    for effect in effects {
                        let Effect::Note(missed) = effect else { continue };
                        let passed: Vec<Timestamp> = calendar.upcoming(missed.from - minutes(1), missed.count as usize);
                        prop_assert_eq!((passed[0], *passed.last().unwrap()), (missed.from, missed.to));
                        prop_assert!(passed.into_iter().all(|at| noted.insert(at)));
                    }
                    next
                };
                prop_assert!(next.next_run.is_none_or(|at| Some(at) > row.next_run));
                row = next;
            }
        }
        let all: BTreeSet<Timestamp> =
            calendar.upcoming(ts("2026-11-27T11:30:00Z"), 1000).into_iter().filter(|at| *at <= now).collect();
        prop_assert!(ran.is_disjoint(&noted));
        prop_assert_eq!(ran.union(&noted).copied().collect::<BTreeSet<_>>(), all);
    }
}
