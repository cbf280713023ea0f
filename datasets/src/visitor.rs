//! The person (or job) behind a trace: region, tier, tenant, session, wishes.

use crate::random::{Random, mix};
use crate::shop::customers::{BROWSERS, PRODUCTS, REGIONS, SEARCH_TERMS, TIERS, USERS_PER_TENANT};

/// A session lasts until the next full half hour.
const SESSION_NS: u64 = 1_800_000_000_000;
/// So many items are recommended, or found.
const ITEMS: (u32, u32) = (24, 48);
/// So many items lie in a cart.
const CART_ITEMS: u32 = 14;

/// Who asks, from where and for what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visitor {
    /// The place of the region in the table.
    pub(crate) region: usize,
    /// The place of the tier in the table.
    pub(crate) tier: usize,
    pub(crate) tenant: u32,
    pub(crate) user: u32,
    pub(crate) session: u64,
    pub(crate) product: u32,
    pub(crate) order: u32,
    pub(crate) items: u32,
    pub(crate) cart_items: u32,
    pub(crate) cart_cents: u32,
    pub(crate) terms: &'static str,
    pub(crate) browser: &'static str,
    pub(crate) address: [u32; 2],
}

impl Visitor {
    /// Somebody, from a region with these weights at this moment.
    pub(crate) fn draw(random: &mut Random, weights: [f64; REGIONS.len()], at_ns: u64) -> Self {
        let region = pick(random, weights);
        let tier = pick(random, [0, 1, 2].map(|tier: usize| TIERS[tier].share));
        let (first_tenant, tenants) = TIERS[tier].tenants;
        let tenant = first_tenant + random.popular(tenants);
        let user = tenant * USERS_PER_TENANT + random.popular(USERS_PER_TENANT);
        let cart_items = 1 + random.popular(CART_ITEMS);
        Self {
            region,
            tier,
            tenant,
            user,
            session: mix(user.into(), at_ns / SESSION_NS),
            product: random.popular(PRODUCTS),
            order: random.below(90_000_000) + 10_000_000,
            items: random.between(ITEMS.0, ITEMS.1),
            cart_items,
            cart_cents: cart_items * random.between(490, 6_990),
            terms: SEARCH_TERMS[random.popular(SEARCH_TERMS.len() as u32) as usize],
            browser: BROWSERS[random.popular(BROWSERS.len() as u32) as usize],
            address: [random.below(254) + 1, random.below(254) + 1],
        }
    }

    /// Whether a feature flag is on for this person: the same in every trace.
    pub(crate) fn has_flag(&self, key: &str) -> bool {
        let key = key.bytes().fold(0, |hash, byte| mix(hash, byte.into()));
        mix(key, self.user.into()) % 10 < 3
    }
}

/// A place, with a chance in proportion to its weight.
fn pick(random: &mut Random, weights: [f64; 3]) -> usize {
    let mut left = random.unit() * weights.iter().sum::<f64>();
    for (place, weight) in weights.iter().enumerate() {
        left -= weight;
        if left < 0.0 {
            return place;
        }
    }
    0
}
