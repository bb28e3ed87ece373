//! The signed statement of what is in a report. It names parameters, so a link to the file alone does not open it.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use waybill::{
    aws::objects::StoredManifest,
    clock,
    domain::{
        outcome::ReportFile,
        request::{Request, Status},
        tenant::Scope,
    },
};

use super::requests::{load, status, unfinished};
use crate::{
    app::App,
    auth::MayRead,
    openapi::{
        operation::Operation,
        schema::{Schema, any, id, names, sha256, text},
    },
    problem::Problem,
};

/// SHA-256 of the manifest, lower-case hex: what notifications tell, too.
const DIGEST: HeaderName = HeaderName::from_static("waybill-manifest-sha256");

/// What is wanted of it.
#[derive(Clone, Copy)]
enum Wanted {
    Manifest,
    OpenpgpSignature,
    Ed25519Signature,
}

impl Wanted {
    const ALL: [Self; 3] = [Self::Manifest, Self::OpenpgpSignature, Self::Ed25519Signature];

    /// The last segment of its path.
    const fn name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest.json",
            Self::OpenpgpSignature => "manifest.json.asc",
            Self::Ed25519Signature => "manifest.json.sig",
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Manifest => "application/json",
            Self::OpenpgpSignature => "application/pgp-signature",
            Self::Ed25519Signature => "application/octet-stream",
        }
    }

    /// By the last segment of the path.
    fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|wanted| wanted.name() == name)
    }
}

/// `GET /v1/requests/{request}/manifest`: the canonical JSON, byte for byte as it was signed.
pub async fn show(State(app): State<Arc<App>>, caller: MayRead, Path(id): Path<String>) -> Result<Response, Problem> {
    let request = load(&app, &caller.tenant, &id).await?.row;
    answer(&app, &request, Wanted::Manifest).await
}

/// `GET /v1/requests/{request}/manifest/{name}`: `manifest.json`, or its detached signatures `manifest.json.asc`
/// (OpenPGP, ASCII armor) and `manifest.json.sig` (Ed25519, 64 bytes).
pub async fn show_part(
    State(app): State<Arc<App>>,
    caller: MayRead,
    Path((id, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let wanted = Wanted::of(&name).ok_or_else(|| Problem::not_found("manifest file"))?;
    let request = load(&app, &caller.tenant, &id).await?.row;
    answer(&app, &request, wanted).await
}

async fn answer(app: &App, request: &Request, wanted: Wanted) -> Result<Response, Problem> {
    let none = |detail: &str| Problem::new(StatusCode::NOT_FOUND, "no_manifest", detail);
    match status(request, clock::now()) {
        status if !status.is_final() => {
            return Err(unfinished("The manifest is made with the file; ask again once the request has ended."));
        }
        Status::Expired => return Err(gone()),
        _ => {}
    }
    let no_manifest = || none("The file was made by an earlier release, without a manifest.");
    let file = request.file.as_ref().ok_or_else(|| none("The request ended without a file; see its status."))?;
    let digest = file.manifest_sha256.as_deref().ok_or_else(no_manifest)?;
    let key = ReportFile::manifest_key(&file.key);
    let stored = app.objects.manifest(&key).await.map_err(|e| Problem::unavailable(&e))?.ok_or_else(|| {
        tracing::warn!(request.id = %request.id, "the manifest is not there, or may not be read");
        gone()
    })?;
    let StoredManifest { json, openpgp, ed25519 } = stored;
    let body = match wanted {
        Wanted::Manifest => json,
        Wanted::OpenpgpSignature => openpgp,
        Wanted::Ed25519Signature => ed25519.ok_or_else(no_manifest)?,
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(wanted.media_type())),
        (DIGEST, HeaderValue::from_str(digest).map_err(|e| Problem::unavailable(&e))?),
    ];
    Ok((headers, body).into_response())
}

fn gone() -> Problem {
    let detail = "The manifest went with the report's file; its digests are in the request's status.";
    Problem::new(StatusCode::GONE, "file_gone", detail)
}

/// What a caller may do with manifests.
pub fn operations() -> Vec<Operation> {
    let operation = |path, names| {
        Operation::get(path, names)
            .about("Canonical JSON, byte for byte as it was signed: rows, bytes and digests of what is in the file.")
            .needs(Scope::ReportsRead)
            .at("request", id("req"))
            .refuses(&["not_found", "no_manifest", "request_unfinished", "file_gone"])
    };
    let [manifest, openpgp, ed25519] = Wanted::ALL.map(Wanted::media_type);
    let show = operation("/v1/requests/{request}/manifest", ["showManifest", "Requests", "The signed manifest"])
        .answers_with(StatusCode::OK, "The manifest.", manifest, any())
        .with_header("Waybill-Manifest-SHA256", true, sha256());
    let binary: Schema = text();
    let show_part = operation(
        "/v1/requests/{request}/manifest/{name}",
        ["showManifestFile", "Requests", "The manifest, or one of its signatures"],
    )
    .at("name", names(Wanted::ALL.map(Wanted::name)))
    .answers_with(StatusCode::OK, "The file.", manifest, any())
    .or_as(openpgp, text())
    .or_as(ed25519, binary)
    .with_header("Waybill-Manifest-SHA256", true, sha256());
    vec![show, show_part]
}
