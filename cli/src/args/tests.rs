//! The command line is consistent, and texts are read as their help says.

use clap::CommandFactory;

use super::*;

#[test]
fn the_command_line_is_consistent() {
    Args::command().debug_assert();
}

#[test]
fn every_command_has_an_example() {
    for command in Args::command().get_subcommands() {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let example = format!("spanlake {}", command.get_name());
        assert!(help.contains(&example), "`{}` has no example", command.get_name());
    }
}

#[test]
fn times_are_dates_or_moments() {
    for (text, expected) in [
        ("2026-11-09", "2026-11-09T00:00:00Z"),
        ("2026-11-09T08:30:15.5Z", "2026-11-09T08:30:15.5Z"),
        ("2026-11-09T08:30:00+02:00", "2026-11-09T06:30:00Z"),
    ] {
        assert_eq!(parse_time(text), Ok(expected.parse().expect("a time")), "{text}");
    }
    for text in ["", "yesterday", "2026-13-01", "2026-W46", "2026-11-09T08:30:00"] {
        assert!(parse_time(text).is_err(), "{text}");
    }
}

#[test]
fn attach_takes_a_name_and_a_path() {
    let attach = parse_attach("t=a=b.parquet").expect("a path may hold =");
    assert_eq!((attach.name.as_str(), attach.path.as_str()), ("t", "a=b.parquet"));
    for text in ["", "t", "=x", "t="] {
        assert!(parse_attach(text).is_err(), "{text}");
    }
}
