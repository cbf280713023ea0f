//! Tests of `random`.

use super::*;

#[test]
fn a_stream_is_fixed_by_its_seed_kind_and_number() {
    let draw = |seed, kind, number| Random::new(seed, kind, number).bits();
    assert_eq!(draw(46, 1, 7), draw(46, 1, 7));
    assert_ne!(draw(46, 1, 7), draw(47, 1, 7));
    assert_ne!(draw(46, 1, 7), draw(46, 2, 7));
    assert_ne!(draw(46, 1, 7), draw(46, 1, 8));
}

/// Numbers of an independent implementation: a new version of a dependency must not change data.
#[test]
fn numbers_are_portable() {
    assert_eq!(mix(46, 1), 0x2d68_938c_b83c_2015);
    let mut random = Random::new(46, 0, 0);
    assert_eq!([random.bits(), random.bits()], [0xef67_ec34_0be9_1418, 0xeaf5_09a2_2fb1_c256]);
}

#[test]
fn exp_agrees_with_the_platform() {
    for x in [-20.0, -3.25, -0.5, 0.0, 0.1, 0.347, 1.0, 2.5, 9.75, 40.0] {
        let error = (exp(x) / f64::exp(x) - 1.0).abs();
        assert!(error < 1e-13, "exp({x}) is off by {error}");
    }
}

#[test]
fn distributions_have_their_moments() {
    let mut random = Random::new(1, 2, 3);
    let normal: Vec<f64> = (0..100_000).map(|_| random.normal()).collect();
    let mean = normal.iter().sum::<f64>() / 1e5;
    let variance = normal.iter().map(|x| x * x).sum::<f64>() / 1e5;
    assert!(mean.abs() < 0.02, "{mean}");
    assert!((variance - 1.0).abs() < 0.02, "{variance}");

    let hits = (0..100_000).filter(|_| random.chance(0.03)).count();
    assert!((2_700..3_300).contains(&hits), "{hits}");
    assert!((0..10_000).all(|_| (3..=5).contains(&random.between(3, 5))));
    assert!((0..10_000).all(|_| random.popular(9) < 9));
    assert!((0..10_000).all(|_| (1.0..=30.0).contains(&random.stretch())));
}
