//! Users, as the API's description has them.

use http::StatusCode;
use serde_json::{Value, json};
use waybill::domain::{
    tenant::Scope,
    user::{IDENTITY_LENGTHS, LONGEST_PASSWORD, SHORTEST_PASSWORD},
};

use super::{CHANGE_FIELDS, NEW_FIELDS};
use crate::openapi::{
    operation::Operation,
    parts::{scopes as scopes_of, tenant_id},
    schema::{
        Schema, and_perhaps, component, defaulted, described, flag, id, list_of, nullable, pattern, sent, shown, text,
        time,
    },
};

/// What an administrator may do with users.
pub fn operations() -> Vec<Operation> {
    let (tag, all, one) = ("Users", "/v1/tenants/{tenant}/users", "/v1/tenants/{tenant}/users/{user}");
    let of_one = |operation: Operation| {
        operation.needs(Scope::Admin).at("tenant", tenant_id()).at("user", id("usr")).refuses(&["not_found"])
    };
    let changed = json!({ "scopes": ["reports:read"], "disabled": false });
    vec![
        Operation::post(all, ["createUser", tag, "Make a user who logs in with a password"])
            .about("Through Eclipse's interface, which the tenant must have. The password is shown this once, unless one was sent.")
            .needs(Scope::Admin)
            .at("tenant", tenant_id())
            .body(wanted(&NEW_FIELDS, &["identity", "scopes"]), json!({ "identity": "erp@acme.example", "scopes": ["reports:read"] }))
            .answers(StatusCode::CREATED, "The user.", with_shown_password())
            .leads_to("showUser", [("tenant", "$request.path.tenant"), ("user", "$response.body#/id")])
            .leads_to("putUser", [("tenant", "$request.path.tenant"), ("user", "$response.body#/id")])
            .leads_to("deleteUser", [("tenant", "$request.path.tenant"), ("user", "$response.body#/id")])
            .refuses(&["not_found", "interface_off", "identity_taken", "too_many_users", "tenant_erasing", "conflict"]),
        Operation::get(all, ["listUsers", tag, "List them"])
            .about("All of them, oldest first.")
            .needs(Scope::Admin)
            .at("tenant", tenant_id())
            .answers(StatusCode::OK, "The users.", shown([("users", list_of(component("User")))]))
            .refuses(&["not_found"]),
        of_one(Operation::get(one, ["showUser", tag, "Show one"]))
            .answers(StatusCode::OK, "The user.", component("User")),
        of_one(Operation::put(one, ["putUser", tag, "Change one"]))
            .about("Another password, and being disabled, end its sessions at once.")
            .body(wanted(&CHANGE_FIELDS, &["scopes"]), changed)
            .answers(StatusCode::OK, "The user.", with_shown_password())
            .refuses(&["tenant_erasing", "conflict"]),
        of_one(Operation::delete(one, ["deleteUser", tag, "Delete one"]))
            .about("Its sessions end at once, and its identity is free.")
            .answers_nothing(StatusCode::NO_CONTENT, "It is gone.")
            .refuses(&["conflict"]),
    ]
}

/// Objects that stand under their own names.
pub fn components() -> Vec<(&'static str, Schema)> {
    vec![("User", described_user())]
}

fn described_user() -> Schema {
    shown([
        ("id", id("usr")),
        ("identity", text()),
        ("scopes", scopes_of()),
        ("disabled", flag()),
        ("disabled_at", nullable(time())),
        ("password_changed_at", time()),
        ("created_at", time()),
        ("created_by", text()),
        ("last_login_at", nullable(time())),
    ])
}

fn with_shown_password() -> Schema {
    and_perhaps(described_user(), [("password", described(text(), "One that was made, shown this once."))])
}

fn wanted(fields: &[&str], required: &[&str]) -> Schema {
    let (least, most) = (IDENTITY_LENGTHS.start(), IDENTITY_LENGTHS.end());
    sent(fields, required, |name| match name {
        "identity" => described(pattern(&format!("^[A-Za-z0-9._+@-]{{{least},{most}}}$")), "Case does not count."),
        "scopes" => {
            let mut scopes = scopes_of();
            scopes["maxItems"] = json!(Scope::ALL.len());
            scopes
        }
        "disabled" => defaulted(flag(), false),
        "password" => {
            let password = json!({ "type": "string", "minLength": SHORTEST_PASSWORD, "maxLength": LONGEST_PASSWORD });
            described(password, "Five different characters at least, no control characters, not the identity.")
        }
        "new_password" => described(flag(), "Make one, which is shown this once; not together with `password`."),
        _ => Value::Null,
    })
}
