//! Comparing and copying texts of a few bytes.
//!
//! Keys and most values are short, and there are twenty of each in a span: calling the
//! functions of the C library costs more than what they do. Texts of up to 32 bytes are
//! handled here as two words that may overlap, longer ones by the library.

/// Whether two texts are the same.
#[inline(always)]
pub(crate) fn same(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    match left.len() {
        33.. => left == right,
        16.. => same_ends::<16>(left, right),
        8.. => same_ends::<8>(left, right),
        4.. => same_ends::<4>(left, right),
        2.. => same_ends::<2>(left, right),
        _ => left.first() == right.first(),
    }
}

/// Whether two texts of `N` to `2 * N` bytes have the same first and last `N` bytes.
#[inline(always)]
fn same_ends<const N: usize>(left: &[u8], right: &[u8]) -> bool {
    left.first_chunk::<N>() == right.first_chunk() && left.last_chunk::<N>() == right.last_chunk()
}

/// Adds a text to others.
#[inline(always)]
pub(crate) fn push(out: &mut Vec<u8>, text: &[u8]) {
    match text.len() {
        33.. => out.extend_from_slice(text),
        16.. => push_ends::<16>(out, text),
        8.. => push_ends::<8>(out, text),
        4.. => push_ends::<4>(out, text),
        _ => text.iter().for_each(|byte| out.push(*byte)),
    }
}

/// Adds a text of `N` to `2 * N` bytes: its first `N`, of which the last `N` overwrite some.
#[inline(always)]
fn push_ends<const N: usize>(out: &mut Vec<u8>, text: &[u8]) {
    if let (Some(head), Some(tail)) = (text.first_chunk::<N>(), text.last_chunk::<N>()) {
        let before_tail = out.len() + text.len() - N;
        out.extend_from_slice(head);
        out.truncate(before_tail);
        out.extend_from_slice(tail);
    }
}

#[cfg(test)]
mod tests;
