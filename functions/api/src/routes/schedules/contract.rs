//! Schedules, as the API's description has them.

use http::StatusCode;
use serde_json::{Value, json};
use waybill::{
    domain::{
        interface::Interface,
        schedule::{MAX_NAME, MissedPolicy, State, Unit},
        tenant::Scope,
    },
    schedules::{FIELDS, TIMINGS},
};

use crate::{
    openapi::{
        operation::Operation,
        parts::{deed, idempotency_key, licence_context, report_id, status, values},
        schema::{
            Schema, and, and_perhaps, any, bytes, component, count, defaulted, described, exactly, flag, id, list_of,
            names, nullable, page_of, pattern, sent, shown, text, time,
        },
    },
    routes::requests::{answered_as_a_request, sample},
};

const TAG: &str = "Schedules";

/// What a caller may do with schedules.
pub fn operations() -> Vec<Operation> {
    let (all, one) = ("/v1/schedules", "/v1/schedules/{schedule}");
    let tag = || described(text(), "Only if the schedule still is what this `ETag` says.");
    let mut operations = vec![
        asking(Operation::post(all, ["createSchedule", TAG, "Have a report made at times of a calendar"]))
            .about(
                "Times are those of the zone's clock, right across daylight saving. Each run is an ordinary request.",
            )
            .header("Idempotency-Key", idempotency_key())
            .answers(StatusCode::OK, "With `validate_only`: when it would run.", component("SchedulePreview"))
            .answers(StatusCode::CREATED, "The schedule.", component("Schedule"))
            .with_header("Location", true, pattern("^/v1/schedules/sch_[0-9a-f]{32}$"))
            .with_header("ETag", true, text())
            .with_header("Idempotency-Replayed", false, exactly("true"))
            .leads_to("showSchedule", [("schedule", "$response.body#/id")])
            .leads_to("listRuns", [("schedule", "$response.body#/id")])
            .leads_to("pauseSchedule", [("schedule", "$response.body#/id")])
            .leads_to("deleteSchedule", [("schedule", "$response.body#/id")])
            .refuses(&[
                "idempotency_key_invalid",
                "idempotency_key_reused",
                "idempotency_key_in_flight",
                "too_many_schedules",
            ]),
        Operation::get(all, ["listSchedules", TAG, "List schedules"])
            .about("Without what they ask for, in pages.")
            .needs(Scope::ReportsRead)
            .in_pages()
            .answers(StatusCode::OK, "A page.", page_of("schedules", component("ScheduleSummary"))),
        of_one(Operation::get(one, ["showSchedule", TAG, "Show a schedule"]), Scope::ReportsRead)
            .about("What it asks for and when, and its next runs.")
            .answers(StatusCode::OK, "The schedule.", component("Schedule"))
            .with_header("ETag", true, text()),
        asking(of_one(Operation::put(one, ["putSchedule", TAG, "Replace a schedule"]), Scope::ReportsRequest))
            .about("What it asks for and when; whether it is paused stays.")
            .header("If-Match", tag())
            .answers(
                StatusCode::OK,
                "The schedule; or, with `validate_only`, when it would run.",
                json!({ "anyOf": [component("Schedule"), component("SchedulePreview")] }),
            )
            .refuses(&["precondition_failed", "conflict"]),
        of_one(Operation::delete(one, ["deleteSchedule", TAG, "Delete a schedule"]), Scope::ReportsRequest)
            .about("There are no more runs. Requests of those that were stay.")
            .header("If-Match", tag())
            .answers_nothing(StatusCode::NO_CONTENT, "It is gone.")
            .refuses(&["precondition_failed", "conflict"]),
    ];
    operations.extend(deeds());
    operations
}

fn deeds() -> Vec<Operation> {
    let held = |path, names, about| {
        of_one(Operation::post(path, names), Scope::ReportsRequest)
            .about(about)
            .answers(StatusCode::OK, "The schedule.", component("Schedule"))
            .with_header("ETag", true, text())
            .refuses(&["schedule_ended", "conflict"])
    };
    vec![
        held("/v1/schedules/{schedule}/pause", ["pauseSchedule", TAG, "Pause it"], "Its times pass without a run."),
        held(
            "/v1/schedules/{schedule}/resume",
            ["resumeSchedule", TAG, "Resume it"],
            "It goes on with the next of its times.",
        ),
        answered_as_a_request(
            of_one(
                Operation::post("/v1/schedules/{schedule}/run", ["runSchedule", TAG, "Run it now"]),
                Scope::ReportsRequest,
            )
            .about("Once more, besides its times.")
            .header("Idempotency-Key", idempotency_key()),
        )
        .refuses(&["validation_failed"]),
        of_one(
            Operation::get("/v1/schedules/{schedule}/runs", ["listRuns", TAG, "What came of its times"]),
            Scope::ReportsRead,
        )
        .about("The latest first, each with the status of its request as it is now.")
        .in_pages()
        .answers(StatusCode::OK, "A page.", page_of("runs", run())),
    ]
}

fn of_one(operation: Operation, scope: Scope) -> Operation {
    operation.needs(scope).at("schedule", id("sch")).refuses(&["not_found"])
}

/// What making one and replacing one have in common.
fn asking(operation: Operation) -> Operation {
    let example = json!({
        "name": "Every working day", "request": sample(), "time_zone": "America/Sao_Paulo", "cron": "0 7 * * 1-5",
    });
    let preview = json!({
        "request": sample(), "time_zone": "UTC", "every": { "days": 1 }, "validate_only": true,
    });
    operation
        .needs(Scope::ReportsRequest)
        .header("X-License-Context", licence_context())
        .bodies(
            component("NewSchedule"),
            json!({ "working_days": { "value": example }, "only_whether": { "value": preview } }),
        )
        .refuses(&["report_not_found", "definition_invalid", "licence_context_invalid"])
}

/// Objects that stand under their own names.
pub fn components() -> Vec<(&'static str, Schema)> {
    let ahead = || list_of(shown([("at", time()), ("local", text())]));
    let preview = shown([
        ("valid", json!({ "type": "boolean", "const": true })),
        ("time_zone", text()),
        ("next_runs", ahead()),
        ("first_request", component("RequestPreview")),
    ]);
    let summary = shown([
        ("id", id("sch")),
        ("name", nullable(text())),
        ("report", nullable(report_id())),
        ("state", values(&State::ALL)),
        ("time_zone", text()),
        ("starts_at", nullable(time())),
        ("ends_at", nullable(time())),
        ("missed", names(MissedPolicy::ALL.map(MissedPolicy::name))),
        ("next_run", nullable(time())),
        ("next_runs", described(ahead(), "In UTC, and by the zone's clock.")),
        ("last_run", nullable(time())),
        ("refused_in_a_row", count()),
        ("paused", nullable(deed())),
        ("interface", names(Interface::ALL.map(Interface::name))),
        ("created_by", text()),
        ("created_at", time()),
        ("updated_at", time()),
    ]);
    let summary = and_perhaps(
        summary,
        [
            ("cron", text()),
            ("at", time()),
            ("every", described(every(), "Counted from `counted_from`.")),
            ("counted_from", time()),
        ],
    );
    let schedule =
        and(summary.clone(), [("request", described(json!({ "type": "object" }), "What each run asks for."))]);
    vec![("NewSchedule", wanted()), ("SchedulePreview", preview), ("ScheduleSummary", summary), ("Schedule", schedule)]
}

/// The body: what is asked for, and one way to say when.
fn wanted() -> Schema {
    let mut wanted = sent(&FIELDS, &["request", "time_zone"], |name| match name {
        "name" => bytes(MAX_NAME),
        "request" => described(
            json!({ "type": "object" }),
            "What the body of `POST /v1/requests` would be; dates may be relative.",
        ),
        "time_zone" => described(bytes(64), "IANA name of a zone."),
        "cron" => described(text(), "Minute, hour, day of month, month, day of week."),
        "every" => every(),
        "at" => described(text(), "Once: by the zone's clock, or with an offset."),
        "starts_at" | "ends_at" => described(text(), "By the zone's clock, or with an offset."),
        "missed" => described(
            names(MissedPolicy::ALL.map(MissedPolicy::name)),
            "What becomes of times that passed while nothing could run.",
        ),
        "validate_only" => {
            described(defaulted(flag(), false), "Only say whether it would be made, and when it would run.")
        }
        _ => Value::Null,
    });
    let given = |name: &str| json!({ "required": [name], "not": { "properties": { name: { "type": "null" } } } });
    wanted["oneOf"] = json!(TIMINGS.map(given));
    wanted
}

fn every() -> Schema {
    let units = Unit::ALL.map(Unit::name);
    let one = |unit: &str| sent(&[unit], &[unit], |_| json!({ "type": "integer", "minimum": 1 }));
    json!({ "type": "object", "oneOf": units.map(one) })
}

fn run() -> Schema {
    let run = shown([
        ("at", time()),
        ("result", names(["requested", "refused", "missed"])),
        ("asked_by", nullable(text())),
        ("recorded_at", time()),
    ]);
    and_perhaps(
        run,
        [
            ("request", id("req")),
            ("status", described(nullable(status()), "Of its request, as it is now.")),
            ("code", text()),
            ("detail", text()),
            ("faults", list_of(any())),
            ("until", time()),
            ("count", count()),
        ],
    )
}
