//! `--attach NAME=PATH`: local Parquet as a table.

use std::path::Path;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;
use object_store::local::LocalFileSystem;
use url::Url;

use crate::error::{Error, Result};

const LOCAL_FILES: &str = "file://";

/// Registers the Parquet under `path` as table `name`.
pub(crate) async fn attach(context: &SessionContext, name: &str, path: &str) -> Result<()> {
    let bad = |reason: String| Error::Attach { name: name.into(), path: path.into(), reason };
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if name.is_empty() || !plain {
        return Err(bad("a table name is lowercase letters, digits and `_`".into()));
    }
    if context.table_exist(name)? {
        return Err(bad("there is a table of that name; choose another".into()));
    }
    let is_pattern = path.contains(['*', '?', '[']);
    if !is_pattern && !Path::new(path).exists() {
        return Err(bad("no such file or folder".into()));
    }
    let local = Url::parse(LOCAL_FILES).map_err(|e| Error::Internal(e.to_string()))?;
    context.register_object_store(&local, Arc::new(LocalFileSystem::new()));

    let url = location(path).map_err(bad)?;
    let state = context.state();
    let extension = if Path::new(path).is_dir() || is_pattern { ".parquet" } else { "" };
    let options =
        ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension(extension);
    let store = state.runtime_env().object_store(&url)?;
    let first = url.list_all_files(&state, &*store, extension).await?.try_next().await?;
    if first.is_none() {
        return Err(bad("no Parquet file there".into()));
    }
    let schema = options.infer_schema(&state, &url).await.map_err(|e| bad(plain_reason(&e)))?;
    let config = ListingTableConfig::new(url).with_listing_options(options).with_schema(schema);
    let table: Arc<dyn TableProvider> = Arc::new(ListingTable::try_new(config)?);
    context.register_table(name, table)?;
    Ok(())
}

/// The URL of a path; a folder's ends with a slash, which is how a listing tells it from a file.
fn location(path: &str) -> Result<ListingTableUrl, String> {
    let slash = if Path::new(path).is_dir() && !path.ends_with('/') { "/" } else { "" };
    ListingTableUrl::parse(format!("{path}{slash}")).map_err(|e| plain_reason(&e))
}

fn plain_reason(error: &datafusion::error::DataFusionError) -> String {
    let text = error.find_root().strip_backtrace();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
