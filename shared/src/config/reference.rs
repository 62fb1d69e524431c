//! `docs/configuration.md`, written from the table of keys.

use std::fmt::Write;

use super::reload::is_reloadable;
use super::section::{Defaults, Item, Program, Section, environment_alias, environment_name};
use super::sections::Settings;
use super::tenant::Tenant;
use super::types::Secret;
use super::value::HIDDEN;

const HEAD: &str = "\
# Configuration

This page is generated from `shared/src/config/sections.rs`. To write it again:
`WRITE_DOCS=1 cargo test -p causerie-shared configuration_reference`.

Four layers, each over the one before: the defaults, the file, the environment, and `--set key=value`.
The file is `causerie.toml` in the working directory, or the one that `--config` or `CAUSERIE_CONFIG`
names. All programs may share one file.

- An unknown key in the file or after `--set`, or a bad value anywhere, stops the start with one sentence
  that says what is allowed. Unknown environment variables never matter, and empty ones count as not set.
- Durations: `25s`, `500ms`, `5m`, `24h`, `7d`, or a bare number of seconds. Sizes: bytes, or `100K`,
  `1M`, `2G` (powers of 1024). Lists: a TOML array; in the environment words with commas between them, or
  a JSON array.
- A port that reads `tcp://…` is what Kubernetes sets for a service of that name. It is ignored, with a
  warning.
- Keys marked \"yes\" under \"reload\" are taken over while the program runs, within two seconds of a change
  of the file (or of one that `[tls]` names), or on SIGHUP. Other changed keys are logged as needing a restart. A file with an error changes
  nothing: the log says what is wrong, and `causerie_config_reloads_total{result=\"failed\"}` counts it.
- `--check` reads everything, keys included, tries the connection to Redis where one is used, prints the
  configuration in effect with its secrets hidden, and exits with 0 or 1.

```toml
[redis]
url = \"redis://localhost:6379\"

[ai]
backend = \"openai\"
openai = { base_url = \"http://localhost:11434/v1\", model = \"llama3.2\" }

[[tenants]]
id = \"acme\"
hash = \"acme-widget\"
origins = [\"https://acme.example\"]
auth = { jwt_secret = \"at least 32 characters, as from `openssl rand -hex 32`\" }
```
";

/// The text of `docs/configuration.md`.
pub fn reference() -> String {
    let [first, others @ ..] = Program::ALL.map(keys_of);
    let mut page = HEAD.to_owned();
    let mut section_open = "";
    for (at, item) in first.iter().enumerate() {
        match item {
            // One within another of the same name goes on with its table.
            Item::Section { name, meaning } if name != section_open => {
                section_open = name;
                section(&mut page, name, meaning);
            }
            // The keys that are in no section: `tenants` stands with its own keys, below.
            Item::Section { .. } => {}
            Item::Key { name, .. } if name == "tenants" => {}
            Item::Key { .. } => {
                let same_key: Vec<&Item> = others.iter().filter_map(|keys| keys.get(at)).collect();
                row(&mut page, item, &same_key);
            }
        }
    }
    tenants(&mut page, &first);
    page
}

fn keys_of(program: Program) -> Vec<Item> {
    let mut keys = Vec::new();
    Settings::describe("", &documented(program), &mut keys);
    keys
}

/// Defaults with words in place of what differs from run to run.
fn documented(program: Program) -> Defaults {
    Defaults {
        program,
        node_name: "{host}-{process}-{random}".into(),
        visitor_secret: (program == Program::Standalone).then(|| Secret::new("")),
    }
}

fn section(page: &mut String, name: &str, meaning: &str) {
    line(page, format_args!("\n## `[{name}]`\n\n{meaning}\n"));
    table(page);
}

fn table(page: &mut String) {
    line(
        page,
        format_args!(
            "| key | environment | type | default | allowed | reload | meaning |\n\
             |---|---|---|---|---|---|---|"
        ),
    );
}

fn tenants(page: &mut String, keys: &[Item]) {
    let whole = keys.iter().find_map(|item| match item {
        Item::Key { name, meaning, .. } if name == "tenants" => Some(meaning.as_str()),
        Item::Key { .. } | Item::Section { .. } => None,
    });
    section(page, "[tenants]", whole.unwrap_or_default());
    let mut keys = Vec::new();
    Tenant::describe("tenants[]", &documented(Program::Gateway), &mut keys);
    for item in &keys {
        row(page, item, &[]);
    }
}

fn row(page: &mut String, item: &Item, others: &[&Item]) {
    let Item::Key {
        name,
        kind,
        allowed,
        meaning,
        ..
    } = item
    else {
        return;
    };
    let variable = match name.split_once("[]") {
        Some((list, _)) => format!("in `{}`", environment_name(list)),
        None => match environment_alias(name) {
            Some(alias) => format!("`{}`, `{alias}`", environment_name(name)),
            None => format!("`{}`", environment_name(name)),
        },
    };
    let reload = if is_reloadable(name) { "yes" } else { "no" };
    let default = default_of(item, others);
    // The type is said already, and how to write it at the top of the page.
    let allowed = allowed
        .rsplit_once(" from ")
        .map_or(allowed.as_str(), |(_, range)| range);
    line(
        page,
        format_args!(
            "| `{name}` | {variable} | {kind} | {default} | {allowed} | {reload} | {meaning} |"
        ),
    );
}

fn default_of(item: &Item, others: &[&Item]) -> String {
    let first = show_default(item);
    let mut text = first.clone();
    let programs = Program::ALL.iter().skip(1).zip(others);
    for (program, default) in programs.map(|(program, other)| (program, show_default(other))) {
        if default != first {
            text.push_str(&format!("; {}: {default}", program.name()));
        }
    }
    text
}

fn show_default(item: &Item) -> String {
    match item {
        Item::Section { .. } | Item::Key { default: None, .. } => "not set".into(),
        Item::Key {
            default: Some(value),
            ..
        } if value.as_str() == Some(HIDDEN) => "random".into(),
        Item::Key {
            default: Some(value),
            ..
        } => match value.as_str() {
            Some(text) => format!("`{text}`"),
            None => format!("`{value}`"),
        },
    }
}

fn line(page: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(page, "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configuration_reference_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
        let page = reference();
        if std::env::var_os("WRITE_DOCS").is_some() {
            std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs")).unwrap();
            std::fs::write(path, &page).unwrap();
        }
        assert!(
            std::fs::read_to_string(path).is_ok_and(|current| current == page),
            "docs/configuration.md is not current; to write it again: \
             WRITE_DOCS=1 cargo test -p causerie-shared configuration_reference"
        );
    }
}
