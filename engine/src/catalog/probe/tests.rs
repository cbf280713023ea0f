//! A store that keeps its promise, and one that does not.

use std::fmt;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::check_conditional_puts;
use crate::error::Error;

/// A gateway that ignores `If-None-Match`.
#[derive(Debug)]
struct Careless(InMemory);

impl fmt::Display for Careless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("careless")
    }
}

#[async_trait]
impl ObjectStore for Careless {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        _: PutOptions,
    ) -> Result<PutResult> {
        self.0.put_opts(location, payload, PutMode::Overwrite.into()).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.0.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.0.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.0.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.0.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.0.copy_opts(from, to, options).await
    }
}

/// Scenario: a store creates an object once, another one as often as it is asked.
/// Guarantees: the first passes, the second is refused with the reason; neither keeps anything.
#[tokio::test]
async fn only_a_store_that_creates_once_will_do() {
    let safe = InMemory::new();
    check_conditional_puts(&safe).await.expect("it is safe");
    assert!(safe.list(None).try_collect::<Vec<_>>().await.unwrap().is_empty());
    let careless = Careless(InMemory::new());
    let error = check_conditional_puts(&careless).await.expect_err("it is not");
    assert!(matches!(error, Error::UnsafeStore { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("a second writer") && text.contains("If-None-Match"), "{text}");
    assert!(careless.list(None).try_collect::<Vec<_>>().await.unwrap().is_empty());
}
