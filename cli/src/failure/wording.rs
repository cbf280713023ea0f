//! Makes the words of the query planner fit for people.

/// Names that a list keeps.
const NAMES_KEPT: usize = 8;

/// The text of a planner's error without what only its developers can read.
pub(super) fn plain(text: &str) -> String {
    shorten_fields(&without_debug(text))
}

/// `ParserError("...")` is how the planner shows what the parser said.
fn without_debug(text: &str) -> String {
    let kinds = ["ParserError(\"", "TokenizerError(\""];
    let inner = kinds.iter().find_map(|kind| text.strip_prefix(kind)?.strip_suffix("\")"));
    match inner {
        Some(inner) => inner.replace("\\\"", "\"").replace("\\\\", "\\"),
        None => text.to_owned(),
    }
}

/// A table may have a hundred columns: nobody looks for one in a line that long.
fn shorten_fields(text: &str) -> String {
    const LIST: &str = "Valid fields are ";
    let Some((before, list)) = text.split_once(LIST) else { return text.to_owned() };
    let names: Vec<&str> = list.split(", ").collect();
    if names.len() <= NAMES_KEPT {
        return text.to_owned();
    }
    let kept = names[..NAMES_KEPT].join(", ");
    format!("{before}{LIST}{kept} and {} more", names.len() - NAMES_KEPT)
}
