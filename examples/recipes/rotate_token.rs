//! Makes a new access token, sees that it works, and deletes the old one.

use seqera::{Client, Result};

pub async fn rotate(client: &Client, old: &str, new: &str) -> Result<String> {
    let created = client.create_token().name(new).await?;
    let token = created.access_key.unwrap_or_default();
    let with_new = Client::builder(token.as_str()).endpoint(client.endpoint());
    with_new.build()?.account().delete_access_token(old).await?;
    Ok(token)
}
