//! JSON numbers as text: how long they are, and which of them are integers.

/// The length of the number at the start of `bytes`, or `None` if there is none.
pub(crate) fn length(bytes: &[u8]) -> Option<usize> {
    let digits = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let mut len = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits(len);
    if whole == 0 || (whole > 1 && bytes[len] == b'0') {
        return None;
    }
    len += whole;
    if bytes.get(len) == Some(&b'.') {
        let fraction = digits(len + 1);
        if fraction == 0 {
            return None;
        }
        len += 1 + fraction;
    }
    if let Some(b'e' | b'E') = bytes.get(len) {
        let sign = usize::from(matches!(bytes.get(len + 1), Some(b'+' | b'-')));
        let exponent = digits(len + 1 + sign);
        if exponent == 0 {
            return None;
        }
        len += 1 + sign + exponent;
    }
    Some(len)
}

/// The integer that a number is, also if it is written `1e3` or `1.0`. `None` if it has a
/// fraction or more than 38 digits.
pub(crate) fn integer(text: &str) -> Option<i128> {
    if let Ok(number) = text.parse::<i64>() {
        return Some(i128::from(number));
    }
    if length(text.as_bytes()) != Some(text.len()) {
        return None;
    }
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits: i128 = match format!("{whole}{fraction}").parse() {
        Ok(0) | Err(_) if mantissa.bytes().all(|b| matches!(b, b'0' | b'.' | b'-')) => {
            return Some(0);
        }
        Ok(digits) => digits,
        Err(_) => return None,
    };
    let exponent = exponent.parse::<i32>().ok()?;
    let shift = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let factor = 10i128.checked_pow(shift.unsigned_abs())?;
    if shift >= 0 {
        return digits.checked_mul(factor);
    }
    // `100e-2` is an integer too.
    (digits % factor == 0).then_some(digits / factor)
}

#[cfg(test)]
mod tests;
