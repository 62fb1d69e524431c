//! Under what circumstances a report's figures were measured.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

/// Rows of a Markdown table: commit, machine, how busy it is now, date, and the
/// command that runs this program so again.
pub fn rows() -> String {
    format!(
        "| commit | {commit} |\n| machine | {machine} |\n| load at the end | {load} |\n\
         | date | {date} |\n| command | `{command}` |\n",
        commit = said_by("git", &["rev-parse", "--short", "HEAD"]),
        machine = machine(),
        load = load(),
        date = said_by("date", &["-u", "+%Y-%m-%d"]),
        command = command(std::env::args_os()),
    )
}

/// The command that runs a program of this package with these arguments, of which
/// the first one is its path.
fn command(arguments: impl IntoIterator<Item = OsString>) -> String {
    let mut arguments = arguments.into_iter();
    let path = PathBuf::from(arguments.next().unwrap_or_default());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let release = if cfg!(debug_assertions) {
        ""
    } else {
        " --release"
    };
    let mut command = format!("cargo run{release} --bin {name}");
    for (number, argument) in arguments.enumerate() {
        command.push_str(if number == 0 { " -- " } else { " " });
        command.push_str(&argument.to_string_lossy());
    }
    command
}

fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown processor", |name| {
        name.trim_matches([' ', '\t', ':'])
    });
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let build = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    format!("{model}, {cores} cores; {build} build")
}

/// How many tasks ran or wanted to, on average over 1, 5 and 15 minutes.
pub fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let averages: Vec<_> = load.split_whitespace().take(3).collect();
    if averages.is_empty() {
        "unknown".to_owned()
    } else {
        averages.join(", ")
    }
}

fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_can_be_run() {
        let of = |arguments: &[&str]| command(arguments.iter().map(OsString::from));
        let path = "target/debug/first-delta";
        assert_eq!(of(&[path]), "cargo run --bin first-delta");
        assert_eq!(
            of(&[path, "--ramp", "3"]),
            "cargo run --bin first-delta -- --ramp 3"
        );
    }
}
