//! The smallest and the largest text of a page or a column chunk.

use datafusion::parquet::data_type::ByteArray;
use datafusion::parquet::file::statistics::{Statistics, ValueStatistics};

/// Bounds by byte order, which for UTF-8 is the order of the code points.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Bounds<'a> {
    of: Option<(&'a str, &'a str)>,
}

/// A bound as it is written, and whether it is a text that occurs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) text: Vec<u8>,
    pub(super) is_exact: bool,
}

impl<'a> Bounds<'a> {
    pub(super) fn add(&mut self, text: &'a str) {
        let (smallest, largest) = self.of.unwrap_or((text, text));
        self.of = Some((smallest.min(text), largest.max(text)));
    }

    pub(super) fn and(&mut self, other: Self) {
        if let Some((smallest, largest)) = other.of {
            self.add(smallest);
            self.add(largest);
        }
    }

    /// Both bounds in at most `limit` bytes where that is possible; `None` without a text.
    pub(super) fn written(&self, limit: Option<usize>) -> Option<(Written, Written)> {
        let (smallest, largest) = self.of?;
        let limit = limit.unwrap_or(usize::MAX);
        Some((lower(smallest, limit), upper(largest, limit)))
    }

    /// As they are stored for a column chunk.
    pub(super) fn statistics(&self, limit: Option<usize>, null_count: u64) -> Statistics {
        let (smallest, largest) = self.written(limit).unzip();
        let is_exact = |bound: &Option<Written>| bound.as_ref().is_some_and(|b| b.is_exact);
        let (min_is_exact, max_is_exact) = (is_exact(&smallest), is_exact(&largest));
        let bytes = |bound: Option<Written>| bound.map(|bound| ByteArray::from(bound.text));
        Statistics::ByteArray(
            ValueStatistics::new(bytes(smallest), bytes(largest), None, Some(null_count), false)
                .with_min_is_exact(min_is_exact)
                .with_max_is_exact(max_is_exact),
        )
    }
}

/// A beginning of a text is not larger than the text.
fn lower(text: &str, limit: usize) -> Written {
    let beginning = &text[..text.floor_char_boundary(limit)];
    // An empty bound would be read as none.
    let kept = if beginning.is_empty() { text } else { beginning };
    Written { text: kept.as_bytes().to_vec(), is_exact: kept.len() == text.len() }
}

/// A beginning whose last character is replaced by the next one is larger than the text.
fn upper(text: &str, limit: usize) -> Written {
    if text.len() > limit {
        let beginning = &text[..text.floor_char_boundary(limit)];
        for (at, last) in beginning.char_indices().rev() {
            let next = char::from_u32(last as u32 + 1);
            if let Some(next) = next.filter(|next| next.len_utf8() == last.len_utf8()) {
                let mut larger = beginning[..at].to_owned();
                larger.push(next);
                return Written { text: larger.into_bytes(), is_exact: false };
            }
        }
    }
    Written { text: text.as_bytes().to_vec(), is_exact: true }
}
