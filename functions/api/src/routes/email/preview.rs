//! A mail as it would read: with templates that are not in force yet, or with those that are. Nothing is sent or recorded.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use serde_json::{Map, Value, json};
use waybill::{
    accept::Fault,
    aws::mail_templates::Source,
    domain::{
        email::{
            EmailSettings, Language, PasswordRule, RenderError, TemplateFault,
            notice::{self, Notice, Part},
            values::{VARIABLES, Values},
        },
        failure::FailureCode,
        tenant::Tenant,
    },
};

use crate::{
    app::App,
    auth::Admin,
    body::JsonBody,
    fields::{Faults, Fields},
    problem::Problem,
    routes::tenants::existing,
};

/// Fields of a body.
pub const FIELDS: [&str; 3] = ["mail", "language", "templates"];

/// What is to be shown.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    notice: Notice,
    /// None: the tenant's, or English.
    language: Option<Language>,
    /// Texts in place of those that are in force, in the order of [`Part::ALL`].
    templates: [Option<String>; 3],
}

/// `POST /v1/email/preview`: the mail of a tenant that has no templates of its own.
pub async fn of_stack(State(app): State<Arc<App>>, _: Admin, JsonBody(body): JsonBody) -> Result<Json<Value>, Problem> {
    let asked = read(&body).map_err(Problem::invalid)?;
    preview(&app, None, &asked).await.map(Json)
}

/// `POST /v1/tenants/{tenant}/email/preview`: the tenant's, in its language, its password told where its settings say.
pub async fn of_tenant(
    State(app): State<Arc<App>>,
    _: Admin,
    Path(tenant): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Json<Value>, Problem> {
    let tenant = existing(&app, &tenant).await?.row;
    let asked = read(&body).map_err(Problem::invalid)?;
    preview(&app, Some(&tenant), &asked).await.map(Json)
}

async fn preview(app: &App, tenant: Option<&Tenant>, asked: &Asked) -> Result<Value, Problem> {
    let settings = tenant.map_or_else(EmailSettings::default, |tenant| tenant.email.clone());
    let language = asked.language.unwrap_or(settings.language);
    let mut values = sample(asked.notice, language, settings.password);
    values.tenant_name = tenant.map_or(values.tenant_name, |tenant| tenant.name.clone());
    let (mut parts, mut valid) = (Map::new(), true);
    for (part, given) in Part::ALL.into_iter().zip(&asked.templates) {
        let (origin, key, text) = if let Some(text) = given {
            ("given", None, Arc::from(text.as_str()))
        } else {
            let of = tenant.map(|tenant| tenant.id.as_str());
            let Source { key, text } = app.config.mail_source(of, language, (asked.notice, part)).await?;
            (origin(key.as_deref()), key, text)
        };
        let (rendered, faults) = judge(part, &text, &values);
        valid &= faults.is_empty();
        let shown = json!({ "source": origin, "key": key, "template": text, "rendered": rendered, "faults": faults });
        parts.insert(part.name().to_owned(), shown);
    }
    let variables: Map<String, Value> =
        VARIABLES.map(|(name, what)| (name.to_owned(), json!(what))).into_iter().collect();
    Ok(json!({
        "mail": asked.notice.name(), "language": language, "valid": valid, "parts": parts, "variables": variables,
    }))
}

/// Whose text it is, by its key in the configuration bucket.
fn origin(key: Option<&str>) -> &'static str {
    match key {
        None => "built_in",
        Some(key) if key.starts_with("tenants/") => "tenant",
        Some(_) => "operator",
    }
}

/// The part with the values in it, or everything that is wrong with it.
fn judge(part: Part, text: &str, values: &Values) -> (Option<String>, Vec<Value>) {
    let template = match notice::parse(part, text) {
        Ok(template) => template,
        Err(faults) => return (None, faults.into_iter().map(described).collect()),
    };
    match template.render(values.clone().data()) {
        Ok(text) if part == Part::Subject => (Some(notice::subject_line(&text)), vec![]),
        Ok(text) => (Some(text), vec![]),
        Err(error) => (None, vec![described(unrenderable(&error))]),
    }
}

fn described(fault: TemplateFault) -> Value {
    let TemplateFault { line, column, code, detail } = fault;
    json!({ "line": line, "column": column, "code": code, "detail": detail })
}

/// It has no place of its own: the whole is what is wrong.
fn unrenderable(error: &RenderError) -> TemplateFault {
    TemplateFault { line: 1, column: 1, code: "not_renderable", detail: format!("It cannot be rendered: {error}.") }
}

/// Values as such a mail has them: each says of link and password what it would say.
fn sample(notice: Notice, language: Language, rule: PasswordRule) -> Values {
    let sample = Values::sample();
    match (notice, rule) {
        (Notice::Failed, _) => Values::failed_sample(notice::advice(language, FailureCode::TimedOut)),
        (Notice::Empty, _) => Values::empty_sample(),
        (Notice::Password, _) => Values { report_url: None, link_expiry_days: 0, link_expires_at: None, ..sample },
        (Notice::Ready, PasswordRule::Same) => sample,
        (Notice::Ready, PasswordRule::Second) => Values { password: None, password_follows: true, ..sample },
        (Notice::Ready, PasswordRule::Never) => Values { password: None, password_kept: true, ..sample },
    }
}

/// Reads what is asked for, strictly; or every fault. What is wrong with a template is no fault of the question.
fn read(body: &Value) -> Result<Asked, Vec<Fault>> {
    let faults = Faults::default();
    let asked = Fields::of(body, "", &FIELDS, &faults).and_then(|fields| {
        if fields.get("mail").is_none() {
            faults.add("/mail", "missing", format!("Required: one of {}.", Notice::ALL.map(Notice::name).join(", ")));
        }
        let notice = fields.choice("mail", Notice::from_name, &Notice::ALL.map(Notice::name));
        let language = fields.choice("language", Language::from_name, &Language::ALL.map(Language::name));
        let given = fields.object("templates", &Part::ALL.map(Part::name));
        let templates =
            Part::ALL.map(|part| given.as_ref().and_then(|given| given.any_text(part.name())).map(str::to_owned));
        Some(Asked { notice: notice?, language, templates })
    });
    let faults = faults.into_vec();
    asked.filter(|_| faults.is_empty()).ok_or(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(body: &Value) -> Vec<(String, &'static str)> {
        read(body).unwrap_err().into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    }

    #[test]
    fn a_question_is_read_and_every_fault_of_it_named() {
        let body = json!({ "mail": "ready", "language": "pt-BR", "templates": { "html": "{{" } });
        let asked = Asked {
            notice: Notice::Ready,
            language: Some(Language::Portuguese),
            templates: [None, None, Some("{{".to_owned())],
        };
        assert_eq!(read(&body), Ok(asked));
        assert_eq!(codes(&json!({})), [("/mail".to_owned(), "missing")]);
        assert_eq!(codes(&json!("ready")), [(String::new(), "type")]);
        let body =
            json!({ "mail": "x", "language": "fr", "templates": { "body": "", "text": 1 }, "to": "a@b.example" });
        let expected = [
            ("/to", "unknown"),
            ("/mail", "not_allowed"),
            ("/language", "not_allowed"),
            ("/templates/body", "unknown"),
            ("/templates/text", "type"),
        ];
        assert_eq!(codes(&body), expected.map(|(pointer, code)| (pointer.to_owned(), code)));
    }

    #[test]
    fn a_part_is_rendered_or_its_faults_have_their_places() {
        let values = Values::sample();
        let subject = judge(Part::Subject, "{{data.reportId}}\r\nBcc: a@b.example", &values);
        assert_eq!(subject, (Some("monthly_sales Bcc: a@b.example".to_owned()), vec![]));
        let html = judge(Part::Html, "{{{data.password}}}", &values).0.unwrap();
        assert_eq!(html, "K7m-Q2x&quot;&lt;&amp;4");
        let (rendered, faults) = judge(Part::Text, "{{data.reportId}}\n {{data.nobody}} {{reportUrl}}", &values);
        assert_eq!(rendered, None);
        let places: Vec<_> = faults.iter().map(|fault| (&fault["line"], &fault["column"], &fault["code"])).collect();
        let (two, unknown) = (json!(2), json!("unknown_variable"));
        assert_eq!(places, [(&two, &two, &unknown), (&two, &json!(18), &unknown)]);
    }

    #[test]
    fn a_sample_says_of_the_password_what_the_mail_would() {
        let of = |notice, rule| {
            let values = sample(notice, Language::English, rule);
            (values.report_url.is_some(), values.password.is_some(), values.password_follows, values.password_kept)
        };
        assert_eq!(of(Notice::Ready, PasswordRule::Same), (true, true, false, false));
        assert_eq!(of(Notice::Ready, PasswordRule::Second), (true, false, true, false));
        assert_eq!(of(Notice::Ready, PasswordRule::Never), (true, false, false, true));
        assert_eq!(of(Notice::Password, PasswordRule::Second), (false, true, false, false));
        assert_eq!(of(Notice::Failed, PasswordRule::Same), (false, false, false, false));
        assert_eq!(of(Notice::Empty, PasswordRule::Second), (false, false, false, false));
    }

    #[test]
    fn a_text_is_known_by_its_key() {
        let keys = notice::keys(Some("acme"), Language::English, Notice::Ready, Part::Text);
        assert_eq!(keys.iter().map(|key| origin(Some(key))).collect::<Vec<_>>(), ["tenant", "operator"]);
        assert_eq!(origin(None), "built_in");
    }
}
