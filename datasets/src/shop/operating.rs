//! Operations nobody waits for in a browser: staff, queues and batch jobs.

use super::browsing::VALIDATE_SESSION;
use super::failures::Failure;
use super::model::Step::{Call, External, Publish, Query, Repeat, Span, Try, Work};
use super::model::{Endpoint, Fact, consumer, grpc, http, job, ms, us};
use super::services::Service;
use super::stores;

static UPDATE_PRODUCT: Endpoint = grpc(
    Service::Catalog,
    "shop.Catalog/Update",
    &[
        Work(us(900)),
        Query(&stores::UPDATE_PRODUCT),
        Query(&stores::DEL_PRODUCT),
        Publish(&stores::CATALOG_CHANGES, &[&RENDER]),
        Work(us(500)),
    ],
)
.facts(&[Fact::Product]);

static INDEX: Endpoint = grpc(
    Service::Search,
    "shop.Search/Index",
    &[Work(us(1_500)), Query(&stores::INDEX_PRODUCT), Work(us(600))],
);

static RENDER: Endpoint =
    consumer(Service::Image, "process catalog-changes", &stores::CATALOG_CHANGES, &[Work(ms(60))]);

/// Staff edits a product.
pub(super) static EDIT_PRODUCT: Endpoint = http(
    Service::ApiGateway,
    "PUT /admin/products/{id}",
    &[Work(us(500)), Call(&VALIDATE_SESSION), Call(&UPDATE_PRODUCT), Try(&INDEX), Work(us(300))],
)
.refuses(0.01, Failure::NotFound)
.facts(&[Fact::Product]);

/// What people did is aggregated, a batch of messages at a time.
pub(super) static AGGREGATE: Endpoint = consumer(
    Service::Analytics,
    "process user-activity",
    &stores::USER_ACTIVITY,
    &[
        Work(ms(3)),
        Span("aggregate sessions", &[Work(ms(24))]),
        Query(&stores::INSERT_ACTIVITY),
        Work(ms(1)),
    ],
);

static BULK_UPSERT: Endpoint = grpc(
    Service::Catalog,
    "shop.Catalog/BulkUpsert",
    &[Work(ms(5)), Query(&stores::UPSERT_PRODUCTS), Work(ms(2))],
);

/// A supplier's catalogue is read, page by page.
pub(super) static SYNC: Endpoint = job(
    Service::CatalogSync,
    "sync supplier catalog",
    &[
        Work(ms(20)),
        Repeat(
            6,
            16,
            &[Span(
                "sync page",
                &[External(&stores::SUPPLIER_ITEMS), Work(ms(45)), Call(&BULK_UPSERT)],
            )],
        ),
        Work(ms(30)),
    ],
);
