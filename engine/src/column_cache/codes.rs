//! The numbers that stand for the values of a column, and the rows that have some of them.

use datafusion::arrow::array::{Array, UInt8Array, UInt16Array, UInt32Array};
use datafusion::arrow::buffer::{BooleanBuffer, Buffer};

/// A number per row, in as few bytes as tell the values apart. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) enum Codes {
    U8(UInt8Array),
    U16(UInt16Array),
    U32(UInt32Array),
}

/// Rows of one word of a bitmap.
const WORD: usize = 64;

impl Codes {
    /// All `codes` are below `values`.
    pub(super) fn new(codes: Vec<u32>, values: usize) -> Self {
        match values {
            0..=0x100 => Self::U8(codes.iter().map(|code| *code as u8).collect::<Vec<_>>().into()),
            0x101..=0x1_0000 => {
                Self::U16(codes.iter().map(|code| *code as u16).collect::<Vec<_>>().into())
            }
            _ => Self::U32(codes.into()),
        }
    }

    pub(super) fn array(&self) -> &dyn Array {
        match self {
            Self::U8(codes) => codes,
            Self::U16(codes) => codes,
            Self::U32(codes) => codes,
        }
    }

    /// The rows whose code is wanted; `wanted` has a word for each code.
    pub(super) fn matching(&self, wanted: &[bool]) -> BooleanBuffer {
        match self {
            Self::U8(codes) => {
                let table = table::<{ 1 << u8::BITS }>(wanted);
                rows(codes.values(), wanted, |code| table[usize::from(code)])
            }
            Self::U16(codes) => {
                let table = table::<{ 1 << u16::BITS }>(wanted);
                rows(codes.values(), wanted, |code| table[usize::from(code)])
            }
            Self::U32(codes) => rows(codes.values(), wanted, |code| wanted[code as usize]),
        }
    }
}

/// A word for every code that there could be, so that none needs a bound checked.
fn table<const CODES: usize>(wanted: &[bool]) -> Box<[bool; CODES]> {
    let mut table = Box::new([false; CODES]);
    table[..wanted.len()].copy_from_slice(wanted);
    table
}

/// One code, or all but one, are compared with many at a time; others are looked up one by one.
fn rows<T>(codes: &[T], wanted: &[bool], is_wanted: impl Fn(T) -> bool) -> BooleanBuffer
where
    T: Copy + PartialEq + TryFrom<usize>,
{
    let lone = |side: bool| {
        let mut at = wanted.iter().enumerate().filter(|(_, wanted)| **wanted == side);
        let code = T::try_from(at.next()?.0).ok();
        code.filter(|_| at.next().is_none())
    };
    if let Some(one) = lone(true) {
        bitmap(codes, |code| code == one)
    } else if let Some(other) = lone(false) {
        bitmap(codes, |code| code != other)
    } else {
        bitmap(codes, is_wanted)
    }
}

/// A bit for each code. First a byte each, for which the compiler has instructions that take many at once.
fn bitmap<T: Copy>(codes: &[T], is_set: impl Fn(T) -> bool) -> BooleanBuffer {
    let word_of = |codes: &[T]| {
        let mut bytes = [0_u8; WORD];
        for (byte, code) in bytes.iter_mut().zip(codes) {
            *byte = u8::from(is_set(*code));
        }
        packed(&bytes)
    };
    let (chunks, rest) = codes.as_chunks::<WORD>();
    let mut words = Vec::with_capacity(codes.len().div_ceil(WORD));
    words.extend(chunks.iter().map(|chunk| word_of(chunk)));
    if !rest.is_empty() {
        words.push(word_of(rest));
    }
    BooleanBuffer::new(Buffer::from_vec(words), 0, codes.len())
}

/// Bytes of 0 or 1 as bits, the first one lowest.
fn packed(bytes: &[u8; WORD]) -> u64 {
    /// Moves the lowest bits of eight bytes to the highest byte, each to a place of its own.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let (eights, _) = bytes.as_chunks::<8>();
    let word = eights.iter().rev().fold(0, |word: u64, eight| {
        word << 8 | u64::from_le_bytes(*eight).wrapping_mul(GATHER) >> 56
    });
    word.to_le()
}

#[cfg(test)]
mod tests;
