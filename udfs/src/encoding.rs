//! Numbers and texts as bytes: between the steps of a query, never kept.

/// The bytes are not those of a state.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Damaged;

pub(crate) fn put_number(bytes: &mut Vec<u8>, number: u64) {
    bytes.extend_from_slice(&number.to_le_bytes());
}

pub(crate) fn take_number(bytes: &mut &[u8]) -> Result<u64, Damaged> {
    let (number, rest) = bytes.split_first_chunk().ok_or(Damaged)?;
    *bytes = rest;
    Ok(u64::from_le_bytes(*number))
}

pub(crate) fn put_text(bytes: &mut Vec<u8>, text: &[u8]) {
    put_number(bytes, text.len() as u64);
    bytes.extend_from_slice(text);
}

pub(crate) fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], Damaged> {
    let length = take_number(bytes)? as usize;
    let (taken, rest) = bytes.split_at_checked(length).ok_or(Damaged)?;
    *bytes = rest;
    Ok(taken)
}

pub(crate) fn take_text<'a>(bytes: &mut &'a [u8]) -> Result<&'a str, Damaged> {
    str::from_utf8(take_bytes(bytes)?).map_err(|_| Damaged)
}
