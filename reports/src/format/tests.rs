//! Numbers at the edges of their units.

use super::{Unit, count, duration, interval, number, percent_of, share};

#[test]
fn durations_have_three_digits_and_their_own_unit() {
    let texts = [
        (0.0, "0 ns"),
        (7.0, "7 ns"),
        (999.0, "999 ns"),
        (85_230.0, "85.2 us"),
        (180e6, "180 ms"),
        (999.4e6, "999 ms"),
        (999.9e6, "1 s"),
        (2.314e9, "2.31 s"),
        (2.3e9, "2.3 s"),
        (100e9, "100 s"),
        (150e9, "2.5 min"),
        (7200e9, "2 h"),
        (9.9e6 * 3600e6, "9,900 h"),
        (-1.5e6, "-1.5 ms"),
    ];
    for (ns, text) in texts {
        assert_eq!(duration(ns), text);
    }
}

#[test]
fn an_interval_names_a_common_unit_once() {
    assert_eq!(interval(278e6, 288e6), "278 to 288 ms");
    assert_eq!(interval(711e6, 3.7e9), "711 ms to 3.7 s");
}

#[test]
fn counts_and_numbers() {
    assert_eq!(
        [0, 999, 1_000, 19_107, 1_234_567].map(count),
        ["0", "999", "1,000", "19,107", "1,234,567"]
    );
    assert_eq!(
        [0.0, 1.0, 2.005, 24.04, 1239.6, -0.001].map(number),
        ["0", "1", "2", "24", "1,240", "0"]
    );
}

#[test]
fn shares_do_not_hide_a_few() {
    let shares = [0.0, 0.0001, 0.022, 0.0996, 0.714, 0.999, 1.0, 1.25, -0.05];
    let texts = ["0 %", "<0.1 %", "2.2 %", "10 %", "71 %", "99 %", "100 %", "125 %", "-5 %"];
    assert_eq!(shares.map(share), texts);
    assert_eq!(percent_of(1, 0), "0 %");
}

#[test]
fn a_column_has_one_unit() {
    let unit = Unit::of([2_310e6, 180.25e6, 0.04e6]);
    assert_eq!(unit.name, "ms");
    assert_eq!(
        [2_310e6, 180.25e6, 0.04e6, -0.1e6].map(|ns| unit.number(ns)),
        ["2,310", "180", "<1", ">-1"]
    );
    let fine = Unit::of([42.5e6]);
    assert_eq!(
        (fine.number(1.239e6), fine.signed(1.239e6), fine.signed(-3e6)),
        ("1.24".into(), "+1.24".into(), "-3.00".into())
    );
    assert_eq!((unit.signed(0.04e6), unit.signed(0.0)), ("<1".into(), "0".into()));
    assert_eq!(fine.number(0.001e6), "<0.01");
    assert_eq!(Unit::of([]).name, "ns");
    assert_eq!(Unit::of([3_600e9]).number(61.04e9), "61");
}
