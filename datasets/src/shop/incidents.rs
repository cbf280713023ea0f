//! What goes wrong in the week, and where to look for it.
//!
//! A window is given by its start (hours after the beginning of the last seven
//! days; a shorter range is a compressed week) and by the share of the root
//! operation's traces that it touches. One to three per cent, several times
//! slower, fill the slowest 1 % of a root operation and leave its median alone.

use super::customers::{ENTERPRISE, EU};
use super::failures::Exception;
use super::model::{Latency, ms};
use super::services::Service;
use crate::incident::IncidentKind;

/// One declared incident.
#[derive(Debug)]
pub(crate) struct IncidentFacts {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) description: &'static str,
    pub(crate) kind: IncidentKind,
    /// The operation at fault.
    pub(crate) service: Service,
    pub(crate) span_name: &'static str,
    /// The root operations that suffer, most first, by service and span name.
    pub(crate) roots: &'static [(Service, &'static str)],
    /// Hours from the beginning of the week to the beginning of the incident.
    pub(crate) starts_at_hour: f64,
    /// The share of the week's traces of the first root operation that are touched.
    pub(crate) share: f64,
    /// Only customers of this tier in this region suffer.
    pub(crate) audience: Option<(usize, usize)>,
    pub(crate) effect: Effect,
    /// Attributes of the operation at fault that set the touched traces apart.
    pub(crate) attributes: &'static [(&'static str, &'static str)],
}

/// How an operation misbehaves.
#[derive(Debug)]
pub(crate) enum Effect {
    /// A query takes this many times as long.
    SlowQuery { factor: f64 },
    /// A handler takes longer.
    SlowHandler { added: Latency },
    /// A release of the service makes a handler take longer and throw.
    BadRelease { version: &'static str, added: Latency, fails: f64, throws: Exception },
    /// A third party fails often, and slowly.
    FailingPeer { fails: f64, latency: Latency },
    /// A batched query is made once per item of the answer.
    PerItem,
}

/// Every incident, by start. See `datasets/README.md` for the table.
pub(crate) static INCIDENTS: [IncidentFacts; 5] = [
    IncidentFacts {
        id: "tier-region-slow",
        title: "Contract prices are slow for enterprise customers in Europe",
        description: "A new contract rule set is evaluated item by item in the pricing service of \
                      eu-central-1. Only enterprise customers have contracts.",
        kind: IncidentKind::SlowAudience,
        service: Service::Pricing,
        span_name: "shop.Pricing/Quote",
        roots: &[(Service::Frontend, "POST /cart")],
        starts_at_hour: 30.0,
        share: 0.023,
        audience: Some((ENTERPRISE, EU)),
        effect: Effect::SlowHandler { added: ms(620) },
        attributes: &[("app.customer_tier", "enterprise"), ("cloud.region", "eu-central-1")],
    },
    IncidentFacts {
        id: "slow-dependency",
        title: "The inventory database answers slowly",
        description: "Autovacuum fell behind after an import; the stock query of the inventory \
                      service reads dead rows and takes 14 times as long.",
        kind: IncidentKind::SlowDependency,
        service: Service::Inventory,
        span_name: "SELECT stock_levels",
        roots: &[(Service::Frontend, "GET /product/{id}")],
        starts_at_hour: 38.0,
        share: 0.020,
        audience: None,
        effect: Effect::SlowQuery { factor: 14.0 },
        attributes: &[("server.address", "inventory-db.shop.internal")],
    },
    IncidentFacts {
        id: "n-plus-one",
        title: "Recommendations load features one by one",
        description: "A configuration change switched the ranking model to one query per \
                      recommended item instead of one query for all.",
        kind: IncidentKind::NPlusOne,
        service: Service::Recommendation,
        span_name: "SELECT product_features",
        roots: &[(Service::Frontend, "GET /")],
        starts_at_hour: 59.0,
        share: 0.020,
        audience: None,
        effect: Effect::PerItem,
        attributes: &[(
            "db.query.text",
            "SELECT product_id, vector FROM product_features WHERE product_id = $1",
        )],
    },
    IncidentFacts {
        id: "bad-deploy",
        title: "A search release is slow and throws",
        description: "Search 3.9.0 rebuilds its synonym table in every request and sometimes \
                      fails to. It was rolled back.",
        kind: IncidentKind::BadDeploy,
        service: Service::Search,
        span_name: "shop.Search/Query",
        roots: &[(Service::Frontend, "GET /search")],
        starts_at_hour: 81.5,
        share: 0.022,
        audience: None,
        effect: Effect::BadRelease {
            version: "3.9.0",
            added: ms(640),
            fails: 0.2,
            throws: Exception {
                class: "com.shop.search.SynonymTableException",
                message: "synonym table was modified while it was built",
            },
        },
        attributes: &[("service.version", "3.9.0")],
    },
    IncidentFacts {
        id: "retry-storm",
        title: "The payment provider fails and is retried",
        description: "The payment provider answers 503 after a long wait; the payment service \
                      makes up to three more attempts, one after the other.",
        kind: IncidentKind::RetryStorm,
        service: Service::Payment,
        span_name: "POST /v1/charges",
        roots: &[(Service::Frontend, "POST /checkout")],
        starts_at_hour: 114.0,
        share: 0.024,
        audience: None,
        effect: Effect::FailingPeer { fails: 0.7, latency: ms(640) },
        attributes: &[("service.peer.name", "paygate"), ("error.type", "503")],
    },
];
