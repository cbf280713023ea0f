//! Progress on stderr, if a person is watching.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const REDRAWS_PER_SECOND: u8 = 10;

/// A bar that counts spans.
pub(crate) fn spans(total: u64, what: &'static str) -> ProgressBar {
    bar(total, what, "{human_pos}/{human_len} spans {per_sec} {eta}")
}

/// A bar that counts bytes; its message is `what` until the caller changes it.
pub(crate) fn bytes(total: u64, what: &'static str) -> ProgressBar {
    bar(total, what, "{bytes}/{total_bytes} {eta}")
}

/// A bar of which nothing is known but what it waits for.
pub(crate) fn spinner(what: &'static str) -> ProgressBar {
    let spinner = ProgressBar::with_draw_target(None, target());
    spinner.set_message(what);
    spinner.enable_steady_tick(std::time::Duration::from_millis(200));
    spinner
}

fn bar(total: u64, what: &'static str, counts: &str) -> ProgressBar {
    let template = format!("{{msg}} [{{bar:30}}] {counts}");
    let bar = ProgressBar::with_draw_target(Some(total), target());
    // The template is ours; a wrong one shows in the default style instead of failing the work.
    let style =
        ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.progress_chars("=> "));
    bar.set_message(what);
    bar
}

/// Hidden by itself where stderr is not a terminal.
fn target() -> ProgressDrawTarget {
    ProgressDrawTarget::stderr_with_hz(REDRAWS_PER_SECOND)
}
