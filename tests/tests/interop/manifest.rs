//! Manifests: what they say is what was delivered, and receivers can verify it with common tools.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use waybill::digest::sha256_hex;

use crate::{
    bench::{Bench, Delivery},
    data::{PARAMETERS, lake},
    open::Opened,
    tools::Tool,
};

/// Names of a manifest and its signatures, in an archive's order.
const NAMES: [&str; 3] = ["manifest.json", "manifest.json.asc", "manifest.json.sig"];

/// Checks the manifest beside a report and, where there is one, the one in it. Returns their paths.
pub async fn check(bench: &Bench, delivery: &Delivery, opened: &Opened) -> Vec<PathBuf> {
    let (job, file) = (&delivery.job, &delivery.file);
    let beside = delivery.beside(NAMES[0]);
    let bytes = fs::read(&beside).unwrap();
    assert_eq!(file.manifest_sha256.as_deref(), Some(sha256_hex(&bytes).as_str()));
    verify(bench, &beside);
    let mut manifest: Value = serde_json::from_slice(&bytes).unwrap();
    let object = fs::read(&delivery.path).unwrap();
    let digest = sha256_hex(&object);
    let stored = json!({ "name": job.file_name(), "bytes": object.len(), "sha256": digest });
    assert_eq!((&manifest["object"], file.object_sha256.as_str()), (&stored, digest.as_str()));
    assert_eq!(file.object_bytes, object.len() as u64);
    content(delivery, opened, &manifest).await;

    let mut manifests = vec![beside];
    let has_inside = job.is_archive() && job.wrapping.manifest_inside;
    let reports = opened.reports().len();
    assert_eq!(opened.names[reports..], NAMES[..if has_inside { 3 } else { 0 }], "the manifest comes last");
    if has_inside {
        let inside = opened.folder.join(NAMES[0]);
        manifest.as_object_mut().unwrap().remove("object");
        let said: Value = serde_json::from_slice(&fs::read(&inside).unwrap()).unwrap();
        assert_eq!(said, manifest, "both say the same, but for the object");
        verify(bench, &inside);
        manifests.push(inside);
    }
    manifests
}

/// What it says of the files, and of the report.
async fn content(delivery: &Delivery, opened: &Opened, manifest: &Value) {
    let (job, file) = (&delivery.job, &delivery.file);
    let rows = lake().await.table(delivery.case.data).rows;
    let said = manifest["files"].as_array().unwrap();
    let mut all = Vec::new();
    for (path, said) in opened.reports().iter().zip(said) {
        let bytes = fs::read(path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let found = json!({
            "name": name, "rows": said["rows"], "bytes": bytes.len(), "sha256": sha256_hex(&bytes),
        });
        assert_eq!(said, &found);
        all.extend(bytes);
    }
    let parts = (said.len(), u32::try_from(said.len()).unwrap());
    assert_eq!((opened.reports().len(), file.parts), parts);
    assert_eq!((file.plaintext_bytes, &file.plaintext_sha256), (all.len() as u64, &sha256_hex(&all)));
    let sum: u64 = said.iter().map(|file| file["rows"].as_u64().unwrap()).sum();
    assert_eq!((sum, file.rows), (rows, rows));
    let definition = &job.definition;
    let columns: Vec<Value> = definition
        .columns
        .iter()
        .map(|column| {
            let title = job.style.titles.get(&column.name).unwrap_or(&column.title);
            json!({ "name": column.name, "title": title, "type": column.kind })
        })
        .collect();
    let parameters: serde_json::Map<_, _> =
        PARAMETERS.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    for (name, expected) in [
        ("request", json!("req_1")),
        ("tenant", json!("acme")),
        ("report", json!(definition.id)),
        ("report_version", json!(definition.version)),
        ("parameters", json!(parameters)),
        ("format", json!(job.format.name())),
        ("packaging", json!(job.package.kind().name())),
        ("columns", json!(columns)),
        ("rows", json!(rows)),
        ("truncated", json!(false)),
    ] {
        assert_eq!(manifest[name], expected, "{name}");
    }
}

/// With `gpg` and `openssl`; a byte more, and neither may be content.
fn verify(bench: &Bench, manifest: &Path) {
    let signature = |name: &str| manifest.with_file_name(name).to_string_lossy().into_owned();
    let (openpgp, ed25519) = (signature(NAMES[1]), signature(NAMES[2]));
    let changed = manifest.with_file_name("changed");
    fs::write(&changed, [&fs::read(manifest).unwrap()[..], b" "].concat()).unwrap();
    if let Some(ring) = bench.rings.first() {
        let run = |path: &Path| {
            ring.home.run(&[openpgp.as_ref(), path.as_os_str()], &["--trust-model", "always", "--verify"])
        };
        assert!(run(manifest).unwrap().contains("GOODSIG"));
        assert!(run(&changed).is_err());
    }
    let key = bench.ed25519.to_string_lossy();
    let run = |path: &Path| {
        let path = path.to_string_lossy();
        let options = ["pkeyutl", "-verify", "-pubin", "-inkey", &key, "-rawin", "-in", &path, "-sigfile", &ed25519];
        Tool::Openssl.output(options)
    };
    if let (Some(good), Some(bad)) = (run(manifest), run(&changed)) {
        assert_eq!((good.status.success(), bad.status.success()), (true, false), "{good:?} {bad:?}");
    }
    fs::remove_file(changed).unwrap();
}
