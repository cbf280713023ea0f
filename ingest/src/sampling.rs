//! How many spans a sampled span stands for, from its W3C trace state.
//!
//! OpenTelemetry consistent probability sampling (semantics.md section 9.2): the
//! member `ot=th:<threshold>;rv:<random>` says that a span was kept because its
//! random value is not below the threshold, so it stands for
//! `2^56 / (2^56 - threshold)` spans.

/// What a trace state says about sampling.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Weight {
    /// Nothing.
    Unknown,
    /// Something that cannot be right.
    Invalid,
    /// The number of spans this one stands for, at least 1.
    Known(f64),
}

const DIGITS: usize = 14;
const RANGE: u64 = 1 << 56;

/// Reads the threshold and checks it against the random value, which is the low 56 bits
/// of the trace id unless `rv` gives it.
pub(crate) fn weight(trace_state: &str, trace_id: &[u8; 16]) -> Weight {
    let Some(member) = trace_state.split(',').find_map(|member| member.trim().strip_prefix("ot="))
    else {
        return Weight::Unknown;
    };
    let field = |name: &str| member.split(';').find_map(|field| field.trim().strip_prefix(name));
    let Some(threshold) = field("th:") else { return Weight::Unknown };
    let Some(threshold) = hex(threshold).map(|value| value << (4 * (DIGITS - threshold.len())))
    else {
        return Weight::Invalid;
    };
    let low = trace_id[9..].iter().fold(0, |word, &byte| word << 8 | u64::from(byte));
    let random = field("rv:").filter(|text| text.len() == DIGITS).and_then(hex).unwrap_or(low);
    if random < threshold {
        return Weight::Invalid;
    }
    Weight::Known(RANGE as f64 / (RANGE - threshold) as f64)
}

/// 1 to 14 lowercase hex digits.
fn hex(text: &str) -> Option<u64> {
    let lowercase = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if !lowercase || text.len() > DIGITS {
        return None;
    }
    u64::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests;
