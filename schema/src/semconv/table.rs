//! Finds the column of an attribute name: one hash, one comparison.
//!
//! Attribute names are the hottest lookup of ingestion and most of them are
//! known for years, so the table is built once and the hash looks only at the
//! length and both ends of a name.

use crate::promoted::{Derivation, Origin, PROMOTED};

/// Room for the attribute names of one origin.
pub(super) const KEYS: usize = 128;
/// At least twice the number of names, so that an unknown name is refused at once.
const BUCKETS: usize = 512;
const EMPTY: u8 = u8::MAX;

/// Attribute names of one origin and the columns that read them.
pub(super) struct Table {
    names: Vec<&'static str>,
    columns: Vec<u128>,
    buckets: [u8; BUCKETS],
    plans: Vec<Plan>,
    /// Columns whose value may come from the status or an exception event.
    pub(super) exception_columns: u128,
    pub(super) http_status: usize,
    pub(super) rpc_status: usize,
    pub(super) db_status: usize,
}

/// Where the value of a column is looked for, by key number.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) keys: Vec<usize>,
    pub(super) sources: [Option<usize>; 3],
}

impl Table {
    pub(super) fn new(origin: Origin) -> Self {
        let mut table = Self {
            names: Vec::new(),
            columns: Vec::new(),
            buckets: [EMPTY; BUCKETS],
            plans: Vec::new(),
            exception_columns: 0,
            http_status: index_of("http_response_status_code"),
            rpc_status: index_of("rpc_status_code"),
            db_status: index_of("db_status_code"),
        };
        for (index, column) in PROMOTED.iter().enumerate() {
            let mut plan = Plan::default();
            if column.origin == origin {
                plan.keys.extend(column.keys.iter().map(|name| table.add(name, index)));
                let sources = column.derivation.map_or(&[][..], Derivation::sources);
                for (slot, name) in plan.sources.iter_mut().zip(sources) {
                    *slot = Some(table.add(name, index));
                }
                if matches!(column.derivation, Some(Derivation::Exception | Derivation::ErrorType))
                {
                    table.exception_columns |= 1 << index;
                }
            }
            table.plans.push(plan);
        }
        table
    }

    /// The number of a name, or `None` if no column reads it.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        let mut bucket = hash(name.as_bytes());
        loop {
            let key = self.buckets[bucket];
            if key == EMPTY {
                return None;
            }
            if self.names[usize::from(key)] == name {
                return Some(usize::from(key));
            }
            bucket = (bucket + 1) % BUCKETS;
        }
    }

    /// One bit for every column that reads this name.
    pub(super) fn columns_of(&self, key: usize) -> u128 {
        self.columns[key]
    }

    pub(super) fn plan(&self, column: usize) -> &Plan {
        &self.plans[column]
    }

    fn add(&mut self, name: &'static str, column: usize) -> usize {
        let key = self.find(name).unwrap_or_else(|| self.insert(name));
        self.columns[key] |= 1 << column;
        key
    }

    fn insert(&mut self, name: &'static str) -> usize {
        let key = self.names.len();
        assert!(key < KEYS, "KEYS is smaller than the number of attribute names");
        self.names.push(name);
        self.columns.push(0);
        let mut bucket = hash(name.as_bytes());
        while self.buckets[bucket] != EMPTY {
            bucket = (bucket + 1) % BUCKETS;
        }
        self.buckets[bucket] = u8::try_from(key).expect("KEYS is below 255");
        key
    }
}

fn index_of(name: &str) -> usize {
    PROMOTED.iter().position(|column| column.name == name).expect("the column is declared")
}

fn hash(name: &[u8]) -> usize {
    let (head, tail) = match (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        (Some(head), Some(tail)) => (u64::from_le_bytes(*head), u64::from_le_bytes(*tail)),
        _ => (name.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)), 0),
    };
    let mixed =
        (head ^ tail.rotate_left(29) ^ name.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 55) as usize
}
