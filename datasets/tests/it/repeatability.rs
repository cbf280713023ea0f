//! One seed, the same bytes: today, on another machine, and for the committed sample.

use datasets::{Compression, Encoding, Format, Plan, Settings, write};

/// The sample's name and settings, as `datasets/README.md` tells them.
const SAMPLE: &str = "samples/shop-sample.otlp.jsonl.zst";
const SAMPLE_SETTINGS: fn() -> Settings =
    || Settings { spans: 2_000, seed: 24, ..Settings::default() };

fn bytes(settings: &Settings, encoding: Encoding) -> Vec<u8> {
    let mut out = Vec::new();
    let format = Format { encoding, compression: Compression::None };
    let plan = Plan::new(settings).expect("possible settings");
    write(&plan, &mut out, format, |_| ()).expect("memory can be written");
    out
}

#[test]
fn equal_settings_give_equal_bytes() {
    let settings = Settings { spans: 3_000, seed: 7, ..Settings::default() };
    for encoding in [Encoding::JsonLines, Encoding::Protobuf] {
        assert!(bytes(&settings, encoding) == bytes(&settings, encoding));
    }
}

#[test]
fn each_setting_matters() {
    let settings = SAMPLE_SETTINGS();
    let reference = bytes(&settings, Encoding::Protobuf);
    let start = settings.start + std::time::Duration::from_secs(1);
    for other in [
        Settings { seed: 47, ..settings },
        Settings { days: 8, ..settings },
        Settings { spans: 2_500, ..settings },
        Settings { start, ..settings },
    ] {
        assert!(bytes(&other, Encoding::Protobuf) != reference, "{other:?}");
    }
}

/// Scenario: the sample in the repository is generated again.
/// Guarantees: a change of the generator that changes data is seen in review.
#[test]
fn the_sample_is_reproduced() {
    let compressed = std::fs::read(SAMPLE).expect("the sample is committed");
    assert!(compressed.len() < 200_000, "{} bytes", compressed.len());
    let sample = zstd::decode_all(compressed.as_slice()).unwrap();
    let again = bytes(&SAMPLE_SETTINGS(), Encoding::JsonLines);
    assert!(
        sample == again,
        "run `cargo run -p datasets --example generate`, see datasets/README.md"
    );
}

/// Scenario: ranges from a day to four weeks, and a start at an odd hour.
/// Guarantees: the number of spans is within 5 % of the asked number.
#[test]
fn every_range_has_the_asked_size() {
    let default = Settings::default();
    let odd = default.start + std::time::Duration::from_secs(45_296);
    for (spans, days, start) in
        [(1_000, 1, default.start), (8_000, 2, odd), (30_000, 28, default.start), (25_000, 3, odd)]
    {
        let plan = Plan::new(&Settings { spans, days, start, seed: 5 }).unwrap();
        let made: u64 = plan.requests().map(|request| request.spans().count() as u64).sum();
        assert!(spans.abs_diff(made) * 20 <= spans, "{made} of {spans} in {days} days");
        let begin = start.timestamp_nanos_opt().unwrap() as u64;
        for incident in plan.incidents() {
            assert!(incident.start_ns >= begin && incident.start_ns < incident.end_ns);
        }
    }
}
