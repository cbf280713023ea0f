//! Text in any of Arrow's encodings, row by row.

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryViewArray, FixedSizeBinaryArray, LargeBinaryArray,
    LargeStringArray, StringArray, StringViewArray, UInt32Array,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err};

/// A column of text or bytes.
pub(super) enum Texts<'a> {
    Utf8(&'a StringArray),
    LargeUtf8(&'a LargeStringArray),
    Utf8View(&'a StringViewArray),
    Binary(&'a BinaryArray),
    LargeBinary(&'a LargeBinaryArray),
    BinaryView(&'a BinaryViewArray),
    FixedSizeBinary(&'a FixedSizeBinaryArray),
    Dictionary(UInt32Array, Box<Texts<'a>>),
}

impl<'a> Texts<'a> {
    pub(super) fn try_new(array: &'a ArrayRef) -> Result<Self> {
        Ok(match array.data_type() {
            DataType::Utf8 => Self::Utf8(array.as_string()),
            DataType::LargeUtf8 => Self::LargeUtf8(array.as_string()),
            DataType::Utf8View => Self::Utf8View(array.as_string_view()),
            DataType::Binary => Self::Binary(array.as_binary()),
            DataType::LargeBinary => Self::LargeBinary(array.as_binary()),
            DataType::BinaryView => Self::BinaryView(array.as_binary_view()),
            DataType::FixedSizeBinary(_) => Self::FixedSizeBinary(array.as_fixed_size_binary()),
            DataType::Dictionary(..) => {
                let dictionary = array.as_any_dictionary();
                let keys = cast(dictionary.keys(), &DataType::UInt32)?;
                let values = Self::try_new(dictionary.values())?;
                Self::Dictionary(keys.as_primitive().clone(), Box::new(values))
            }
            other => return exec_err!("{other} is no text"),
        })
    }

    /// The bytes of a row; `None` for NULL.
    #[inline]
    pub(super) fn get(&self, row: usize) -> Option<&[u8]> {
        match self {
            Self::Utf8(texts) => texts.is_valid(row).then(|| texts.value(row).as_bytes()),
            Self::LargeUtf8(texts) => texts.is_valid(row).then(|| texts.value(row).as_bytes()),
            Self::Utf8View(texts) => texts.is_valid(row).then(|| texts.value(row).as_bytes()),
            Self::Binary(texts) => texts.is_valid(row).then(|| texts.value(row)),
            Self::LargeBinary(texts) => texts.is_valid(row).then(|| texts.value(row)),
            Self::BinaryView(texts) => texts.is_valid(row).then(|| texts.value(row)),
            Self::FixedSizeBinary(texts) => texts.is_valid(row).then(|| texts.value(row)),
            Self::Dictionary(keys, values) => {
                keys.is_valid(row).then(|| values.get(keys.value(row) as usize)).flatten()
            }
        }
    }

    /// Calls `f` with the bytes of every row in turn; `None` for NULL.
    pub(super) fn for_each(&self, mut f: impl FnMut(Option<&[u8]>)) {
        match self {
            Self::Utf8(texts) => texts.iter().for_each(|text| f(text.map(str::as_bytes))),
            Self::LargeUtf8(texts) => texts.iter().for_each(|text| f(text.map(str::as_bytes))),
            Self::Utf8View(texts) => texts.iter().for_each(|text| f(text.map(str::as_bytes))),
            Self::Binary(texts) => texts.iter().for_each(f),
            Self::LargeBinary(texts) => texts.iter().for_each(f),
            Self::BinaryView(texts) => texts.iter().for_each(f),
            Self::FixedSizeBinary(texts) => texts.iter().for_each(f),
            Self::Dictionary(keys, values) => {
                keys.iter().for_each(|key| f(key.and_then(|key| values.get(key as usize))));
            }
        }
    }

    /// Whether values are bytes by type, so that 8 of them may be a raw span id.
    pub(super) fn is_binary(&self) -> bool {
        match self {
            Self::Utf8(_) | Self::LargeUtf8(_) | Self::Utf8View(_) => false,
            Self::Dictionary(_, values) => values.is_binary(),
            _ => true,
        }
    }
}
