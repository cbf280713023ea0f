//! Operations of people who buy: cart, checkout and orders.

use super::browsing::{GET_PRODUCT, LIST_PROMOTIONS, VALIDATE_SESSION};
use super::failures::Failure;
use super::model::Step::{Call, External, Parallel, Publish, Query, Try, Work};
use super::model::{Endpoint, Fact, consumer, grpc, http, ms, us};
use super::services::Service;
use super::stores;

static QUOTE: Endpoint = grpc(
    Service::Pricing,
    "shop.Pricing/Quote",
    &[Work(us(1_900)), Query(&stores::SELECT_CONTRACTS), Work(us(2_400))],
)
.facts(&[Fact::CartItems]);

static ADD_ITEM: Endpoint = grpc(
    Service::Cart,
    "shop.Cart/AddItem",
    &[
        Work(us(700)),
        Query(&stores::HGETALL_CART),
        Call(&GET_PRODUCT),
        Call(&QUOTE),
        Work(us(500)),
        Query(&stores::HSET_CART),
        Work(us(400)),
    ],
)
.facts(&[Fact::Product, Fact::CartItems]);

/// Something goes into the cart.
pub(super) static ADD_TO_CART: Endpoint = http(
    Service::Frontend,
    "POST /cart",
    &[
        Work(us(1_300)),
        Call(&VALIDATE_SESSION),
        Work(us(300)),
        Call(&ADD_ITEM),
        Try(&LIST_PROMOTIONS),
        Work(us(2_200)),
    ],
)
.facts(&[Fact::CartItems, Fact::CartValue]);

static GET_CART: Endpoint = grpc(
    Service::Cart,
    "shop.Cart/Get",
    &[Work(us(500)), Query(&stores::HGETALL_CART), Work(us(600))],
)
.facts(&[Fact::CartItems]);

static EMPTY_CART: Endpoint =
    grpc(Service::Cart, "shop.Cart/Empty", &[Work(us(300)), Query(&stores::DEL_CART)]);

static TOTAL: Endpoint = grpc(
    Service::Pricing,
    "shop.Pricing/Total",
    &[Work(us(1_200)), Query(&stores::SELECT_CONTRACTS), Work(us(1_500))],
);

static TAXES: Endpoint = grpc(Service::Tax, "shop.Tax/Calculate", &[Work(us(4_200))]);

static SHIPPING_COST: Endpoint = grpc(Service::Shipping, "shop.Shipping/Quote", &[Work(us(5_500))]);

static RESERVE: Endpoint = grpc(
    Service::Inventory,
    "shop.Inventory/Reserve",
    &[Work(us(900)), Query(&stores::UPDATE_RESERVATIONS), Work(us(700))],
)
.refuses(0.004, Failure::SoldOut);

static SCORE: Endpoint = grpc(
    Service::Fraud,
    "shop.Fraud/Score",
    &[Work(us(2_000)), Query(&stores::SELECT_METHODS), Work(ms(16))],
)
.flag("fraud-model");

static CHARGE: Endpoint = grpc(
    Service::Payment,
    "shop.Payment/Charge",
    &[
        Work(us(1_400)),
        Query(&stores::SELECT_METHODS),
        Work(us(600)),
        External(&stores::CHARGE),
        Query(&stores::INSERT_PAYMENT),
        Work(us(800)),
    ],
)
.refuses(0.012, Failure::Declined)
.facts(&[Fact::CartValue]);

static CREATE_ORDER: Endpoint = grpc(
    Service::Order,
    "shop.Order/Create",
    &[
        Work(us(1_100)),
        Query(&stores::INSERT_ORDER),
        Query(&stores::INSERT_ITEMS),
        Publish(&stores::ORDERS, &[&NOTIFY, &SHIP]),
        Work(us(600)),
    ],
)
.facts(&[Fact::Order]);

static DELIVER_MAIL: Endpoint = http(
    Service::Email,
    "POST /mail",
    &[Work(us(4_500)), External(&stores::SEND_MAIL), Work(us(500))],
);

static NOTIFY: Endpoint = consumer(
    Service::Notification,
    "process orders",
    &stores::ORDERS,
    &[Work(us(1_800)), Try(&DELIVER_MAIL), Work(us(400))],
);

static SHIP: Endpoint = consumer(
    Service::Shipping,
    "process orders",
    &stores::ORDERS,
    &[Work(us(2_600)), Query(&stores::INSERT_SHIPMENT), Work(us(300))],
);

static PLACE_ORDER: Endpoint = grpc(
    Service::Checkout,
    "shop.Checkout/PlaceOrder",
    &[
        Work(us(1_500)),
        Call(&GET_CART),
        Parallel(&[Call(&TOTAL), Call(&TAXES), Call(&SHIPPING_COST), Try(&LIST_PROMOTIONS)]),
        Work(us(800)),
        Call(&RESERVE),
        Call(&SCORE),
        Call(&CHARGE),
        Call(&CREATE_ORDER),
        Try(&EMPTY_CART),
        Work(us(900)),
    ],
)
.flag("express-checkout")
.facts(&[Fact::CartItems]);

static API_CHECKOUT: Endpoint = http(
    Service::ApiGateway,
    "POST /api/checkout",
    &[Work(us(450)), Call(&PLACE_ORDER), Work(us(250))],
);

/// The cart becomes an order.
pub(super) static CHECKOUT: Endpoint = http(
    Service::Frontend,
    "POST /checkout",
    &[Work(us(1_700)), Call(&VALIDATE_SESSION), Work(us(400)), Call(&API_CHECKOUT), Work(ms(3))],
)
.facts(&[Fact::CartItems, Fact::CartValue]);

pub(super) static GET_ORDER: Endpoint = grpc(
    Service::Order,
    "shop.Order/Get",
    &[Work(us(700)), Query(&stores::SELECT_ORDER), Query(&stores::SELECT_ITEMS), Work(us(900))],
)
.refuses(0.01, Failure::NotFound)
.facts(&[Fact::Order]);

pub(super) static TRACK_ORDER: Endpoint = grpc(
    Service::Shipping,
    "shop.Shipping/Track",
    &[
        Work(us(600)),
        Query(&stores::SELECT_SHIPMENT),
        External(&stores::TRACK_PARCEL),
        Work(us(400)),
    ],
);
