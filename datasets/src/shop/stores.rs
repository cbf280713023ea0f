//! Databases, caches, topics and third parties, and what is asked of them.

use super::model::{Database, External, Latency, Query, Topic, ms, us};

const fn postgres(namespace: &'static str, address: &'static str) -> Database {
    Database { system: "postgresql", namespace, address, port: 5432 }
}

const fn redis(address: &'static str) -> Database {
    Database { system: "redis", namespace: "0", address, port: 6379 }
}

const fn mongodb(namespace: &'static str, address: &'static str) -> Database {
    Database { system: "mongodb", namespace, address, port: 27017 }
}

static AUTH_DB: Database = postgres("auth", "auth-db.shop.internal");
static CATALOG_DB: Database = postgres("catalog", "catalog-db.shop.internal");
static FEATURES_DB: Database = postgres("features", "feature-db.shop.internal");
static INVENTORY_DB: Database = postgres("inventory", "inventory-db.shop.internal");
static PRICING_DB: Database = postgres("pricing", "pricing-db.shop.internal");
static PAYMENT_DB: Database = postgres("payment", "payment-db.shop.internal");
static ORDER_DB: Database = postgres("orders", "order-db.shop.internal");
static SHIPPING_DB: Database = postgres("shipping", "shipping-db.shop.internal");
static SESSION_CACHE: Database = redis("session-cache.shop.internal");
static CATALOG_CACHE: Database = redis("catalog-cache.shop.internal");
static CART_STORE: Database = redis("cart-store.shop.internal");
static PRICE_CACHE: Database = redis("price-cache.shop.internal");
static REVIEW_DB: Database = mongodb("reviews", "review-db.shop.internal");
static PROFILE_DB: Database = mongodb("profiles", "profile-db.shop.internal");
static ACTIVITY_DB: Database = mongodb("activity", "activity-db.shop.internal");
static SEARCH_INDEX: Database = Database {
    system: "elasticsearch",
    namespace: "products",
    address: "search-index.shop.internal",
    port: 9200,
};

const fn query(
    database: &'static Database,
    summary: &'static str,
    text: &'static str,
    latency: Latency,
    rows: (u32, u32),
) -> Query {
    Query { database, summary, text, latency, rows }
}

/// A cache command; `text` has its key with a placeholder.
const fn command(database: &'static Database, summary: &'static str, text: &'static str) -> Query {
    query(database, summary, text, us(420), (0, 1))
}

pub(super) static GET_SESSION: Query = command(&SESSION_CACHE, "GET session", "GET session:?");
pub(super) static SELECT_SESSION: Query = query(
    &AUTH_DB,
    "SELECT sessions",
    "SELECT user_id, tenant_id, expires_at FROM sessions WHERE id = $1",
    us(2_400),
    (1, 1),
);

pub(super) static GET_PRODUCT: Query = command(&CATALOG_CACHE, "GET product", "GET product:?");
pub(super) static MGET_PRODUCTS: Query =
    command(&CATALOG_CACHE, "MGET product", "MGET product:? ...");
pub(super) static GET_FEATURED: Query = command(&CATALOG_CACHE, "GET featured", "GET featured:?");
pub(super) static GET_CAMPAIGN: Query = command(&CATALOG_CACHE, "GET campaign", "GET campaign:?");
pub(super) static DEL_PRODUCT: Query = command(&CATALOG_CACHE, "DEL product", "DEL product:?");
pub(super) static SELECT_PRODUCT: Query = query(
    &CATALOG_DB,
    "SELECT products",
    "SELECT id, name, brand, description FROM products WHERE id = $1",
    us(3_200),
    (1, 1),
);
pub(super) static SELECT_FEATURED: Query = query(
    &CATALOG_DB,
    "SELECT featured_products",
    "SELECT p.id, p.name FROM featured_products f JOIN products p ON p.id = f.product_id WHERE f.locale = $1",
    us(6_500),
    (8, 24),
);
pub(super) static UPDATE_PRODUCT: Query = query(
    &CATALOG_DB,
    "UPDATE products",
    "UPDATE products SET name = $2, description = $3 WHERE id = $1",
    us(4_800),
    (0, 0),
);
pub(super) static UPSERT_PRODUCTS: Query = query(
    &CATALOG_DB,
    "INSERT products",
    "INSERT INTO products (id, name, brand) SELECT * FROM unnest($1, $2, $3) ON CONFLICT (id) DO UPDATE SET name = excluded.name",
    ms(38),
    (0, 0),
);

pub(super) static SEARCH_PRODUCTS: Query = query(
    &SEARCH_INDEX,
    "search products",
    "{\"query\":{\"match\":{\"title\":\"?\"}}}",
    ms(28),
    (0, 48),
);
pub(super) static INDEX_PRODUCT: Query =
    query(&SEARCH_INDEX, "index products", "{\"title\":\"?\"}", ms(14), (0, 0));

pub(super) static SELECT_SEGMENTS: Query = query(
    &FEATURES_DB,
    "SELECT user_segments",
    "SELECT segment_id, weight FROM user_segments WHERE user_id = $1",
    us(3_500),
    (2, 9),
);
/// All items of an answer in one query.
pub(super) static SELECT_FEATURES: Query = query(
    &FEATURES_DB,
    "SELECT product_features",
    "SELECT product_id, vector FROM product_features WHERE product_id = ANY($1)",
    us(9_000),
    (24, 48),
);
/// The same, one item at a time: what an N+1 incident falls back to.
pub(super) static SELECT_FEATURE: Query = query(
    &FEATURES_DB,
    "SELECT product_features",
    "SELECT product_id, vector FROM product_features WHERE product_id = $1",
    us(9_500),
    (1, 1),
);

pub(super) static SELECT_STOCK: Query = query(
    &INVENTORY_DB,
    "SELECT stock_levels",
    "SELECT warehouse_id, sum(quantity) FROM stock_levels WHERE product_id = $1 GROUP BY warehouse_id",
    ms(36),
    (1, 6),
);
pub(super) static UPDATE_RESERVATIONS: Query = query(
    &INVENTORY_DB,
    "INSERT reservations",
    "INSERT INTO reservations (order_id, product_id, quantity) SELECT * FROM unnest($1, $2, $3)",
    us(7_500),
    (0, 0),
);

pub(super) static GET_PRICE: Query = command(&PRICE_CACHE, "GET price", "GET price:?");
pub(super) static SELECT_CONTRACTS: Query = query(
    &PRICING_DB,
    "SELECT contract_prices",
    "SELECT product_id, price FROM contract_prices WHERE tenant_id = $1 AND product_id = ANY($2)",
    us(5_500),
    (0, 20),
);

pub(super) static HGETALL_CART: Query = command(&CART_STORE, "HGETALL cart", "HGETALL cart:?");
pub(super) static HSET_CART: Query = command(&CART_STORE, "HSET cart", "HSET cart:? ? ?");
pub(super) static DEL_CART: Query = command(&CART_STORE, "DEL cart", "DEL cart:?");
pub(super) static GET_PROMOTIONS: Query =
    command(&CART_STORE, "SMEMBERS promotions", "SMEMBERS promotions:?");

pub(super) static SELECT_METHODS: Query = query(
    &PAYMENT_DB,
    "SELECT payment_methods",
    "SELECT token, brand FROM payment_methods WHERE user_id = $1 AND is_default",
    us(3_100),
    (1, 1),
);
pub(super) static INSERT_PAYMENT: Query = query(
    &PAYMENT_DB,
    "INSERT payments",
    "INSERT INTO payments (order_id, provider_ref, amount) VALUES ($1, $2, $3)",
    us(4_200),
    (0, 0),
);

pub(super) static INSERT_ORDER: Query = query(
    &ORDER_DB,
    "INSERT orders",
    "INSERT INTO orders (id, user_id, total) VALUES ($1, $2, $3)",
    us(5_200),
    (0, 0),
);
pub(super) static INSERT_ITEMS: Query = query(
    &ORDER_DB,
    "INSERT order_items",
    "INSERT INTO order_items (order_id, product_id, quantity) SELECT * FROM unnest($1, $2, $3)",
    us(6_100),
    (0, 0),
);
pub(super) static SELECT_ORDER: Query = query(
    &ORDER_DB,
    "SELECT orders",
    "SELECT id, status, total FROM orders WHERE id = $1 AND user_id = $2",
    us(3_600),
    (1, 1),
);
pub(super) static SELECT_ITEMS: Query = query(
    &ORDER_DB,
    "SELECT order_items",
    "SELECT product_id, quantity FROM order_items WHERE order_id = $1",
    us(4_900),
    (1, 14),
);
pub(super) static SELECT_SHIPMENT: Query = query(
    &SHIPPING_DB,
    "SELECT shipments",
    "SELECT carrier, tracking_code FROM shipments WHERE order_id = $1",
    us(2_900),
    (0, 2),
);
pub(super) static INSERT_SHIPMENT: Query = query(
    &SHIPPING_DB,
    "INSERT shipments",
    "INSERT INTO shipments (order_id, carrier) VALUES ($1, $2)",
    us(4_400),
    (0, 0),
);

pub(super) static FIND_REVIEWS: Query = query(
    &REVIEW_DB,
    "find reviews",
    "{\"find\":\"reviews\",\"filter\":{\"productId\":\"?\"},\"limit\":10}",
    us(8_500),
    (0, 10),
);
pub(super) static FIND_PROFILE: Query = query(
    &PROFILE_DB,
    "find profiles",
    "{\"find\":\"profiles\",\"filter\":{\"_id\":\"?\"}}",
    us(3_900),
    (1, 1),
);
pub(super) static INSERT_ACTIVITY: Query = query(
    &ACTIVITY_DB,
    "insert activity",
    "{\"insert\":\"activity\",\"documents\":\"?\"}",
    ms(11),
    (0, 0),
);

pub(super) static ORDERS: Topic =
    Topic { name: "orders", send: "send orders", lag: ms(45).spread(0.8) };
pub(super) static USER_ACTIVITY: Topic =
    Topic { name: "user-activity", send: "send user-activity", lag: ms(400) };
pub(super) static CATALOG_CHANGES: Topic =
    Topic { name: "catalog-changes", send: "send catalog-changes", lag: ms(120).spread(0.8) };

/// The payment provider: no spans of its own, retried with growing pauses.
pub(super) static CHARGE: External = External {
    peer: "paygate",
    address: "api.paygate.example",
    name: "POST /v1/charges",
    latency: ms(190).spread(0.28),
    fails: 0.002,
    retries: 3,
};
/// The carrier that says where a parcel is.
pub(super) static TRACK_PARCEL: External = External {
    peer: "parcelnet",
    address: "api.parcelnet.example",
    name: "GET /v2/parcels/{code}",
    latency: ms(85).spread(0.35),
    fails: 0.002,
    retries: 1,
};
/// The provider that delivers mail.
pub(super) static SEND_MAIL: External = External {
    peer: "mailpost",
    address: "smtp-api.mailpost.example",
    name: "POST /v3/mail/send",
    latency: ms(140).spread(0.3),
    fails: 0.003,
    retries: 2,
};
/// The suppliers' feed.
pub(super) static SUPPLIER_ITEMS: External = External {
    peer: "supplierhub",
    address: "feed.supplierhub.example",
    name: "GET /v2/items",
    latency: ms(420).spread(0.35),
    fails: 0.002,
    retries: 2,
};
