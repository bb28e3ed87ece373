//! The file: small ones in the answer itself, as the sample clients of TReports read them; others by a redirect to S3.
//!
//! Either way the link that came with the file is followed: what it refuses is refused, and each use of it is on record.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Path, RawQuery, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::json;
use waybill::{
    accept::Fault,
    clock,
    domain::{
        interface::{Treports, treports::ExecutionStatus},
        outcome::{Format, ReportFile},
        request::{Request, Status},
    },
};

use super::{
    entered, export,
    info::{error_message, find, status},
    keeps::Keeps,
    refused,
    refused::Refused,
};
use crate::{
    app::App,
    auth::MayRead,
    problem::Problem,
    routes::{
        links::{self, Client},
        requests::{self, capability, ended, unfinished},
    },
};

/// Largest file that is answered with, in bytes. An answer of a function has 6 MB at most, in which bytes become base64.
const MAX_ANSWER: u64 = 4 * 1024 * 1024;

/// The longest that a download of the new interface waits for the end of its generation: its clients ask for the file at
/// once, and not for a status first.
const WAIT: Duration = Duration::from_secs(20);

/// `GET /api/trep/v1/generateds/{id}/file?exportFileType=`.
pub async fn of_execution(
    State(app): State<Arc<App>>,
    caller: Result<MayRead, Problem>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    method: Method,
    client: Client,
) -> Result<Response, Refused> {
    let caller = caller?;
    let (_, settings) = entered(&app, &caller.tenant).await?;
    let answered = async {
        let wanted = export_file_type(query.as_deref()).map_err(refused::invalid)?;
        let request = find(&app, &caller.tenant, &id).await?;
        if wanted.is_some_and(|format| format != request.format) {
            return Err(refused::invalid(vec![another_format("exportFileType", &[request.format])]));
        }
        download(&app, &request, &method, client).await
    };
    in_language(answered.await, &settings)
}

/// `GET /api/reports/v2/generate/{generation}/{format}`.
pub async fn of_generation(
    State(app): State<Arc<App>>,
    caller: Result<MayRead, Problem>,
    Path((id, format)): Path<(String, String)>,
    method: Method,
    client: Client,
) -> Result<Response, Refused> {
    let caller = caller?;
    let (_, settings) = entered(&app, &caller.tenant).await?;
    let answered = async {
        let format = export::read(&json!(format))
            .map_err(|detail| refused::invalid(vec![Fault::new("format", "not_allowed", detail)]))?;
        let request = of_format(&app, &caller.tenant, &id, format).await?;
        let request = ended(&app, &caller.tenant, &request.id.to_string(), WAIT).await?;
        download(&app, &request, &method, client).await
    };
    in_language(answered.await, &settings)
}

fn in_language(answered: Result<Response, Problem>, settings: &Treports) -> Result<Response, Refused> {
    answered.map_err(|problem| Refused::new(problem, settings.language))
}

/// The request of a generation that makes that format.
async fn of_format(app: &Arc<App>, tenant: &str, id: &str, format: Format) -> Result<Request, Problem> {
    let first = find(app, tenant, id).await?;
    if first.format == format {
        return Ok(first);
    }
    let keeps = Keeps::of(&first);
    if let Some(other) = keeps.of_format(format) {
        return find(app, tenant, &other.to_string()).await;
    }
    let mut formats: Vec<Format> = keeps.generation.keys().filter_map(|name| Format::from_name(name)).collect();
    if formats.is_empty() {
        formats.push(first.format);
    }
    Err(refused::invalid(vec![another_format("format", &formats)]))
}

fn another_format(field: &str, made: &[Format]) -> Fault {
    let made: Vec<&str> = made.iter().map(|format| format.name()).collect();
    let detail = format!("The report was generated as {}. Generate it as what you want.", made.join(" and "));
    Fault::new(field, "not_allowed", detail)
}

/// Other parameters of the query are left alone, as TReports leaves them.
fn export_file_type(query: Option<&str>) -> Result<Option<Format>, Vec<Fault>> {
    let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let mut given = pairs.filter(|(name, _)| name.eq_ignore_ascii_case("exportFileType"));
    let fault = |detail: String| vec![Fault::new("exportFileType", "not_allowed", detail)];
    match (given.next(), given.next()) {
        (None, _) => Ok(None),
        (Some((_, value)), None) => export::read(&json!(value)).map(Some).map_err(fault),
        (Some(_), Some(_)) => Err(fault("Name one type.".to_owned())),
    }
}

async fn download(app: &Arc<App>, request: &Request, method: &Method, client: Client) -> Result<Response, Problem> {
    let file = available(request)?;
    let link = capability(app, request).await?.ok_or_else(|| {
        let detail =
            "The link that came with the file was revoked, and the file with it, as far as this interface goes.";
        Problem::new(StatusCode::GONE, "link_revoked", detail)
    })?;
    let (link, life) = links::open(app, &link, method, client).await?;
    if file.object_bytes <= MAX_ANSWER
        && let Some(content) = app.objects.read(&link.key, MAX_ANSWER).await?
        && let media_type = request.wrapping.media_type(request.format, request.packaging)
        && fits(media_type, &content)
    {
        return Ok(answer(media_type, file, content));
    }
    links::redirect(app, &link, method, life).await
}

/// The file, unless there is none to be had.
fn available(request: &Request) -> Result<&ReportFile, Problem> {
    if !request.status.is_final() {
        return Err(unfinished("The report is not made yet; ask again.").retry_after(2));
    }
    let keeps = Keeps::of(request);
    let refused = |code, detail: String| Problem::new(StatusCode::CONFLICT, code, detail);
    match status(request, &keeps) {
        ExecutionStatus::Error if request.status.has_file() => {
            let checks = error_message(request).unwrap_or_default();
            let detail = format!(
                "The report's checks did not hold, and `stopExecutionOnError` makes that an error. With it false the file \
                 is given. {checks}"
            );
            Err(refused("report_divergent", detail))
        }
        _ if requests::status(request, clock::now()) == Status::Expired => {
            let code = if request.deletion.is_some() { "file_deleted" } else { "file_gone" };
            let detail = "The report's file is gone; generate the report again.";
            Err(Problem::new(StatusCode::GONE, code, detail))
        }
        _ => request.file.as_ref().ok_or_else(|| {
            let why = error_message(request).map(|message| format!(" {message}")).unwrap_or_default();
            refused("no_file", format!("The generation ended without a file.{why}"))
        }),
    }
}

/// Texts are answered with as texts, in a JSON document where some of their characters need two bytes, or six.
fn fits(media_type: &str, content: &[u8]) -> bool {
    if !media_type.starts_with("text/") {
        return true;
    }
    let escaped = content.iter().map(|byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..=0x1f => 6,
        _ => 1,
    });
    escaped.sum::<u64>() <= MAX_ANSWER * 4 / 3
}

fn answer(media_type: &'static str, file: &ReportFile, content: Vec<u8>) -> Response {
    let disposition = format!("attachment; filename=\"{}\"", file.name);
    let mut response = content.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_one_type_or_none() {
        assert_eq!(export_file_type(None), Ok(None));
        assert_eq!(export_file_type(Some("exportFileType=5&inline=true")), Ok(Some(Format::Xlsx)));
        assert_eq!(export_file_type(Some("ExportFileType=csv")), Ok(Some(Format::Csv)));
        for query in ["exportFileType=1", "exportFileType=", "exportFileType=99", "exportFileType=0&exportFileType=2"] {
            assert_eq!(export_file_type(Some(query)).unwrap_err()[0].pointer, "exportFileType", "{query}");
        }
    }
}
