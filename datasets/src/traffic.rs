//! When traces begin: the rhythm of a root operation over the range, and the
//! arrivals drawn from it.
//!
//! Arrivals are produced in order and without a table of them, so that a month
//! of traffic needs no more memory than an hour.

use crate::random::{Random, mix};
use crate::shop::customers::{REGIONS, Region, Rhythm};

const HOUR_NS: u64 = 3_600_000_000_000;
const DAY_NS: u64 = 24 * HOUR_NS;
/// Within this time, traffic is even.
const BUCKET_NS: u64 = HOUR_NS / 4;
/// 1970-01-01 was a Thursday, the fourth day of a week that begins on Monday.
const FIRST_WEEKDAY: u64 = 3;
/// So many arrivals fall freely into their part of the traffic: enough for
/// bursts and gaps, few enough to keep a window's share of the week exact.
const GROUP: u64 = 8;

/// The traffic of one rhythm, summed from the start of the range.
#[derive(Debug, Clone)]
pub(crate) struct Traffic {
    start_ns: u64,
    end_ns: u64,
    /// The weight up to the end of every bucket; starts with 0.
    sums: Vec<f64>,
}

impl Traffic {
    /// The traffic of a rhythm in `start_ns..end_ns`.
    pub(crate) fn new(rhythm: &Rhythm, start_ns: u64, end_ns: u64) -> Self {
        let buckets = (end_ns - start_ns).div_ceil(BUCKET_NS);
        let mut sum = 0.0;
        let mut sums = vec![sum];
        for bucket in 0..buckets {
            let middle = start_ns + bucket * BUCKET_NS + BUCKET_NS / 2;
            sum += region_weights(rhythm, middle).iter().sum::<f64>();
            sums.push(sum);
        }
        Self { start_ns, end_ns, sums }
    }

    /// Which share of the traffic comes before a moment.
    pub(crate) fn share_before(&self, at_ns: u64) -> f64 {
        let passed = at_ns.clamp(self.start_ns, self.end_ns) - self.start_ns;
        let bucket = (passed / BUCKET_NS) as usize;
        let Some(next) = self.sums.get(bucket + 1) else { return 1.0 };
        let part = (passed % BUCKET_NS) as f64 / BUCKET_NS as f64;
        (self.sums[bucket] + part * (next - self.sums[bucket])) / self.total()
    }

    /// The moment before which a share of the traffic comes.
    pub(crate) fn moment(&self, share: f64) -> u64 {
        let target = share * self.total();
        let next = self.sums.partition_point(|sum| *sum <= target).clamp(1, self.sums.len() - 1);
        let (low, high) = (self.sums[next - 1], self.sums[next]);
        let part = ((target - low) / (high - low)).clamp(0.0, 1.0);
        let passed = (next as u64 - 1) * BUCKET_NS + (part * BUCKET_NS as f64) as u64;
        (self.start_ns + passed).min(self.end_ns - 1)
    }

    fn total(&self) -> f64 {
        self.sums[self.sums.len() - 1]
    }
}

/// How much of the traffic at a moment comes from each region.
pub(crate) fn region_weights(rhythm: &Rhythm, at_ns: u64) -> [f64; REGIONS.len()] {
    [0, 1, 2].map(|region: usize| weight(rhythm, &REGIONS[region], at_ns))
}

fn weight(rhythm: &Rhythm, region: &Region, at_ns: u64) -> f64 {
    let local = at_ns.saturating_add_signed(region.utc_offset * HOUR_NS as i64);
    let hour = (local % DAY_NS / HOUR_NS) as usize;
    let part = (local % HOUR_NS) as f64 / HOUR_NS as f64;
    let (now, next) = (rhythm.hours[hour], rhythm.hours[(hour + 1) % 24]);
    let day = rhythm.days[((local / DAY_NS + FIRST_WEEKDAY) % 7) as usize];
    region.share * day * (now + part * (next - now))
}

/// A trace begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) at_ns: u64,
    /// The place of the root operation in the table.
    pub(crate) root: usize,
    /// Which of the root operation's traces it is.
    pub(crate) number: u64,
}

/// The arrivals of one root operation, in order.
#[derive(Debug, Clone)]
pub(crate) struct Arrivals<'p> {
    traffic: &'p Traffic,
    seed: u64,
    root: usize,
    count: u64,
    next: u64,
    group: [f64; GROUP as usize],
}

impl<'p> Arrivals<'p> {
    /// `count` arrivals spread over the traffic.
    pub(crate) fn new(traffic: &'p Traffic, seed: u64, root: usize, count: u64) -> Self {
        let seed = mix(seed, 0xa441_7a15);
        Self { traffic, seed, root, count, next: 0, group: [0.0; GROUP as usize] }
    }

    /// Draws the shares of the group that begins now.
    fn draw_group(&mut self) {
        let size = GROUP.min(self.count - self.next);
        let mut random = Random::new(self.seed, self.root as u64, self.next);
        let group = &mut self.group[..size as usize];
        for share in group.iter_mut() {
            *share = (self.next as f64 + size as f64 * random.unit()) / self.count as f64;
        }
        group.sort_by(f64::total_cmp);
    }
}

impl Iterator for Arrivals<'_> {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        if self.next == self.count {
            return None;
        }
        if self.next.is_multiple_of(GROUP) {
            self.draw_group();
        }
        let share = self.group[(self.next % GROUP) as usize];
        let number = self.next;
        self.next += 1;
        Some(Arrival { at_ns: self.traffic.moment(share), root: self.root, number })
    }
}

#[cfg(test)]
mod tests;
