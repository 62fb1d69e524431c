//! Which cores a server gets, and which the load.

use std::process::Command;

use anyhow::Context;

/// The machine's cores, divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cores {
    /// One for each node, so that none gains by having threads.
    pub nodes: Vec<String>,
    /// All others, for those that make the load and for Redis.
    pub others: String,
    /// How many these are.
    pub count_of_others: usize,
}

impl Cores {
    /// Divides so many cores; none where nothing would be left for the load.
    pub fn divide(cores: usize, nodes: usize) -> Option<Self> {
        (cores > nodes).then(|| Self {
            nodes: (0..nodes).map(|core| core.to_string()).collect(),
            others: format!("{nodes}-{}", cores - 1),
            count_of_others: cores - nodes,
        })
    }
}

/// Keeps a process that runs on these cores, and all threads that it will have.
///
/// # Errors
/// There is no `taskset`, or no such process.
pub fn pin(pid: u32, cores: &str) -> anyhow::Result<()> {
    let taskset = Command::new("taskset")
        .args(["--all-tasks", "--cpu-list", "--pid", cores])
        .arg(pid.to_string())
        .output()
        .context("taskset, of util-linux")?;
    anyhow::ensure!(taskset.status.success(), "taskset cannot pin {pid}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_node_has_a_core_of_its_own() {
        let cores = Cores::divide(4, 2).expect("enough cores");
        assert_eq!(cores.nodes, ["0", "1"]);
        assert_eq!(cores.others, "2-3");
        assert_eq!(Cores::divide(2, 1).expect("two").others, "1-1");
        assert_eq!(Cores::divide(2, 2), None);
    }
}
