//! A report that its caller waits for: run at once, read, deleted; or called off.
//!
//! The request is recorded as any other, with the time until which somebody waits. What is lost on the way, be it the
//! worker's invocation or this process, runs nothing later: from that time on nobody claims it, and the sweeper ends it and
//! deletes what it has left.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use waybill::{
    clock,
    domain::{
        failure::{Failure, FailureCode},
        id::RequestId,
        message::RequestMessage,
        outcome::{Format, ReportFile},
        request::{Request, Status},
    },
};

use crate::{
    app::App,
    problem::Problem,
    routes::requests::{call_off, load, remove_file},
};

/// The largest report that is an answer, in bytes.
pub const MOST: u64 = 4 * 1024 * 1024;

/// What Lambda takes as a function's answer, less what is around the body.
const MOST_ANSWER: u64 = 6 * 1024 * 1024 - 64 * 1024;

// What is not text goes as base64.
const _: () = assert!(MOST.div_ceil(3) * 4 <= MOST_ANSWER);

/// How often the row is read at first, and later on.
const FIRST_LOOK: Duration = Duration::from_millis(50);
const LOOK: Duration = Duration::from_millis(400);

/// What came of it.
pub enum Made {
    /// The file and its bytes.
    File(Box<ReportFile>, Vec<u8>),
    /// No rows.
    Nothing,
    /// It was ready, but has more than [`MOST`].
    TooLarge,
    /// It was not ready in time.
    TooSlow,
    /// It had no turn in time: as many reports as the tenant may run at once are running.
    NoTurn,
    /// It failed.
    Failed(Failure),
}

/// Has the request `id`, which was just recorded, run now, and waits until `answer_by`. Whatever it answers, the request
/// has ended, and its file is gone or about to go.
pub async fn make(
    app: &Arc<App>,
    (tenant, id, by): (&str, RequestId, &str),
    answer_by: Timestamp,
) -> Result<Made, Problem> {
    let text = id.to_string();
    let (ended, waits) = match run(app, (tenant, id), &text, answer_by).await {
        Ok(request) if request.status.is_final() => (request, false),
        // In time or not: what ended meanwhile has ended.
        Ok(request) => (call_off(app, tenant, &text, by).await?, request.waiting),
        Err(problem) => {
            if let Err(problem) = call_off(app, tenant, &text, by).await {
                tracing::warn!(request.id = text, code = problem.code, "left to be ended by the sweeper");
            }
            return Err(problem);
        }
    };
    match &ended.file {
        Some(file) if ended.status.has_file() => {
            let made = read(app, &ended, file).await;
            // If this fails, the row is due: the sweeper deletes it within two minutes.
            if let Err(problem) = remove_file(app, tenant, &text, by).await {
                tracing::warn!(request.id = text, code = problem.code, "file left to the sweeper");
            }
            made
        }
        _ if waits => Ok(Made::NoTurn),
        _ => Ok(without_file(ended)),
    }
}

/// The request once it has ended, or as it is when its time is over.
async fn run(
    app: &Arc<App>,
    (tenant, id): (&str, RequestId),
    text: &str,
    answer_by: Timestamp,
) -> Result<Request, Problem> {
    app.worker.run_now(&RequestMessage::V1 { tenant: tenant.to_owned(), request: id, dead: None }).await?;
    let mut pause = FIRST_LOOK;
    loop {
        let request = load(app, tenant, text).await?.row;
        let left = Duration::try_from(answer_by.duration_since(clock::now())).unwrap_or_default();
        if request.status.is_final() || left.is_zero() {
            return Ok(request);
        }
        tokio::time::sleep(pause.min(left)).await;
        pause = (pause * 3 / 2).min(LOOK);
    }
}

async fn read(app: &App, request: &Request, file: &ReportFile) -> Result<Made, Problem> {
    if file.rows == 0 {
        return Ok(Made::Nothing);
    }
    if file.object_bytes > MOST {
        return Ok(Made::TooLarge);
    }
    let missing = || Problem::unavailable(&"the file of a report that has just ended is not there");
    let bytes = app.objects.read(&file.key, MOST).await?.ok_or_else(missing)?;
    if fits(request.format, &bytes) { Ok(Made::File(Box::new(file.clone()), bytes)) } else { Ok(Made::TooLarge) }
}

fn without_file(request: Request) -> Made {
    match request.failure {
        Some(failure) if request.status == Status::Failed && failure.code != FailureCode::TimedOut => {
            Made::Failed(failure)
        }
        _ => Made::TooSlow,
    }
}

/// Whether Lambda takes it: a text goes as a JSON string, in which some characters become longer.
fn fits(format: Format, bytes: &[u8]) -> bool {
    let escaped = |byte: &u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0C => 2,
        0..0x20 => 6,
        _ => 1_u64,
    };
    format == Format::Xlsx || bytes.iter().map(escaped).sum::<u64>() <= MOST_ANSWER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_fits_lambda_however_it_is_escaped() {
        let most = usize::try_from(MOST).unwrap();
        assert!(fits(Format::Csv, &vec![b'a'; most]));
        assert!(!fits(Format::Json, &vec![b'"'; most]));
        assert!(fits(Format::Xlsx, &vec![b'"'; most]), "as base64");
        for text in ["a\"\\\n\t", "\u{8}\u{c}\u{1}\u{1f}", "é€𝄞", "\u{7f}"] {
            let escaped = serde_json::to_string(text).unwrap().len() - 2;
            let repeated = text.repeat(usize::try_from(MOST_ANSWER).unwrap() / escaped);
            assert!(fits(Format::Csv, repeated.as_bytes()), "{text:?}");
            assert!(!fits(Format::Csv, (repeated + text).as_bytes()), "{text:?}");
        }
    }
}
