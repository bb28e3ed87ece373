//! A request as its caller sees it.

use async_graphql::{Context, Object, SimpleObject};
use jiff::Timestamp;
use waybill::domain::request::{Receipt, Request, Status};

use super::{
    scalars::{Count, DateTime, ReportFormat, ReportPackaging, ReportStatus, Uuid},
    schema::{Asker, refused},
};
use crate::routes::requests;

/// That a request was recorded. However often it is sent with the same Idempotency-Key, the same.
#[derive(Debug, SimpleObject)]
pub struct RequestedReport {
    /// Id to ask for its status with; the notification has it too.
    request_id: Uuid,
    /// QUEUED.
    status: ReportStatus,
    /// Id of the report.
    report: String,
    /// How rows will be written.
    format: ReportFormat,
    /// What the file will be wrapped in.
    packaging: ReportPackaging,
    /// When it was recorded.
    create_date_time_utc: DateTime,
}

impl From<&Receipt> for RequestedReport {
    fn from(receipt: &Receipt) -> Self {
        Self {
            request_id: Uuid(receipt.id.uuid()),
            status: ReportStatus::Queued,
            report: receipt.report.clone(),
            format: receipt.format.into(),
            packaging: receipt.packaging.into(),
            create_date_time_utc: DateTime(receipt.created_at),
        }
    }
}

/// A request as it was at a time.
pub struct ReportRequest {
    /// Its row.
    pub request: Request,
    /// When it is looked at.
    pub now: Timestamp,
}

/// Why there is no file, or what is wrong with it.
#[derive(Debug, PartialEq, Eq, SimpleObject)]
pub struct ReportError {
    /// Stable: `PARAMETER_INVALID`, `DEFINITION_INVALID`, `SOURCE_ERROR`, `TIMED_OUT`, `TOO_LARGE`,
    /// `ENCRYPTION_KEY_INVALID`, `INTERNAL`; `DIVERGENT` of a file that is there, but does not hold what was expected.
    code: String,
    /// For people.
    detail: String,
}

/// A request for a report.
#[Object]
impl ReportRequest {
    /// Its id.
    async fn request_id(&self) -> Uuid {
        Uuid(self.request.id.uuid())
    }

    /// Where it stands.
    async fn status(&self) -> ReportStatus {
        requests::status(&self.request, self.now).into()
    }

    /// Id of the report.
    async fn report(&self) -> &str {
        &self.request.report
    }

    /// How rows are written.
    async fn format(&self) -> ReportFormat {
        self.request.format.into()
    }

    /// What the file is wrapped in.
    async fn packaging(&self) -> ReportPackaging {
        self.request.packaging.into()
    }

    /// The presenter that it was asked for on behalf of.
    async fn presenter_id(&self) -> Uuid {
        Uuid(self.request.presenter_id)
    }

    /// Link to the file, while it is there.
    async fn file_url(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<String>> {
        let asker = ctx.data::<Asker>()?;
        let link = requests::link(&asker.app, &self.request, self.now).await.map_err(|problem| refused(&problem))?;
        Ok(link.map(|(url, _)| url))
    }

    /// When it was asked for.
    async fn request_date_time_utc(&self) -> DateTime {
        DateTime(self.request.created_at)
    }

    /// When the report was created, as the notification says it; until it is, when it was asked for.
    async fn create_date_time_utc(&self) -> DateTime {
        let made = self.request.finished_at.filter(|_| self.request.file.is_some());
        DateTime(made.unwrap_or(self.request.created_at))
    }

    /// When the file is deleted, or was to be; none without a file.
    async fn expire_date_time_utc(&self) -> Option<DateTime> {
        self.request.link_expires_at().or(self.request.expires_at).map(DateTime)
    }

    /// Rows of the file.
    async fn row_count(&self) -> Option<Count> {
        self.request.file.as_ref().map(|file| Count(file.rows))
    }

    /// Why there is no file, or what is wrong with it.
    async fn error(&self) -> Option<ReportError> {
        error(&self.request)
    }
}

fn error(request: &Request) -> Option<ReportError> {
    if request.status == Status::Failed {
        let failure = request.failure.as_ref()?.describe();
        let code = failure["code"].as_str().unwrap_or_default().to_owned();
        let detail = failure["detail"].as_str().unwrap_or_default().to_owned();
        return Some(ReportError { code, detail });
    }
    let wrong = request.checks.iter().filter(|check| !check.passed);
    let wrong: Vec<String> = wrong.map(|check| format!("{}: {}", check.name, check.detail)).collect();
    (!wrong.is_empty()).then(|| ReportError { code: Status::Divergent.name().to_owned(), detail: wrong.join(" ") })
}

/// A page of requests, the newest first.
#[derive(SimpleObject)]
pub struct ReportRequests {
    /// The page.
    pub items: Vec<ReportRequest>,
    /// Goes on after it; none at the end.
    pub pagination_token: Option<String>,
}
