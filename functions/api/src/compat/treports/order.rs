//! What is wanted becomes orders to the one pipeline: one for each format, all under one generation.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use waybill::{
    accept::{Accepted, Fault, Order, Rejected},
    clock,
    domain::{
        id::RequestId,
        interface::{Interface, Terms, Treports},
        licence::SeatAsk,
        link::{LinkMode, LinkPolicy},
        outcome::Format,
        request::Receipt,
        tenant::Tenant,
    },
};

use super::{body::Wanted, keeps::Keeps, refused};
use crate::{app::App, auth::MayRequest, problem::Problem, routes::requests::call_off};

/// Who orders what.
pub struct Generation<'a> {
    pub caller: &'a MayRequest,
    pub tenant: &'a Tenant,
    pub settings: &'a Treports,
    /// Id of the definition.
    pub report: &'a str,
    pub wanted: &'a Wanted,
    /// The licence seat that all of it shares.
    pub seat: &'a SeatAsk,
    /// The caller's word for this very request.
    pub idempotency_key: Option<&'a str>,
}

impl Generation<'_> {
    /// Orders it; returns what the caller is told of the first request, which stands for all.
    ///
    /// Of several formats all are looked at before any is recorded. What only then is refused, such as by a quota, calls
    /// those off that were.
    pub async fn order(&self, app: &Arc<App>) -> Result<Receipt, Problem> {
        let formats = &self.wanted.formats;
        let ids: Vec<RequestId> = formats.iter().map(|_| RequestId::generate()).collect();
        if formats.len() > 1 {
            for (format, id) in formats.iter().zip(&ids) {
                self.accept(app, *format, *id, &Keeps::default(), true).await?;
            }
        }
        let mut receipts: Vec<Receipt> = Vec::new();
        for (format, id) in formats.iter().zip(&ids) {
            let keeps = if receipts.is_empty() { self.keeps(&ids) } else { self.keeps(&[]) };
            match self.accept(app, *format, *id, &keeps, false).await {
                Ok(receipt) => receipts.extend(receipt),
                Err(problem) => {
                    for receipt in &receipts {
                        self.call_off(app, receipt.id).await;
                    }
                    return Err(problem);
                }
            }
        }
        // infallible: there is a format, and each that was recorded has a receipt.
        receipts.into_iter().next().ok_or_else(|| Problem::unavailable(&"a generation without a format"))
    }

    /// What cannot be called off just now makes a file that nobody was told of.
    async fn call_off(&self, app: &Arc<App>, request: RequestId) {
        if let Err(problem) = call_off(app, &self.tenant.id, &request.to_string(), &self.caller.subject).await {
            tracing::warn!(request.id = %request, problem.code, "request not called off");
        }
    }

    fn keeps(&self, ids: &[RequestId]) -> Keeps {
        let mut keeps = self.wanted.keeps.clone();
        if ids.len() > 1 {
            let of = |(format, id): (&Format, &RequestId)| (format.name().to_owned(), id.uuid());
            keeps.generation = self.wanted.formats.iter().zip(ids).map(of).collect();
        }
        keeps
    }

    /// The receipt, unless it was only asked whether it would be accepted.
    async fn accept(
        &self,
        app: &Arc<App>,
        format: Format,
        id: RequestId,
        keeps: &Keeps,
        validate_only: bool,
    ) -> Result<Option<Receipt>, Problem> {
        let (tenant, by) = (self.tenant, self.caller.subject.as_str());
        let mut body = self.body(format);
        body["validate_only"] = json!(validate_only);
        // Each format is a request of its own, and so has a key of its own.
        let several = self.wanted.formats.len() > 1;
        let key =
            self.idempotency_key.map(|key| if several { format!("{key} {}", format.name()) } else { key.to_owned() });
        let idempotency_key = key.as_deref().filter(|_| !validate_only);
        let terms = Terms {
            interface: Interface::Treports,
            keeps: serde_json::to_value(keeps).ok(),
            link: Some(self.link()),
            ..Terms::default()
        };
        let seat = Some(self.seat);
        let order = Order { tenant, by, id, body: &body, idempotency_key, repeats: None, terms: &terms, seat };
        let accepted = app.acceptor.accept(order, clock::now()).await.map_err(|rejected| self.refused(rejected))?;
        let receipt = match accepted {
            Accepted::Valid(_) => return Ok(None),
            Accepted::Recorded(receipt, _) => {
                tracing::info!(request.id = %id, tenant.id = tenant.id, report.id = receipt.report, "request recorded");
                receipt
            }
            Accepted::Replayed { receipt, .. } | Accepted::Joined(receipt) => receipt,
        };
        Ok(Some(receipt))
    }

    /// Files are fetched through the API, which follows the link that came with them.
    pub(super) fn link(&self) -> LinkPolicy {
        LinkPolicy { mode: LinkMode::Managed, ..self.tenant.link }
    }

    /// In the words of Waybill's own request.
    pub(super) fn body(&self, format: Format) -> Json {
        let mut body = Map::from_iter([
            ("report".to_owned(), json!(self.report)),
            ("parameters".to_owned(), json!(self.wanted.parameters)),
            ("format".to_owned(), json!(format)),
            ("packaging".to_owned(), json!(self.settings.packaging)),
        ]);
        let more = [("filter", &self.wanted.filter), ("delivery", &self.wanted.delivery)];
        body.extend(more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))));
        Json::Object(body)
    }

    /// Faults by the names of what was sent.
    pub(super) fn refused(&self, rejected: Rejected) -> Problem {
        let Rejected::Invalid(faults) = rejected else { return rejected.into() };
        let places = &self.wanted.places;
        let named = faults.into_iter().map(|fault| Fault { pointer: places.of(&fault.pointer), ..fault });
        refused::invalid(named.collect())
    }
}
