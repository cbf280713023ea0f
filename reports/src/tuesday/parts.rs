//! Critical-path times per trace and operation, of the slow and the typical traces of
//! one root operation.
//!
//! Of typical traces only the sums are kept, as they are and by weight. Operations are numbered by name, so that
//! a smaller number wins a tie whatever the order of the rows was.

use std::collections::HashMap;

/// An operation: what runs where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Operation {
    pub(super) service_name: String,
    pub(super) span_name: String,
}

/// What one operation does in one trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Measured {
    /// Its time on the critical path.
    pub(super) critical_path_ns: i64,
    /// How many of its spans have a part of that.
    pub(super) calls: u64,
    /// How many of its spans have status `error`.
    pub(super) errors: u64,
    /// How many traces this one stands for, in parts of [`super::weight::ONE`].
    pub(super) weight: u64,
}

/// What one operation does in many traces.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) critical_path_ns: i128,
    pub(super) calls: u64,
    /// Traces in which one of its spans failed.
    pub(super) error_traces: u64,
    /// The same by the weights of the traces, in parts of [`super::weight::ONE`].
    pub(super) weighted_ns: i128,
    pub(super) weighted_calls: i128,
    pub(super) weighted_errors: i128,
}

/// The critical-path time of one operation in one slow trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Part {
    /// The trace, as its place among the slow ones.
    pub(super) trace: u32,
    /// The operation's number.
    pub(super) operation: u32,
    pub(super) critical_path_ns: i64,
}

/// The measurements of one root operation while they come.
#[derive(Debug, Default)]
pub(super) struct PartsBuilder {
    numbers: HashMap<Operation, u32>,
    slow: Vec<Part>,
    slow_sums: Vec<Sums>,
    typical_sums: Vec<Sums>,
}

/// The measurements of one root operation.
#[derive(Debug)]
pub(super) struct Parts {
    /// The operations, by number.
    pub(super) operations: Vec<Operation>,
    /// Sums over the slow traces, by operation.
    pub(super) slow_sums: Vec<Sums>,
    /// Sums over the typical traces, by operation.
    pub(super) typical_sums: Vec<Sums>,
    /// By trace, then operation.
    slow: Vec<Part>,
    /// Where the parts of each slow trace begin, and the end of the last one.
    begins: Vec<usize>,
}

impl PartsBuilder {
    /// Adds one operation of one trace: its place among the slow ones, if it is slow, and whether it is typical.
    pub(super) fn add(
        &mut self,
        operation: Operation,
        slow_place: Option<u32>,
        is_typical: bool,
        measured: Measured,
    ) {
        let next = self.numbers.len() as u32;
        let number = *self.numbers.entry(operation).or_insert(next);
        if number == next {
            self.slow_sums.push(Sums::default());
            self.typical_sums.push(Sums::default());
        }
        if let Some(trace) = slow_place {
            self.slow_sums[number as usize].add(measured);
            let critical_path_ns = measured.critical_path_ns;
            if critical_path_ns != 0 {
                self.slow.push(Part { trace, operation: number, critical_path_ns });
            }
        }
        if is_typical {
            self.typical_sums[number as usize].add(measured);
        }
    }

    /// All measurements of `slow_traces` slow traces have come.
    pub(super) fn build(self, slow_traces: usize) -> Parts {
        let Self { numbers, mut slow, slow_sums, typical_sums } = self;
        let mut named: Vec<(Operation, u32)> = numbers.into_iter().collect();
        named.sort_unstable();
        let mut new_number = vec![0; named.len()];
        for (new, (_, old)) in named.iter().enumerate() {
            new_number[*old as usize] = new as u32;
        }
        for part in &mut slow {
            part.operation = new_number[part.operation as usize];
        }
        slow.sort_unstable();
        let begins = (0..=slow_traces)
            .map(|trace| slow.partition_point(|part| (part.trace as usize) < trace))
            .collect();
        let in_order = |sums: &[Sums]| named.iter().map(|(_, old)| sums[*old as usize]).collect();
        Parts {
            slow_sums: in_order(&slow_sums),
            typical_sums: in_order(&typical_sums),
            operations: named.into_iter().map(|(operation, _)| operation).collect(),
            slow,
            begins,
        }
    }
}

impl Parts {
    /// The operations on the critical path of one slow trace.
    pub(super) fn of_slow(&self, place: u32) -> &[Part] {
        let place = place as usize;
        match (self.begins.get(place), self.begins.get(place + 1)) {
            (Some(from), Some(to)) => &self.slow[*from..*to],
            _ => &[],
        }
    }

    /// The number of slow traces.
    pub(super) fn slow_traces(&self) -> usize {
        self.begins.len() - 1
    }
}

impl Sums {
    fn add(&mut self, measured: Measured) {
        self.critical_path_ns += i128::from(measured.critical_path_ns);
        self.calls += measured.calls;
        self.error_traces += u64::from(measured.errors > 0);
        let weight = i128::from(measured.weight);
        self.weighted_ns += i128::from(measured.critical_path_ns) * weight;
        self.weighted_calls += i128::from(measured.calls) * weight;
        self.weighted_errors += i128::from(measured.errors > 0) * weight;
    }
}
