//! Under what circumstances a report's figures were measured.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

/// Commit, machine, how busy it was, date, and the command that runs it so again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circumstances {
    /// The commit, in short.
    pub commit: String,
    /// Processor, cores and the kind of build.
    pub machine: String,
    /// See [`load`], at the end of the run.
    pub load: String,
    /// The day, in UTC.
    pub date: String,
    /// The command.
    pub command: String,
}

impl Circumstances {
    /// Those of this process, now.
    pub fn now() -> Self {
        Self {
            commit: commit_in(Path::new(".")),
            machine: machine(),
            load: load(),
            date: said_by("date", &["-u", "+%Y-%m-%d"]),
            command: command(std::env::args_os()),
        }
    }
}

/// Rows of a Markdown table: the [`Circumstances`] of this process.
pub fn rows() -> String {
    let Circumstances {
        commit,
        machine,
        load,
        date,
        command,
    } = Circumstances::now();
    format!(
        "| commit | {commit} |\n| machine | {machine} |\n| load at the end | {load} |\n\
         | date | {date} |\n| command | `{command}` |\n",
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
    let mut is_secret = false;
    for (number, argument) in arguments.enumerate() {
        command.push_str(if number == 0 { " -- " } else { " " });
        let argument = argument.to_string_lossy();
        let is_secret = std::mem::replace(&mut is_secret, argument == SECRET);
        if is_secret {
            command.push('…');
        } else {
            command.push_str(&without_password(&argument));
        }
    }
    command
}

/// The flag of which the value is nobody's business.
const SECRET: &str = "--jwt-secret";

/// An argument, but for the user and the password in its URL, or a secret.
fn without_password(argument: &str) -> String {
    if argument.starts_with(SECRET) && argument != SECRET {
        return format!("{SECRET}=…");
    }
    let parts = argument.split_once("://");
    match parts.and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1))) {
        Some((scheme, rest)) => format!("{scheme}://…@{rest}"),
        None => argument.to_owned(),
    }
}

fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown processor", |name| {
        name.trim_matches([' ', '\t', ':'])
    });
    // Those of the machine: this process may be kept to some of them.
    let cores = info.matches("processor\t").count();
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

/// The commit that is checked out, in short; `-dirty` where more than its documents
/// was changed since: reports are written among those.
fn commit_in(folder: &Path) -> String {
    let folder = folder.to_string_lossy();
    let git = |arguments: &[&str]| {
        let arguments = [&["-C", folder.as_ref()][..], arguments].concat();
        said_by("git", &arguments)
    };
    let commit = git(&["describe", "--always"]);
    let changed = git(&[
        "status",
        "--porcelain",
        "--untracked-files=no",
        "--",
        ":/",
        ":(top,exclude)docs",
    ]);
    if changed.is_empty() {
        commit
    } else {
        format!("{commit}-dirty")
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

    #[test]
    fn secrets_are_left_out() {
        let of = |arguments: &[&str]| command(arguments.iter().map(OsString::from));
        for arguments in [
            [
                "x",
                "--jwt-secret",
                "hush",
                "--redis=a=redis://:hush@127.0.0.1:1",
            ],
            [
                "x",
                "--jwt-secret=hush",
                "--redis",
                "a=redis://me:hush@127.0.0.1:1",
            ],
        ] {
            let command = of(&arguments);
            assert!(!command.contains("hush"), "{command}");
            assert!(command.ends_with("a=redis://…@127.0.0.1:1"), "{command}");
        }
    }

    #[test]
    fn a_report_does_not_make_a_commit_dirty() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let git = |arguments: &[&str]| {
            let mut git = Command::new("git");
            git.arg("-C").arg(path);
            git.args(["-c", "user.name=ann", "-c", "user.email=ann@example.org"]);
            assert!(git.args(arguments).status().unwrap().success());
        };
        let write = |file: &str, text: &str| std::fs::write(path.join(file), text).unwrap();
        std::fs::create_dir(path.join("docs")).unwrap();
        write("docs/report.md", "1 ms");
        write("main.rs", "1");
        git(&["init", "--quiet"]);
        git(&["add", "."]);
        git(&["commit", "--quiet", "--message", "one"]);
        let commit = commit_in(path);
        assert!(commit.len() >= 7, "{commit}");
        write("docs/report.md", "2 ms");
        write("new.rs", "2");
        assert_eq!(commit_in(path), commit);
        write("main.rs", "2");
        assert_eq!(commit_in(path), format!("{commit}-dirty"));
    }
}
