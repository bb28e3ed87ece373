//! The manifest, as the receiver of a webhook checks it.

use aws_lc_rs::digest;
use pgp::composed::{Deserializable, DetachedSignature, SignedPublicKey};
use serde_json::Value;

use crate::{
    api_client::ApiClient,
    error::{Context, Error, Result},
    hex,
    receiver::Received,
    unpack::Content,
};

/// Fetches the manifest of the request at `location`, and checks its digest against the webhook's, its signature against the
/// service's certificate, and its figures against what was downloaded (`object`) and opened (`file`).
pub async fn verify(
    api: &ApiClient,
    webhook: &Received,
    location: &str,
    signer: &str,
    (object, file): (&Content, &Content),
) -> Result<()> {
    const WHAT: &str = "verify the manifest";
    let get = async |name: &str| -> Result<Vec<u8>> {
        let answer = api.get(&format!("{location}/manifest/{name}")).await?;
        let (status, body) = (answer.status, answer.body);
        if status == 200 { Ok(body) } else { Err(Error::new(WHAT, format!("{name}: status {status}"))) }
    };
    let (manifest, signature) = (get("manifest.json").await?, get("manifest.json.asc").await?);
    let digest = hex::encode(digest::digest(&digest::SHA256, &manifest).as_ref());
    let told = webhook.headers.get("waybill-manifest-sha256").and_then(|value| value.to_str().ok());
    if told != Some(&digest) {
        return Err(Error::new(WHAT, format!("the webhook promised {told:?}, the manifest has {digest}")));
    }
    let (signature, _) = DetachedSignature::from_armor_single(signature.as_slice()).context(WHAT)?;
    let (signer, _) = SignedPublicKey::from_string(signer).context("read the service's certificate")?;
    signature.verify(&signer.primary_key, &manifest).context(WHAT)?;
    let manifest: Value = serde_json::from_slice(&manifest).context(WHAT)?;
    let same =
        |part: &Value, content: &Content| part["sha256"] == content.sha256.as_str() && part["bytes"] == content.bytes;
    if same(&manifest["object"], object) && same(&manifest["files"][0], file) {
        return Ok(());
    }
    Err(Error::new(WHAT, format!("it says {manifest}, the file is {object:?} and holds {file:?}")))
}
