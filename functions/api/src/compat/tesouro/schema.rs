//! What can be asked.

use std::sync::{Arc, LazyLock};

use async_graphql::{Context, EmptySubscription, InputObject, Object, Result, Schema};
use http::HeaderValue;
use waybill::{
    accept::{Accepted, Order, Rejected},
    clock,
    domain::{
        definition::Definition,
        endpoint::Profile,
        id::RequestId,
        interface::{Interface, Terms},
        request::{Receipt, Status},
        tenant::Tenant,
    },
};

use super::{
    answer::errors,
    catalogue::Report,
    order::{self, RequestReportInput},
    request::{ReportRequest, ReportRequests, RequestedReport},
    scalars::{DateTime, ReportStatus, Uuid},
};
use crate::{
    app::App,
    auth::Member,
    page,
    problem::Problem,
    routes::{
        reports,
        requests::{self, REPLAYED, rate_limit},
    },
};

/// Limits of the library's own, behind those of `bounds` and `cost`.
const DEPTH: usize = 20;
const COMPLEXITY: usize = 1000;
const DIRECTIVES: usize = 4;

/// The schema, made once.
pub static SCHEMA: LazyLock<Schema<Query, Mutation, EmptySubscription>> = LazyLock::new(|| {
    let schema = Schema::build(Query, Mutation, EmptySubscription);
    schema.limit_depth(DEPTH).limit_complexity(COMPLEXITY).limit_directives(DIRECTIVES).finish()
});

/// Who asks.
pub struct Asker {
    /// What all routes share.
    pub app: Arc<App>,
    /// The caller.
    pub member: Member,
    /// Its tenant.
    pub tenant: Tenant,
    /// The call's `Idempotency-Key`.
    pub key: Option<String>,
}

/// What is there.
pub struct Query;

/// What is done.
pub struct Mutation;

/// Which requests are listed.
#[derive(Debug, Default, InputObject)]
pub struct ReportRequestFilter {
    /// Of that report.
    report: Option<String>,
    /// With one of these.
    status: Option<Vec<ReportStatus>>,
    /// Of that presenter.
    presenter_id: Option<Uuid>,
    /// Asked for at that time or later.
    from: Option<DateTime>,
    /// Asked for before that time.
    to: Option<DateTime>,
}

/// Reports, and requests for them.
#[Object]
impl Query {
    /// A request; an error with the code `not_found` where there is none.
    async fn report_request(&self, ctx: &Context<'_>, request_id: Uuid) -> Result<Option<ReportRequest>> {
        let asker = ctx.data::<Asker>()?;
        Ok(found(ctx, asker.request(request_id).await))
    }

    /// Requests, the newest first, in pages of `limit` (1 to 100; 25 unless given).
    async fn report_requests(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "where")] filter: Option<ReportRequestFilter>,
        limit: Option<i32>,
        pagination_token: Option<String>,
    ) -> Result<ReportRequests> {
        let asker = ctx.data::<Asker>()?;
        let query = list_query(filter.unwrap_or_default(), limit, pagination_token);
        asker.list(&query).await.map_err(|problem| told(ctx, &problem, list_argument))
    }

    /// Every report that may be asked for.
    async fn reports(&self, ctx: &Context<'_>) -> Result<Vec<Report>> {
        let asker = ctx.data::<Asker>()?;
        asker.member.may_read().map_err(|problem| refused(&problem))?;
        let found = reports::all(&asker.app, &asker.tenant).await.map_err(|problem| refused(&problem))?;
        Ok(found.into_iter().map(Report).collect())
    }

    /// A report; an error with the code `not_found` where there is none.
    async fn report(&self, ctx: &Context<'_>, id: String) -> Result<Option<Report>> {
        let asker = ctx.data::<Asker>()?;
        Ok(found(ctx, asker.report(&id).await))
    }
}

/// Asking for reports.
#[Object]
impl Mutation {
    /// Asks for a report. It is generated in the background; the endpoints that are registered are notified, and
    /// `reportRequest` tells where it stands. With the header `Idempotency-Key`, repeating it asks for nothing new.
    async fn request_report(&self, ctx: &Context<'_>, input: RequestReportInput) -> Result<RequestedReport> {
        let asker = ctx.data::<Asker>()?;
        asker.member.may_request().map_err(|problem| refused(&problem))?;
        let definition = asker.app.acceptor.definition(&asker.tenant, &input.report).await;
        let definition = definition.map_err(|rejected| refused(&of_report(rejected)))?;
        let asked = asker.ask(ctx, &definition, &input).await;
        asked.map_err(|problem| told(ctx, &problem, |pointer| order::argument(Some(&definition), pointer)))
    }
}

impl Asker {
    async fn request(&self, Uuid(id): Uuid) -> std::result::Result<ReportRequest, Problem> {
        self.member.may_read()?;
        let id = RequestId::new(id).to_string();
        let request = requests::load(&self.app, &self.tenant.id, &id).await?.row;
        Ok(ReportRequest { request, now: clock::now() })
    }

    async fn report(&self, id: &str) -> std::result::Result<Report, Problem> {
        self.member.may_read()?;
        Ok(Report(reports::one(&self.app, &self.tenant, id).await?))
    }

    async fn list(&self, query: &page::Query) -> std::result::Result<ReportRequests, Problem> {
        self.member.may_read()?;
        let now = clock::now();
        let (found, pagination_token) = requests::page_of(&self.app, &self.tenant.id, query, now).await?;
        let items = found.into_iter().map(|request| ReportRequest { request, now }).collect();
        Ok(ReportRequests { items, pagination_token })
    }

    async fn ask(
        &self,
        ctx: &Context<'_>,
        definition: &Definition,
        input: &RequestReportInput,
    ) -> std::result::Result<RequestedReport, Problem> {
        let caller = self.member.may_request()?;
        let body = order::body(definition, input).map_err(Problem::invalid)?;
        let terms = Terms { interface: Interface::Tesouro, profile: Profile::Tesouro, ..Terms::default() };
        let order = Order {
            tenant: &self.tenant,
            by: &caller.subject,
            id: RequestId::generate(),
            body: &body,
            idempotency_key: self.key.as_deref(),
            repeats: None,
            terms: &terms,
            seat: None,
        };
        let receipt = receipt(ctx, self.app.acceptor.accept(order, clock::now()).await?)?;
        tracing::info!(request.id = %receipt.id, tenant.id = self.tenant.id, report.id = receipt.report, "request recorded");
        Ok(RequestedReport::from(&receipt))
    }
}

/// What was recorded, with the headers that tell of it.
fn receipt(ctx: &Context<'_>, accepted: Accepted) -> std::result::Result<Receipt, Problem> {
    match accepted {
        Accepted::Recorded(receipt, standing) => {
            for (name, value) in standing.iter().flat_map(rate_limit) {
                ctx.insert_http_header(name, value);
            }
            Ok(receipt)
        }
        Accepted::Replayed { receipt, .. } => {
            ctx.insert_http_header(REPLAYED, HeaderValue::from_static("true"));
            Ok(receipt)
        }
        Accepted::Joined(receipt) => Ok(receipt),
        Accepted::Valid(_) => Err(Problem::unavailable(&"only whether it is right was asked, which nobody can here")),
    }
}

/// Of the report alone: its id is an argument here, not a part of a path.
fn of_report(rejected: Rejected) -> Problem {
    match rejected {
        Rejected::UnknownReport(_) => {
            let detail = "There is no such report; the query `reports` lists those that you may ask for.";
            Problem::new(http::StatusCode::NOT_FOUND, "report_not_found", detail)
        }
        other => other.into(),
    }
}

fn list_query(filter: ReportRequestFilter, limit: Option<i32>, token: Option<String>) -> page::Query {
    let statuses = filter.status.filter(|statuses| !statuses.is_empty());
    let statuses = statuses.map(|statuses| {
        let names: Vec<&str> = statuses.into_iter().map(|status| Status::from(status).name()).collect();
        names.join(",")
    });
    let given = [
        ("limit", limit.map(|limit| limit.to_string())),
        ("cursor", token),
        ("status", statuses),
        ("report", filter.report),
        ("presenter", filter.presenter_id.map(|Uuid(id)| id.to_string())),
        ("from", filter.from.map(|DateTime(time)| time.to_string())),
        ("to", filter.to.map(|DateTime(time)| time.to_string())),
    ];
    page::Query::of(given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}

fn list_argument(parameter: &str) -> String {
    match parameter {
        "cursor" => "paginationToken".to_owned(),
        "limit" => "limit".to_owned(),
        "presenter" => "where.presenterId".to_owned(),
        filter => format!("where.{filter}"),
    }
}

/// What a field that may be null comes to. The library would make all of the answer null with it; so the error stands
/// beside it, and other fields keep what they found.
fn found<T>(ctx: &Context<'_>, found: std::result::Result<T, Problem>) -> Option<T> {
    let problem = match found {
        Ok(found) => return Some(found),
        Err(problem) => problem,
    };
    ctx.add_error(ctx.set_error_path(refused(&problem).into_server_error(ctx.item.pos)));
    None
}

/// A problem of which there is one thing to say.
pub fn refused(problem: &Problem) -> async_graphql::Error {
    errors(problem, str::to_owned).swap_remove(0)
}

/// A problem; of several faults the first is the field's own error, and the others stand beside it.
fn told(ctx: &Context<'_>, problem: &Problem, argument: impl Fn(&str) -> String) -> async_graphql::Error {
    let mut errors = errors(problem, argument).into_iter();
    let first = errors.next().unwrap_or_else(|| async_graphql::Error::new(problem.detail()));
    for other in errors {
        ctx.add_error(ctx.set_error_path(other.into_server_error(ctx.item.pos)));
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_schema_is_told_to_whoever_asks() {
        let answer =
            SCHEMA.execute("{ __schema { queryType { name } mutationType { name } subscriptionType { name } } }").await;
        let shown = answer.data.into_json().unwrap();
        assert_eq!(shown["__schema"]["mutationType"]["name"], "Mutation");
        let schema = SCHEMA.sdl();
        for told in [
            "requestReport(input: RequestReportInput!): RequestedReport!",
            "reportRequest(requestId: UUID!): ReportRequest",
            "where: ReportFilter",
            "createDateTimeUtc: DateTime!",
            "expireDateTimeUtc: DateTime",
            "rowCount: Count",
            "error: ReportError",
            "paginationToken: String",
        ] {
            assert!(schema.contains(told), "{told}: {schema}");
        }
    }

    #[test]
    fn a_list_is_asked_for_in_the_own_apis_words() {
        let filter = ReportRequestFilter {
            status: Some(vec![ReportStatus::Failed, ReportStatus::Expired]),
            report: Some("r".to_owned()),
            ..ReportRequestFilter::default()
        };
        let query = list_query(filter, Some(7), Some("x".to_owned()));
        let given = ["limit", "cursor", "status", "report", "from"].map(|name| query.get(name));
        assert_eq!(given, [Some("7"), Some("x"), Some("FAILED,EXPIRED"), Some("r"), None]);
        assert_eq!(
            ["cursor", "presenter", "to"].map(list_argument),
            ["paginationToken", "where.presenterId", "where.to"]
        );
    }
}
