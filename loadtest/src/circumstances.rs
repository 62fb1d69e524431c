//! Under what circumstances a report's figures were measured.

use std::process::Command;

/// Rows of a Markdown table: commit, machine, how busy it is now, date, and the
/// command line of this program.
pub fn rows() -> String {
    let arguments: Vec<_> = std::env::args_os()
        .enumerate()
        .map(|(at, argument)| {
            let path = std::path::PathBuf::from(&argument);
            let name = path.file_name().filter(|_| at == 0);
            name.unwrap_or(&argument).to_string_lossy().into_owned()
        })
        .collect();
    format!(
        "| commit | {commit} |\n| machine | {machine} |\n| load at the end | {load} |\n\
         | date | {date} |\n| command | `{command}` |\n",
        commit = said_by("git", &["rev-parse", "--short", "HEAD"]),
        machine = machine(),
        load = load(),
        date = said_by("date", &["-u", "+%Y-%m-%d"]),
        command = arguments.join(" "),
    )
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
    format!("{model}, {cores} cores, shared; {build} build")
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
