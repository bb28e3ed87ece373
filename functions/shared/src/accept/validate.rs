//! What is asked against the definition and the tenant's settings: every fault at once.

mod email;
mod output;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;

use super::{Acceptor, Ask, Fault, Order, Rejected};
use crate::aws::table::keys::Key;
use crate::domain::{
    definition::{
        Definition,
        parameter::{self, Reckoning},
    },
    delivery::Target,
    endpoint::Endpoint,
    filter::Filter,
    interface::Terms,
    jira::IssueKey,
    outcome::{Format, Packaging},
    request::Asked,
    tenant::{RecipientKeyRecord, Tenant},
};

impl Acceptor {
    /// What is to be recorded, or every fault.
    pub(super) async fn validated(
        &self,
        order: &Order<'_>,
        (ask, mut faults): (Ask, Vec<Fault>),
        definition: &Definition,
        now: Timestamp,
    ) -> Result<Asked, Rejected> {
        let tenant = order.tenant;
        let reckoning = Reckoning::of(order.terms.occasion.as_ref(), now);
        let resolved = parameter::resolve(definition, &ask.parameters, &reckoning).unwrap_or_else(|found| {
            faults.extend(found.into_iter().map(|f| Fault::new(f.pointer, f.code.name(), f.detail)));
            parameter::Resolved::default()
        });
        let filter = wanted_rows(&ask, definition, &mut faults);
        let format = chosen_format(definition, ask.format, &mut faults);
        let packaging = ask.packaging.unwrap_or(tenant.packaging);
        output::check_style(&ask, definition, format, &mut faults);
        let wrapping = output::wrapping(&ask, tenant, (format, packaging), &mut faults);
        check_recipients(tenant, packaging, now, &mut faults);
        if let Some(target) = &ask.delivery {
            self.check_receiver(tenant, target, &mut faults).await?;
        }
        if !faults.is_empty() {
            return Err(Rejected::Invalid(faults));
        }
        Ok(Asked {
            id: order.id,
            tenant: tenant.id.clone(),
            requested_by: order.by.to_owned(),
            report: definition.id.clone(),
            report_version: definition.version,
            parameters: Json::Object(ask.parameters),
            resolved: resolved.placeholders,
            reckoned: resolved.reckoned,
            filter,
            format,
            packaging,
            wrapping,
            style: ask.style,
            delivery: ask.delivery.map(|target| on_terms(target, order.terms)),
            when_empty: ask.when_empty,
            presenter_id: ask.presenter_id.unwrap_or(tenant.presenter_id),
            repeats: order.repeats,
            retention_hours: order.terms.retention_hours.or(tenant.retention_hours).unwrap_or(self.retention_hours),
            link: order.terms.link.unwrap_or(tenant.link),
            interface: order.terms.interface,
            keeps: order.terms.keeps.clone(),
            answer_by: order.terms.answer_by,
            occasion: order.terms.occasion.clone(),
        })
    }

    async fn check_receiver(&self, tenant: &Tenant, target: &Target, faults: &mut Vec<Fault>) -> Result<(), Rejected> {
        match target {
            Target::Webhook { url, .. } => {
                if let Err(refused) = self.guard.check_url(url) {
                    faults.push(Fault::new("/delivery/webhook/url", "url_refused", refused.to_string()));
                }
            }
            Target::Endpoint { id } => {
                if self.table.get::<Endpoint>(&Key::endpoint(&tenant.id, *id)).await?.is_none() {
                    faults.push(Fault::new("/delivery/endpoint", "unknown_endpoint", "There is no such endpoint."));
                }
            }
            Target::Jira { issue } => faults.extend(self.jira_fault(tenant, issue.as_ref())),
            Target::Email { to, .. } => faults.extend(email::check(self.email, tenant, to)),
        }
        Ok(())
    }

    /// Jira is the operator's to set up: for the tenant, and there or for the whole stack its site.
    fn jira_fault(&self, tenant: &Tenant, issue: Option<&IssueKey>) -> Option<Fault> {
        let Some(settings) = tenant.jira.as_ref().filter(|jira| jira.site.is_some() || self.jira_site) else {
            let detail =
                "Jira is not set up for this tenant; ask the operator of the service, or name another delivery.";
            return Some(Fault::new("/delivery/jira", "channel_off", detail));
        };
        let issue = issue.filter(|issue| !settings.may_comment_in(issue.project()))?;
        let detail = format!("The tenant's settings allow no comments in the project {}.", issue.project());
        Some(Fault::new("/delivery/jira/issue", "not_allowed", detail))
    }
}

/// A URL is told in the shape of the interface that it was named through.
fn on_terms(target: Target, terms: &Terms) -> Target {
    match target {
        Target::Webhook { url, .. } => Target::Webhook { url, profile: terms.profile, headers: terms.headers.clone() },
        other @ (Target::Endpoint { .. } | Target::Email { .. } | Target::Jira { .. }) => other,
    }
}

/// A report that vouches for its output does so for the whole of it.
fn wanted_rows(ask: &Ask, definition: &Definition, faults: &mut Vec<Fault>) -> Option<Filter> {
    let asked = ask.filter.as_ref()?;
    if !definition.checks.is_empty() {
        let detail = "The report's checks are of its whole output, so that no part of it can be asked for by a filter.";
        faults.push(Fault::new("/filter", "not_allowed", detail));
        return None;
    }
    let read = Filter::parse(asked, &definition.columns);
    read.map_err(|found| faults.extend(found.into_iter().map(|f| Fault::new(f.pointer, f.code.name(), f.detail)))).ok()
}

fn chosen_format(definition: &Definition, asked: Option<Format>, faults: &mut Vec<Fault>) -> Format {
    // infallible in effect: the parser refuses a definition without formats.
    let default = definition.formats.first().copied().unwrap_or(Format::Csv);
    let format = asked.unwrap_or(default);
    if definition.formats.contains(&format) {
        output::check_columns(definition, format, faults);
    } else {
        let allowed: Vec<&str> = definition.formats.iter().map(|format| format.name()).collect();
        let detail = format!("This report is offered as {}.", allowed.join(", "));
        faults.push(Fault::new("/format", "not_allowed", detail));
    }
    format
}

/// Only what is known for certain is refused here; the worker checks the keys themselves.
fn check_recipients(tenant: &Tenant, packaging: Packaging, now: Timestamp, faults: &mut Vec<Fault>) {
    let usable = |key: &RecipientKeyRecord| {
        key.is_active()
            && tenant.floor().admits(key)
            && key.expires_at.is_none_or(|end| end > now + SignedDuration::from_secs(60))
    };
    if packaging == Packaging::Openpgp && !tenant.recipient_keys.iter().any(usable) {
        let detail = format!(
            "The tenant has no valid OpenPGP recipient key ({}); have one registered or ask for another packaging.",
            tenant.floor().wants()
        );
        faults.push(Fault::new("/packaging", "recipient_key_missing", detail));
    }
}
