//! The hash of a file's content, which the table log keeps: a file that changed is noticed.

use xxhash_rust::xxh3::xxh3_128;

/// XXH3 of 128 bits, as 32 hex digits.
pub(crate) fn content_hash(bytes: &[u8]) -> String {
    format!("{:032x}", xxh3_128(bytes))
}
