//! Finds where strings and values end, many bytes at a time.

/// Follows brackets and strings to the end of a value, over any number of chunks.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Scan {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Scan {
    /// Continues over the next bytes of an object, an array or a string. Returns the number
    /// of bytes up to the end of the value, or `None` if it goes on.
    pub(crate) fn advance(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut pos = 0;
        loop {
            if self.in_string {
                pos = self.finish_string(bytes, pos)?;
                if self.depth == 0 {
                    return Some(pos);
                }
            }
            match bytes.get(pos)? {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(pos + 1);
                    }
                }
                _ => {}
            }
            pos += 1;
        }
    }

    /// Steps behind the closing quote.
    fn finish_string(&mut self, bytes: &[u8], mut pos: usize) -> Option<usize> {
        loop {
            if std::mem::take(&mut self.escaped) {
                if pos >= bytes.len() {
                    self.escaped = true;
                    return None;
                }
                pos += 1;
            }
            pos += memchr::memchr2(b'"', b'\\', bytes.get(pos..)?)?;
            if bytes[pos] == b'"' {
                self.in_string = false;
                return Some(pos + 1);
            }
            self.escaped = true;
            pos += 1;
        }
    }
}

/// How many of the first bytes of a string are neither quote, backslash nor control.
pub(crate) fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let mut len = 0;
    while let Some(chunk) = bytes[len..].first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        // A byte below `n` borrows from its high bit, unless the byte itself has it set.
        let below = |word: u64, n: u64| word.wrapping_sub(ONES * n) & !word & HIGH;
        let quote = below(word ^ (ONES * u64::from(b'"')), 1);
        let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
        let found = below(word, 0x20) | quote | backslash;
        if found != 0 {
            // Borrows only run upwards, so the lowest hit is exact.
            return len + (found.trailing_zeros() / 8) as usize;
        }
        len += 8;
    }
    let rest = &bytes[len..];
    let special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    len + rest.iter().position(special).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests;
