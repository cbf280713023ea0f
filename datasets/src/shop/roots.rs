//! Where traces begin, how often and when.

use super::customers::{BROWSING, BUYING, COMMUTING, NIGHT, OFFICE, Rhythm};
use super::model::Endpoint;
use super::{browsing, buying, operating};

/// A root operation: the first span of a trace.
#[derive(Debug)]
pub(crate) struct Root {
    pub(crate) endpoint: &'static Endpoint,
    /// The share of all traces.
    pub(crate) share: f64,
    pub(crate) rhythm: &'static Rhythm,
}

const fn root(endpoint: &'static Endpoint, share: f64, rhythm: &'static Rhythm) -> Root {
    Root { endpoint, share, rhythm }
}

/// Every root operation. The last two are rare on purpose: in the default week
/// they have fewer traces than a p99 needs.
pub(crate) static ROOTS: [Root; 10] = [
    root(&browsing::HOME, 0.200, &BROWSING),
    root(&browsing::PRODUCT, 0.250, &BROWSING),
    root(&browsing::SEARCH_PAGE, 0.150, &BROWSING),
    root(&buying::ADD_TO_CART, 0.110, &BUYING),
    root(&buying::CHECKOUT, 0.090, &BUYING),
    root(&browsing::MOBILE_HOME, 0.080, &COMMUTING),
    root(&browsing::ORDER_PAGE, 0.050, &COMMUTING),
    root(&operating::AGGREGATE, 0.042, &BROWSING),
    root(&operating::EDIT_PRODUCT, 0.020, &OFFICE),
    root(&operating::SYNC, 0.008, &NIGHT),
];
