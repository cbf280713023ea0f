//! A lake in a bucket: Amazon S3 and what speaks its language, Google Cloud Storage, Azure Blob Storage.
//!
//! The URL says where, the environment says who: the variables that the providers' own tools
//! read (`AWS_*`, `GOOGLE_*`, `AZURE_*`), so that no secret stands in a command line or a log.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, RetryConfig};
use url::Url;

use crate::error::{Error, Result};
use crate::paths;
use crate::sorted_listing::SortedListing;

/// How long a request is tried again. A flush that hangs longer is an outage, and should look like one.
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_RETRIES: usize = 5;

const SCHEMES: &str = "a folder, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX";

/// Who keeps the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Provider {
    Amazon,
    Google,
    Azure,
}

/// A prefix of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bucket {
    provider: Provider,
    url: Url,
    prefix: Path,
}

impl Bucket {
    /// Parses a URL that is not a folder's.
    pub(super) fn parse(text: &str) -> Result<Self> {
        // What is wrong may be a secret in the wrong place.
        let shown = text.split(['?', '#']).next().unwrap_or_default();
        let shown = match (shown.split_once("://"), shown.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, host))) => format!("{scheme}://***@{host}"),
            _ => shown.to_owned(),
        };
        let bad = |reason: String| Error::BadLocation { location: shown.clone(), reason };
        let url = Url::parse(text).map_err(|e| bad(e.to_string()))?;
        let provider = match url.scheme() {
            "s3" | "s3a" => Provider::Amazon,
            "gs" => Provider::Google,
            "az" | "abfs" | "abfss" => Provider::Azure,
            scheme => return Err(bad(format!("`{scheme}` is not supported; give {SCHEMES}"))),
        };
        if url.host_str().is_none_or(str::is_empty) {
            return Err(bad(format!("the URL names no bucket; give {SCHEMES}")));
        }
        // `abfss://container@account.dfs.core.windows.net/prefix` is how Azure writes it.
        let has_user = !url.username().is_empty() && provider != Provider::Azure;
        if has_user || url.password().is_some() {
            let reason = "credentials do not belong into the URL; set them in the environment";
            return Err(bad(reason.into()));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(bad(
                "the URL must end with the prefix; set options in the environment".into()
            ));
        }
        let prefix = Path::from_url_path(url.path().trim_end_matches('/'))
            .map_err(|e| bad(e.to_string()))?;
        Ok(Self { provider, url, prefix })
    }

    /// The store whose root is the prefix. Nothing is asked yet.
    pub(super) fn open(&self) -> Result<Arc<dyn ObjectStore>> {
        let retry = RetryConfig {
            max_retries: MAX_RETRIES,
            retry_timeout: RETRY_TIMEOUT,
            ..RetryConfig::default()
        };
        let url = self.url.as_str();
        // Directory buckets of S3 do not list in order.
        let store: Arc<dyn ObjectStore> = match self.provider {
            Provider::Amazon => Arc::new(SortedListing(PrefixStore::new(
                AmazonS3Builder::from_env().with_url(url).with_retry(retry).build()?,
                self.prefix.clone(),
            ))),
            Provider::Google => Arc::new(PrefixStore::new(
                GoogleCloudStorageBuilder::from_env().with_url(url).with_retry(retry).build()?,
                self.prefix.clone(),
            )),
            Provider::Azure => Arc::new(PrefixStore::new(
                MicrosoftAzureBuilder::from_env().with_url(url).with_retry(retry).build()?,
                self.prefix.clone(),
            )),
        };
        Ok(store)
    }

    /// Whether nothing lies under the prefix but what a start that was cut off may leave.
    pub(super) async fn is_vacant(&self) -> Result<bool> {
        let store = self.open()?;
        let mut objects = store.list(None);
        while let Some(object) = objects.next().await {
            if !paths::is_probe(object?.location.as_ref()) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
