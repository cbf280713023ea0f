//! Operations of people who look around: home, product and search pages.

use super::failures::Failure;
use super::model::Step::{Cache, Call, Maybe, Parallel, PerItem, Publish, Query, Try, Work};
use super::model::{Endpoint, Fact, grpc, http, ms, us};
use super::services::Service;
use super::stores;

pub(super) static VALIDATE_SESSION: Endpoint = grpc(
    Service::Auth,
    "shop.Auth/ValidateSession",
    &[
        Work(us(280)),
        Cache(&stores::GET_SESSION, 0.97, &[Query(&stores::SELECT_SESSION)]),
        Work(us(190)),
    ],
)
.refuses(0.002, Failure::Unauthorized);

static LIST_FEATURED: Endpoint = grpc(
    Service::Catalog,
    "shop.Catalog/ListFeatured",
    &[
        Work(us(600)),
        Cache(&stores::GET_FEATURED, 0.92, &[Query(&stores::SELECT_FEATURED), Work(us(900))]),
        Work(us(1_100)),
    ],
);

pub(super) static GET_PRODUCT: Endpoint = grpc(
    Service::Catalog,
    "shop.Catalog/GetProduct",
    &[
        Work(us(500)),
        Cache(&stores::GET_PRODUCT, 0.86, &[Query(&stores::SELECT_PRODUCT)]),
        Work(us(700)),
    ],
)
.facts(&[Fact::Product]);

static GET_MANY: Endpoint = grpc(
    Service::Catalog,
    "shop.Catalog/GetMany",
    &[Work(us(800)), Query(&stores::MGET_PRODUCTS), Work(us(1_600))],
);

static RECOMMEND: Endpoint = grpc(
    Service::Recommendation,
    "shop.Recommendation/ListForUser",
    &[
        Work(us(1_800)),
        Query(&stores::SELECT_SEGMENTS),
        Work(us(2_500)),
        PerItem(&stores::SELECT_FEATURES, &stores::SELECT_FEATURE),
        Work(ms(6)),
    ],
)
.flag("ranking-model")
.facts(&[Fact::Results]);

static SIMILAR: Endpoint = grpc(
    Service::Recommendation,
    "shop.Recommendation/ListSimilar",
    &[Work(us(1_500)), Query(&stores::SELECT_FEATURES), Work(ms(4))],
);

static PICK_ADS: Endpoint = grpc(
    Service::Ads,
    "shop.Ads/Pick",
    &[Work(us(2_200)), Query(&stores::GET_CAMPAIGN), Work(us(900))],
);

pub(super) static LIST_PROMOTIONS: Endpoint = grpc(
    Service::Promotion,
    "shop.Promotion/ListActive",
    &[Work(us(700)), Query(&stores::GET_PROMOTIONS), Work(us(500))],
);

static LIST_PRICES: Endpoint = grpc(
    Service::Pricing,
    "shop.Pricing/ListPrices",
    &[Work(us(600)), Query(&stores::GET_PRICE), Work(us(450))],
);

static CHECK_STOCK: Endpoint = grpc(
    Service::Inventory,
    "shop.Inventory/CheckStock",
    &[Work(us(700)), Query(&stores::SELECT_STOCK), Work(us(900))],
)
.facts(&[Fact::Product]);

static LIST_REVIEWS: Endpoint = http(
    Service::Review,
    "GET /reviews/{id}",
    &[Work(us(1_900)), Query(&stores::FIND_REVIEWS), Work(us(2_600))],
);

static RESIZE_IMAGE: Endpoint = http(Service::Image, "GET /image/{id}", &[Work(ms(7))]);

static GET_PROFILE: Endpoint = http(
    Service::UserProfile,
    "GET /profiles/{id}",
    &[Work(us(900)), Query(&stores::FIND_PROFILE), Work(us(800))],
);

static SEARCH: Endpoint = grpc(
    Service::Search,
    "shop.Search/Query",
    &[Work(us(3_500)), Query(&stores::SEARCH_PRODUCTS), Work(us(4_000))],
)
.facts(&[Fact::SearchTerms, Fact::Results]);

/// The home page.
pub(super) static HOME: Endpoint = http(
    Service::Frontend,
    "GET /",
    &[
        Work(us(1_600)),
        Call(&VALIDATE_SESSION),
        Work(us(700)),
        Parallel(&[Call(&LIST_FEATURED), Try(&RECOMMEND), Try(&PICK_ADS), Try(&LIST_PROMOTIONS)]),
        Maybe(0.3, &[Publish(&stores::USER_ACTIVITY, &[])]),
        Work(ms(5)),
    ],
)
.flag("home-layout");

/// A product page.
pub(super) static PRODUCT: Endpoint = http(
    Service::Frontend,
    "GET /product/{id}",
    &[
        Work(us(1_400)),
        Call(&VALIDATE_SESSION),
        Work(us(300)),
        Call(&GET_PRODUCT),
        Parallel(&[
            Call(&CHECK_STOCK),
            Call(&LIST_PRICES),
            Try(&LIST_REVIEWS),
            Maybe(0.4, &[Try(&SIMILAR)]),
            Maybe(0.3, &[Try(&RESIZE_IMAGE)]),
        ]),
        Maybe(0.3, &[Publish(&stores::USER_ACTIVITY, &[])]),
        Work(ms(4)),
    ],
)
.refuses(0.008, Failure::NotFound)
.facts(&[Fact::Product]);

/// The search page.
pub(super) static SEARCH_PAGE: Endpoint = http(
    Service::Frontend,
    "GET /search",
    &[
        Work(us(1_500)),
        Call(&SEARCH),
        Work(us(400)),
        Parallel(&[Call(&GET_MANY), Call(&LIST_PRICES), Try(&PICK_ADS)]),
        Maybe(0.4, &[Publish(&stores::USER_ACTIVITY, &[])]),
        Work(ms(5)),
    ],
)
.facts(&[Fact::SearchTerms]);

/// The first screen of the app.
pub(super) static MOBILE_HOME: Endpoint = http(
    Service::MobileGateway,
    "GET /m/home",
    &[
        Work(us(900)),
        Call(&VALIDATE_SESSION),
        Parallel(&[Call(&LIST_FEATURED), Call(&GET_PROFILE), Try(&LIST_PROMOTIONS)]),
        Work(us(2_400)),
    ],
);

/// The state of an order.
pub(super) static ORDER_PAGE: Endpoint = http(
    Service::Frontend,
    "GET /orders/{id}",
    &[
        Work(us(1_500)),
        Call(&VALIDATE_SESSION),
        Call(&super::buying::GET_ORDER),
        Parallel(&[Try(&super::buying::TRACK_ORDER), Try(&GET_PROFILE)]),
        Work(ms(3)),
    ],
)
.facts(&[Fact::Order]);
