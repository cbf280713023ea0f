//! The published threshold vectors (T9.1).

use super::{Weight, weight};

const ANY: [u8; 16] = [0xff; 16];

fn check(state: &str, expected: Weight) {
    assert_eq!(weight(state, &ANY), expected, "{state}");
}

#[test]
fn thresholds_become_weights() {
    for (threshold, expected) in [
        ("0", 1.0),
        ("8", 2.0),
        ("c", 4.0),
        ("e", 8.0),
        ("f", 16.0),
        ("aab", 3.0007326007326007),
        ("e666", 9.99938968568813),
        ("fd70a", 99.99771123402633),
        ("fd70a4", 100.00009536752259),
        ("ffbe77", 1000.012874769029),
    ] {
        let Weight::Known(found) = weight(&format!("ot=th:{threshold}"), &ANY) else {
            panic!("{threshold}")
        };
        assert!((found - expected).abs() < 1e-9 * expected, "{threshold}: {found}");
    }
}

#[test]
fn members_and_fields_are_found_anywhere() {
    check("ot=th:8", Weight::Known(2.0));
    check("vendor=x, ot=rv:9b8233f7e3a151;th:8", Weight::Known(2.0));
    check("ot=p:8;th:c;x:y,other=1", Weight::Known(4.0));
    check("", Weight::Unknown);
    check("ot=rv:9b8233f7e3a151", Weight::Unknown);
    check("xot=th:8", Weight::Unknown);
}

#[test]
fn malformed_thresholds_are_refused() {
    for threshold in ["", "C", "0x8", "+8", "123456789012345", "g"] {
        check(&format!("ot=th:{threshold}"), Weight::Invalid);
    }
}

#[test]
fn a_random_value_below_the_threshold_is_a_contradiction() {
    check("ot=rv:9b8233f7e3a151;th:8", Weight::Known(2.0));
    check("ot=rv:9b8233f7e3a151;th:c", Weight::Invalid);
    // A random value that is none does not count; the trace id does.
    check("ot=rv:9b82;th:c", Weight::Known(4.0));
    let mut low = ANY;
    low[9] = 0x10;
    assert_eq!(weight("ot=th:8", &low), Weight::Invalid);
    assert_eq!(weight("ot=th:1", &low), Weight::Known(RANGE_OVER_15));
}

const RANGE_OVER_15: f64 = 16.0 / 15.0;
