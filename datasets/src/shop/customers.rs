//! Who uses the shop, from where and when.

/// A region: its own copy of every service, and the customers near it.
#[derive(Debug)]
pub(crate) struct Region {
    /// `cloud.region`.
    pub(crate) name: &'static str,
    /// The share of all customers.
    pub(crate) share: f64,
    /// Local time minus UTC, in hours.
    pub(crate) utc_offset: i64,
}

/// The regions.
pub(crate) static REGIONS: [Region; 3] = [
    Region { name: "eu-central-1", share: 0.62, utc_offset: 1 },
    Region { name: "us-east-1", share: 0.27, utc_offset: -5 },
    Region { name: "ap-southeast-1", share: 0.11, utc_offset: 8 },
];

/// The place of `eu-central-1` in [`REGIONS`].
pub(crate) const EU: usize = 0;

/// What a group of customers pays for.
#[derive(Debug)]
pub(crate) struct Tier {
    /// `app.customer_tier`.
    pub(crate) name: &'static str,
    /// The share of all requests.
    pub(crate) share: f64,
    /// The first tenant number and how many tenants there are.
    pub(crate) tenants: (u32, u32),
}

/// The tiers.
pub(crate) static TIERS: [Tier; 3] = [
    Tier { name: "free", share: 0.58, tenants: (300, 700) },
    Tier { name: "pro", share: 0.30, tenants: (60, 240) },
    Tier { name: "enterprise", share: 0.12, tenants: (0, 60) },
];

/// The place of `enterprise` in [`TIERS`].
pub(crate) const ENTERPRISE: usize = 2;

/// How many users a tenant has.
pub(crate) const USERS_PER_TENANT: u32 = 120;

/// How many products the shop sells.
pub(crate) const PRODUCTS: u32 = 40_000;

/// What people look for.
pub(crate) static SEARCH_TERMS: [&str; 12] = [
    "rain jacket",
    "running shoes",
    "coffee grinder",
    "usb-c cable",
    "standing desk",
    "tent 2 person",
    "noise cancelling headphones",
    "gift card",
    "bike light",
    "cast iron pan",
    "desk lamp",
    "wool socks",
];

/// What people come with.
pub(crate) static BROWSERS: [&str; 5] = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/154.0.0.0",
    "Mozilla/5.0 (Linux; Android 16) Chrome/154.0.0.0 Mobile",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Firefox/145.0",
];

/// How requests spread over the day and the week, in local time.
#[derive(Debug)]
pub(crate) struct Rhythm {
    /// A weight for every full hour; between two it is interpolated.
    pub(crate) hours: [f64; 24],
    /// A weight for every day, Monday first.
    pub(crate) days: [f64; 7],
}

/// People look around all day, most after dinner, least at weekends.
pub(crate) static BROWSING: Rhythm = Rhythm {
    hours: [
        0.20, 0.11, 0.07, 0.05, 0.05, 0.08, 0.18, 0.38, 0.60, 0.76, 0.84, 0.90, //
        0.93, 0.87, 0.82, 0.82, 0.86, 0.94, 1.04, 1.18, 1.25, 1.12, 0.78, 0.42,
    ],
    days: [1.00, 1.00, 1.01, 1.02, 1.05, 0.74, 0.68],
};

/// People buy in the evening, most on Friday.
pub(crate) static BUYING: Rhythm = Rhythm {
    hours: [
        0.14, 0.07, 0.04, 0.03, 0.03, 0.05, 0.10, 0.22, 0.38, 0.55, 0.66, 0.78, //
        0.90, 0.80, 0.70, 0.68, 0.74, 0.88, 1.10, 1.35, 1.45, 1.25, 0.80, 0.36,
    ],
    days: [0.94, 0.95, 0.97, 1.00, 1.16, 0.86, 0.84],
};

/// Phones come out on the way to work, on the way back and in bed.
pub(crate) static COMMUTING: Rhythm = Rhythm {
    hours: [
        0.40, 0.18, 0.09, 0.06, 0.08, 0.22, 0.70, 1.15, 1.20, 0.70, 0.55, 0.60, //
        0.85, 0.66, 0.55, 0.58, 0.80, 1.18, 1.25, 0.95, 0.92, 1.10, 1.15, 0.80,
    ],
    days: [1.00, 1.00, 1.00, 1.00, 1.04, 1.10, 1.06],
};

/// Staff works in office hours.
pub(crate) static OFFICE: Rhythm = Rhythm {
    hours: [
        0.01, 0.01, 0.01, 0.01, 0.01, 0.02, 0.05, 0.25, 0.80, 1.20, 1.30, 1.20, //
        0.75, 1.05, 1.25, 1.20, 1.05, 0.65, 0.25, 0.10, 0.06, 0.04, 0.02, 0.01,
    ],
    days: [1.05, 1.05, 1.00, 1.00, 0.90, 0.08, 0.05],
};

/// Batch work runs at night, every night.
pub(crate) static NIGHT: Rhythm = Rhythm {
    hours: [
        0.10, 1.50, 2.00, 2.00, 1.20, 0.30, 0.05, 0.02, 0.02, 0.02, 0.02, 0.02, //
        0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.04,
    ],
    days: [1.0; 7],
};
