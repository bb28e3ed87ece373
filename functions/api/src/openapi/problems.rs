//! Codes of problems: what each means, and under which status it comes.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Value, json};

use super::schema::{Schema, and_perhaps, any, component, count, described, names, pattern, shown, text};

/// Every code of the own API.
pub const CODES: [(StatusCode, &str, &str); 52] = [
    (
        StatusCode::BAD_REQUEST,
        "licence_context_invalid",
        "the header `X-License-Context` is not a licence context; `errors` has pointers into it",
    ),
    (StatusCode::BAD_REQUEST, "malformed_json", "the body is not JSON"),
    (
        StatusCode::BAD_REQUEST,
        "query_invalid",
        "`errors` names each query parameter (`parameter` instead of `pointer`) and what is wrong with it",
    ),
    (StatusCode::BAD_REQUEST, "idempotency_key_invalid", "the header's form"),
    (
        StatusCode::BAD_REQUEST,
        "malformed_request",
        "the request cannot be read otherwise, e.g. a path that is not UTF-8",
    ),
    (
        StatusCode::UNAUTHORIZED,
        "credential_missing",
        "no credential, several, or an `Authorization` that is not `Bearer`; `WWW-Authenticate` is sent",
    ),
    (
        StatusCode::UNAUTHORIZED,
        "token_invalid",
        "a token or API key that is forged, expired, revoked, not yet valid, of an unknown issuer, or not for this audience. The log says which",
    ),
    (StatusCode::FORBIDDEN, "unknown_subject", "a good token whose subject acts for no tenant"),
    (
        StatusCode::FORBIDDEN,
        "scope_missing",
        "the caller lacks the scope that `detail` names; an administrator on a tenant's route too",
    ),
    (StatusCode::NOT_FOUND, "no_such_route", "no such path"),
    (StatusCode::NOT_FOUND, "report_not_found", "a request for a report that the tenant does not have"),
    (StatusCode::NOT_FOUND, "no_manifest", "there is no file, or one of an earlier release: `detail` says which"),
    (
        StatusCode::NOT_FOUND,
        "no_password",
        "the file has no password, or one that is told to nobody: `detail` says which",
    ),
    (
        StatusCode::NOT_FOUND,
        "not_found",
        "no such report, request, link, delivery, endpoint, recovery or tenant, or not yours",
    ),
    (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "see `Allow`"),
    (
        StatusCode::CONFLICT,
        "licence_unavailable",
        "no licence seat is free; `licences` says who has them, and when one may be",
    ),
    (
        StatusCode::CONFLICT,
        "idempotency_key_in_flight",
        "the first call with this key is being recorded: send it again",
    ),
    (StatusCode::CONFLICT, "request_unfinished", "it has not ended: there is nothing to delete or to link to yet"),
    (StatusCode::CONFLICT, "request_finished", "it has ended; there is nothing to cancel"),
    (StatusCode::CONFLICT, "no_file", "it ended without a file"),
    (StatusCode::CONFLICT, "delivery_pending", "the delivery has not ended: nothing to make again"),
    (StatusCode::CONFLICT, "endpoint_deleted", "the delivery's endpoint was deleted"),
    (
        StatusCode::CONFLICT,
        "conflict",
        "the tenant, the key, or the endpoint was changed at the same time: read, try again",
    ),
    (StatusCode::CONFLICT, "tenant_erasing", "the tenant is being erased: nothing of it changes any more"),
    (StatusCode::CONFLICT, "recipient_key_exists", "the recipient key is active already"),
    (StatusCode::CONFLICT, "too_many_active_keys", "two recipient keys are active: retire the one that `detail` names"),
    (
        StatusCode::CONFLICT,
        "last_active_key",
        "the last active recipient key: add its successor first, or say `?force=true`",
    ),
    (StatusCode::CONFLICT, "too_many_api_keys", "the tenant has 100 live ones: revoke one"),
    (
        StatusCode::CONFLICT,
        "too_many_recoveries",
        "ten recoveries of the tenant are running: wait until one of them has ended",
    ),
    (StatusCode::CONFLICT, "too_many_endpoints", "the tenant has 100: delete one"),
    (StatusCode::CONFLICT, "endpoint_held", "a test of an endpoint that is paused or disabled: resume it"),
    (StatusCode::CONFLICT, "too_many_links", "20 links of the request are live: revoke one"),
    (StatusCode::CONFLICT, "link_not_revocable", "a direct link: only the file's deletion ends it"),
    (StatusCode::CONFLICT, "identity_taken", "another user, of whichever tenant, has this identity"),
    (StatusCode::CONFLICT, "interface_off", "the tenant lacks the interface that users log in through"),
    (StatusCode::CONFLICT, "too_many_users", "the tenant has 100: delete one"),
    (StatusCode::CONFLICT, "too_many_schedules", "the tenant has 200: delete one"),
    (
        StatusCode::CONFLICT,
        "schedule_ended",
        "pause or resume of a schedule that has no time left: change when it runs",
    ),
    (StatusCode::GONE, "link_expired", "the life of the link, or of its file, has ended"),
    (StatusCode::GONE, "link_revoked", "the link was revoked"),
    (StatusCode::GONE, "file_deleted", "the file behind the link was deleted"),
    (
        StatusCode::GONE,
        "file_gone",
        "a new link to a file that has expired or was deleted, its password or manifest, or a delivery that would tell of it again",
    ),
    (StatusCode::PRECONDITION_FAILED, "precondition_failed", "the tenant is not what `If-Match` says: read it again"),
    (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "more than 64 KiB"),
    (StatusCode::UNPROCESSABLE_ENTITY, "validation_failed", "`errors` lists every fault"),
    (StatusCode::UNPROCESSABLE_ENTITY, "confirmation_missing", "erasing a tenant needs `?confirm={tenant}`"),
    (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", "this key came with another body"),
    (StatusCode::TOO_MANY_REQUESTS, "quota_exhausted", "`detail` names the quota; `Retry-After` is the end of the day"),
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal_error",
        "a fault of the service, which is logged; ask again, then tell the operator",
    ),
    (StatusCode::SERVICE_UNAVAILABLE, "definition_invalid", "the report's definition is broken: tell the operator"),
    (
        StatusCode::SERVICE_UNAVAILABLE,
        "deletion_pending",
        "no managed link opens the file any more; its deletion is repeated: ask again",
    ),
    (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "nothing was changed; try again after `Retry-After`"),
];

/// The status and the meaning of a code.
pub fn known(code: &str) -> Option<(StatusCode, &'static str)> {
    CODES.iter().find(|(_, known, _)| *known == code).map(|(status, _, meaning)| (*status, *meaning))
}

/// Codes by their status. One that is not known is left out, which a test refuses.
pub fn by_status(codes: &[&'static str]) -> BTreeMap<StatusCode, Vec<&'static str>> {
    let mut sorted: BTreeMap<StatusCode, Vec<&'static str>> = BTreeMap::new();
    for code in codes {
        if let Some((status, _)) = known(code) {
            sorted.entry(status).or_default().push(code);
        }
    }
    sorted
}

/// Name of the response object of a status with these codes: most operations share theirs with others.
pub fn name(status: StatusCode, codes: &[&str]) -> String {
    format!("{}-{}", status.as_u16(), codes.join("-"))
}

/// The response object of a status with these codes.
pub fn response(status: StatusCode, codes: &[&'static str]) -> Value {
    let meanings = codes.iter().filter_map(|code| known(code).map(|(_, meaning)| format!("- `{code}`: {meaning}")));
    let schema = json!({
        "allOf": [component("Problem"), { "properties": { "code": names(codes.iter().copied()) } }],
    });
    let mut response = json!({
        "description": meanings.collect::<Vec<_>>().join("\n"),
        "headers": { "X-Request-Id": { "$ref": "#/components/headers/X-Request-Id" } },
        "content": { "application/problem+json": { "schema": schema } },
    });
    if status == StatusCode::UNAUTHORIZED {
        response["headers"]["WWW-Authenticate"] = json!({ "required": true, "schema": text() });
    }
    response
}

/// What an error looks like (RFC 9457).
pub fn schema() -> Schema {
    let error = and_perhaps(
        shown([("code", described(text(), "Stable.")), ("detail", described(text(), "For people."))]),
        [
            ("pointer", described(text(), "Where in the body: a JSON pointer (RFC 6901).")),
            ("parameter", described(text(), "Which parameter of the query.")),
            ("header", described(text(), "Which header.")),
        ],
    );
    let problem = shown([
        ("type", pattern("^urn:waybill:problem:[a-z_]+$")),
        ("title", described(text(), "Of the status.")),
        ("status", described(count(), "As the status line has it.")),
        ("code", described(text(), "Stable: switch on it.")),
        ("detail", described(text(), "For people: what is wrong, and what to do. May change.")),
    ]);
    and_perhaps(
        problem,
        [
            ("errors", json!({ "type": "array", "items": error, "description": "Each thing that is wrong." })),
            ("instance", described(pattern("^urn:waybill:call:"), "Which call it was: its `X-Request-Id`, as a URN.")),
            ("licences", described(any(), "How the licence pool stands, where that is what is wrong.")),
        ],
    )
}
