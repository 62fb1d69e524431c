//! What is wrong with a field, said to one who writes a client.

use serde_path_to_error::Error;

/// What belongs into the fields that must be there.
const NEEDED: &[(&str, &str)] = &[
    ("user_input", "put the message's text there"),
    ("is_typing", "say `true` or `false`"),
    ("message_id", "name the message"),
    ("room", "name one, such as `project:p1`"),
    ("seq", "give the `seq` of the last event that was read"),
    ("tenant_hash", "name the tenant, by its `hash`"),
    ("token", "put a new token there"),
    ("role", "say `user` or `assistant`"),
    ("content", "put what was said there"),
];

/// Turns the parser's words into a sentence that names the field and tells what
/// to do. The value is not repeated: it may be long.
pub(super) fn sentence(error: &Error<serde_json::Error>) -> String {
    let path = error.path().to_string();
    let why = error.inner().to_string();
    let (what, rest) = why.split_once(' ').unwrap_or((&why, ""));
    let field = if path == "." {
        "The frame".to_owned()
    } else {
        format!("`{path}`")
    };
    match (what, rest.split_once(", expected ")) {
        ("missing", _) => missing(&path, rest.trim_start_matches("field ")),
        ("invalid", Some((_, expected))) => format!("{field} must be {}.", kind(expected)),
        ("unknown", Some((_, expected))) => format!("{field} must be {expected}."),
        _ => format!("{field} is bad: {why}."),
    }
}

/// `field` stands in backticks.
fn missing(path: &str, field: &str) -> String {
    let name = field.trim_matches('`');
    let advice = NEEDED
        .iter()
        .find(|(needed, _)| *needed == name)
        .map_or(String::new(), |(_, advice)| format!(": {advice}"));
    if path == "." {
        format!("`{name}` is missing{advice}.")
    } else {
        format!("`{path}.{name}` is missing{advice}.")
    }
}

/// What the parser expected, in the words of JSON.
fn kind(expected: &str) -> &str {
    match expected {
        "a boolean" => "`true` or `false`",
        "a map" => "an object",
        "a sequence" => "a list",
        "u64" => "a whole number of 0 or more",
        "string or map" => "a string",
        structure if structure.starts_with("struct ") => "an object",
        other => other,
    }
}
