//! Posts JSON to an address.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Serialize;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// An address, or none.
#[derive(Debug)]
pub(super) struct Webhook {
    client: reqwest::Client,
    url: String,
}

impl Webhook {
    /// Without an address nothing is posted.
    pub(super) fn new(url: &str) -> Result<Self> {
        let client = reqwest::Client::builder().timeout(TIMEOUT).build();
        Ok(Self { client: client.context("no client for webhooks")?, url: url.into() })
    }

    /// Posts a message. Fails unless it was taken.
    pub(super) async fn post(&self, message: &impl Serialize) -> Result<()> {
        if self.url.is_empty() {
            return Ok(());
        }
        let body = serde_json::to_vec(message)?;
        let request =
            self.client.post(&self.url).header("content-type", "application/json").body(body);
        // An address may hold a secret: it is in no message.
        let answer = request.send().await.map_err(reqwest::Error::without_url)?;
        if !answer.status().is_success() {
            bail!("the webhook answered {}", answer.status());
        }
        Ok(())
    }
}
