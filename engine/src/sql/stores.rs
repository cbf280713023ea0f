//! The object stores that a session may read: the lake, and what the user attached.
//!
//! DataFusion's own registry resolves any `file://` path, which would make every
//! local file readable by SQL. This one knows what it was told and nothing else.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use datafusion::common::{Result, exec_err};
use datafusion::execution::object_store::ObjectStoreRegistry;
use object_store::ObjectStore;
use url::Url;

/// The registered stores by `scheme://authority`.
#[derive(Debug, Default)]
pub(crate) struct KnownStores(RwLock<HashMap<String, Arc<dyn ObjectStore>>>);

impl ObjectStoreRegistry for KnownStores {
    fn register_store(
        &self,
        url: &Url,
        store: Arc<dyn ObjectStore>,
    ) -> Option<Arc<dyn ObjectStore>> {
        // A poisoned lock still holds a whole map: inserting cannot leave it half-done.
        self.0.write().unwrap_or_else(|e| e.into_inner()).insert(key(url), store)
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        let stores = self.0.read().unwrap_or_else(|e| e.into_inner());
        match stores.get(&key(url)) {
            Some(store) => Ok(Arc::clone(store)),
            None => exec_err!("access to `{}` is not allowed", key(url)),
        }
    }
}

fn key(url: &Url) -> String {
    format!("{}://{}", url.scheme(), url.authority())
}
