//! The services, and the languages they are written in.

use super::failures::{DOTNET, Exceptions, GO, JAVA, NODE, PYTHON, RUBY, RUST};
use crate::span::Scope;

/// A service of the shop, by its place in [`SERVICES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Service {
    Frontend,
    MobileGateway,
    ApiGateway,
    Auth,
    Catalog,
    Search,
    Recommendation,
    Ads,
    Promotion,
    Review,
    Image,
    Inventory,
    Pricing,
    Cart,
    Checkout,
    Payment,
    Fraud,
    Tax,
    Shipping,
    Order,
    UserProfile,
    Notification,
    Email,
    Analytics,
    CatalogSync,
}

impl Service {
    /// What the table says about the service.
    pub(crate) fn facts(self) -> &'static ServiceFacts {
        &SERVICES[self as usize]
    }

    /// `service.name`.
    pub(crate) fn name(self) -> &'static str {
        self.facts().name
    }
}

/// One line of the service table.
#[derive(Debug)]
pub(crate) struct ServiceFacts {
    pub(crate) service: Service,
    pub(crate) name: &'static str,
    pub(crate) language: &'static Language,
    /// The version at the start of the data: major, minor, patch.
    pub(crate) version: [u32; 3],
    /// How many routine releases it has per week.
    pub(crate) releases: u32,
    /// How many pods it has per region.
    pub(crate) pods: u32,
    /// `service.criticality`.
    pub(crate) criticality: &'static str,
}

/// What the SDK of a language reports, and how its runtime behaves.
#[derive(Debug)]
pub(crate) struct Language {
    /// `telemetry.sdk.language`.
    pub(crate) name: &'static str,
    pub(crate) sdk_version: &'static str,
    /// The library that instruments calls, as server and client.
    pub(crate) calls: Scope,
    /// The library that instruments databases and caches.
    pub(crate) databases: Scope,
    /// The library that instruments messages.
    pub(crate) messages: Scope,
    /// The chance that the runtime stops during a piece of work.
    pub(crate) pause: f64,
    pub(crate) exceptions: &'static Exceptions,
}

/// Spans that developers write themselves.
pub(crate) const MANUAL: Scope = Scope { name: "shop", version: "1.0.0" };

const fn scope(name: &'static str, version: &'static str) -> Scope {
    Scope { name, version }
}

static JAVA_SDK: Language = Language {
    name: "java",
    sdk_version: "1.58.0",
    calls: scope("io.opentelemetry.grpc-1.6", "2.24.0-alpha"),
    databases: scope("io.opentelemetry.jdbc", "2.24.0-alpha"),
    messages: scope("io.opentelemetry.kafka-clients-0.11", "2.24.0-alpha"),
    pause: 0.002,
    exceptions: &JAVA,
};

static GO_SDK: Language = Language {
    name: "go",
    sdk_version: "1.41.0",
    calls: scope(
        "go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc",
        "0.66.0",
    ),
    databases: scope("github.com/exaring/otelpgx", "0.11.0"),
    messages: scope("github.com/twmb/franz-go/plugin/kotel", "1.7.0"),
    pause: 0.000_4,
    exceptions: &GO,
};

static NODE_SDK: Language = Language {
    name: "nodejs",
    sdk_version: "2.6.0",
    calls: scope("@opentelemetry/instrumentation-http", "0.212.0"),
    databases: scope("@opentelemetry/instrumentation-mongodb", "0.65.0"),
    messages: scope("@opentelemetry/instrumentation-kafkajs", "0.21.0"),
    pause: 0.000_8,
    exceptions: &NODE,
};

static PYTHON_SDK: Language = Language {
    name: "python",
    sdk_version: "1.40.0",
    calls: scope("opentelemetry.instrumentation.grpc", "0.61b0"),
    databases: scope("opentelemetry.instrumentation.psycopg", "0.61b0"),
    messages: scope("opentelemetry.instrumentation.confluent_kafka", "0.61b0"),
    pause: 0.001,
    exceptions: &PYTHON,
};

static DOTNET_SDK: Language = Language {
    name: "dotnet",
    sdk_version: "1.15.0",
    calls: scope("Microsoft.AspNetCore", "10.0.0"),
    databases: scope("OpenTelemetry.Instrumentation.StackExchangeRedis", "1.15.0-beta.1"),
    messages: scope("Confluent.Kafka", "2.13.0"),
    pause: 0.000_8,
    exceptions: &DOTNET,
};

static RUBY_SDK: Language = Language {
    name: "ruby",
    sdk_version: "1.11.0",
    calls: scope("OpenTelemetry::Instrumentation::Rack", "0.29.0"),
    databases: scope("OpenTelemetry::Instrumentation::Mongo", "0.25.0"),
    messages: scope("OpenTelemetry::Instrumentation::RubyKafka", "0.24.0"),
    pause: 0.000_8,
    exceptions: &RUBY,
};

static RUST_SDK: Language = Language {
    name: "rust",
    sdk_version: "0.33.0",
    calls: scope("tower-otel", "0.8.0"),
    databases: scope("tokio-postgres-otel", "0.4.0"),
    messages: scope("rdkafka-otel", "0.3.0"),
    pause: 0.0,
    exceptions: &RUST,
};

/// Every service, in the order of [`Service`].
pub(crate) static SERVICES: [ServiceFacts; 25] = [
    line(Service::Frontend, "frontend", &NODE_SDK, [5, 12, 0], 3, 3, "critical"),
    line(Service::MobileGateway, "mobile-gateway", &GO_SDK, [2, 7, 1], 1, 2, "critical"),
    line(Service::ApiGateway, "api-gateway", &RUST_SDK, [1, 19, 4], 1, 2, "critical"),
    line(Service::Auth, "auth", &GO_SDK, [4, 3, 0], 1, 2, "critical"),
    line(Service::Catalog, "catalog", &JAVA_SDK, [7, 1, 2], 2, 3, "critical"),
    // Its only release of the week is the bad one, so that nothing else changes with it.
    line(Service::Search, "search", &JAVA_SDK, [3, 8, 4], 0, 3, "high"),
    line(Service::Recommendation, "recommendation", &PYTHON_SDK, [0, 44, 0], 1, 2, "medium"),
    line(Service::Ads, "ads", &JAVA_SDK, [2, 2, 9], 1, 1, "low"),
    line(Service::Promotion, "promotion", &DOTNET_SDK, [1, 6, 0], 1, 1, "medium"),
    line(Service::Review, "review", &RUBY_SDK, [3, 0, 7], 1, 2, "medium"),
    line(Service::Image, "image", &RUST_SDK, [1, 2, 0], 0, 1, "low"),
    line(Service::Inventory, "inventory", &JAVA_SDK, [5, 5, 1], 1, 2, "critical"),
    line(Service::Pricing, "pricing", &GO_SDK, [6, 0, 3], 1, 2, "critical"),
    line(Service::Cart, "cart", &DOTNET_SDK, [4, 10, 2], 1, 2, "critical"),
    line(Service::Checkout, "checkout", &GO_SDK, [8, 4, 0], 2, 2, "critical"),
    line(Service::Payment, "payment", &JAVA_SDK, [9, 0, 1], 1, 2, "critical"),
    line(Service::Fraud, "fraud", &PYTHON_SDK, [1, 31, 0], 1, 1, "high"),
    line(Service::Tax, "tax", &GO_SDK, [2, 0, 0], 0, 1, "high"),
    line(Service::Shipping, "shipping", &RUST_SDK, [1, 8, 3], 1, 1, "high"),
    line(Service::Order, "order", &JAVA_SDK, [4, 4, 4], 1, 2, "critical"),
    line(Service::UserProfile, "user-profile", &NODE_SDK, [3, 3, 0], 1, 1, "medium"),
    line(Service::Notification, "notification", &NODE_SDK, [2, 9, 6], 1, 1, "medium"),
    line(Service::Email, "email", &RUBY_SDK, [1, 1, 5], 0, 1, "low"),
    line(Service::Analytics, "analytics", &PYTHON_SDK, [0, 12, 3], 1, 1, "low"),
    line(Service::CatalogSync, "catalog-sync", &PYTHON_SDK, [0, 9, 0], 1, 1, "low"),
];

const fn line(
    service: Service,
    name: &'static str,
    language: &'static Language,
    version: [u32; 3],
    releases: u32,
    pods: u32,
    criticality: &'static str,
) -> ServiceFacts {
    ServiceFacts { service, name, language, version, releases, pods, criticality }
}
