//! The stack's Cognito user pool, as the local cloud has it: tokens bear the issuer that AWS would give them, which
//! resolves to nothing of ours, so `issuers.json` gets the pool's keys inline.

use serde_json::{Value, json};

use crate::{
    deploy::Outputs,
    error::{Context, Error, Result},
    stack::UserPool,
};

/// The pool that the stack's outputs name, with the local cloud's token endpoint.
pub fn of(outputs: &Outputs, endpoint: &str) -> Result<UserPool> {
    Ok(UserPool {
        id: outputs.get("UserPoolId")?,
        issuer: outputs.get("UserPoolIssuer")?,
        client_id: outputs.get("UserPoolClientId")?,
        token_endpoint: format!("{endpoint}/oauth2/token"),
    })
}

/// Adds the pool to the content of `issuers.json`: as the API believes it by itself, but for where the keys are.
pub async fn configure(configuration: &mut Value, pool: &UserPool, endpoint: &str) -> Result<()> {
    let url = format!("{endpoint}/{}/.well-known/jwks.json", pool.id);
    let what = "read the keys of the user pool";
    let client = reqwest::Client::builder().no_proxy().build().context(what)?;
    let answer = client.get(&url).send().await.context(what)?;
    let keys: Value = serde_json::from_slice(&answer.bytes().await.context(what)?).context(what)?;
    let issuers = configuration["issuers"].as_array_mut();
    let issuers = issuers.ok_or_else(|| Error::new(what, "the configuration has no list of issuers"))?;
    issuers.push(json!({
        "issuer": pool.issuer, "algorithms": ["RS256"], "jwks": keys, "scope_prefix": "waybill/",
        "admins": [pool.client_id],
    }));
    Ok(())
}
