//! What the kernel says of processes.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use nix::unistd::{SysconfVar, sysconf};

use super::Use;
use crate::load::results::unix_ms;

/// Which processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The one of this id.
    One(u32),
    /// All of this process group.
    Group(u32),
}

/// Processes that are looked at again and again.
#[derive(Debug)]
pub(super) struct Watched {
    which: Which,
    units: Units,
    /// Seconds of a core since the first look.
    cpu_seconds: f64,
    /// Of each process at the last look, by its id and the time of its start: an
    /// id may be given to another process.
    ticks: HashMap<(u32, u64), u64>,
    is_first_look: bool,
}

/// In which units the kernel speaks.
#[derive(Debug, Clone, Copy)]
struct Units {
    ticks_per_second: u64,
    page_bytes: u64,
}

/// One process at one time.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    group: u32,
    ticks: u64,
    threads: u64,
    started: u64,
    rss_pages: u64,
}

impl Watched {
    pub(super) fn new(which: Which) -> Self {
        Self {
            which,
            units: Units::of_kernel(),
            cpu_seconds: 0.0,
            ticks: HashMap::new(),
            is_first_look: true,
        }
    }

    /// What they used until now; nothing where none of them runs any more.
    pub(super) fn look(&mut self) -> Option<Use> {
        let running = self.which.running();
        if running.is_empty() {
            return None;
        }
        let mut used = Use {
            at: unix_ms(),
            cpu_seconds: 0.0,
            rss_bytes: 0,
            threads: 0,
            open_files: 0,
        };
        let mut ticks = HashMap::new();
        for (id, stat) in running {
            let key = (id, stat.started);
            // What was born since the last look has used all it ever did since then.
            let before = match self.ticks.get(&key) {
                Some(before) => *before,
                None if self.is_first_look => stat.ticks,
                None => 0,
            };
            let since = stat.ticks.saturating_sub(before) as f64;
            self.cpu_seconds += since / self.units.ticks_per_second as f64;
            ticks.insert(key, stat.ticks);
            used.rss_bytes += stat.rss_pages * self.units.page_bytes;
            used.threads += stat.threads;
            used.open_files += open_files(id);
        }
        self.is_first_look = false;
        self.ticks = ticks;
        used.cpu_seconds = self.cpu_seconds;
        Some(used)
    }
}

impl Which {
    fn running(self) -> Vec<(u32, Stat)> {
        match self {
            Self::One(id) => stat_of(id).map(|stat| (id, stat)).into_iter().collect(),
            Self::Group(group) => {
                let all = fs::read_dir("/proc").into_iter().flatten().flatten();
                let ids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
                ids.filter_map(|id| Some((id, stat_of(id)?)))
                    .filter(|(_, stat)| stat.group == group)
                    .collect()
            }
        }
    }
}

impl Units {
    fn of_kernel() -> Self {
        let asked = |variable| sysconf(variable).ok().flatten();
        let said = |variable, usual| {
            let said = asked(variable).and_then(|said| said.try_into().ok());
            said.unwrap_or(usual)
        };
        Self {
            ticks_per_second: said(SysconfVar::CLK_TCK, 100),
            page_bytes: said(SysconfVar::PAGE_SIZE, 4096),
        }
    }
}

fn folder(id: u32) -> PathBuf {
    Path::new("/proc").join(id.to_string())
}

fn stat_of(id: u32) -> Option<Stat> {
    Stat::read(&fs::read_to_string(folder(id).join("stat")).ok()?)
}

impl Stat {
    fn read(line: &str) -> Option<Self> {
        // The program's name comes second, in brackets, and may hold anything.
        let (_, rest) = line.rsplit_once(')')?;
        let fields: Vec<_> = rest.split_ascii_whitespace().collect();
        // As proc(5) numbers them, from 1.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        // One that has ended, but that nobody has asked about yet.
        if matches!(*fields.first()?, "Z" | "X") {
            return None;
        }
        Some(Self {
            group: field(5)?.try_into().ok()?,
            ticks: field(14)? + field(15)?,
            threads: field(20)?,
            started: field(22)?,
            rss_pages: field(24)?,
        })
    }
}

fn open_files(id: u32) -> u64 {
    let folder = folder(id).join("fd");
    // Linux 6.2 says how many they are as the folder's size. Before that they are
    // counted one by one.
    match fs::metadata(&folder).map(|of| of.len()) {
        Ok(count) if count > 0 => count,
        Ok(_) | Err(_) => fs::read_dir(&folder).map_or(0, |files| files.count() as u64),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_name_with_brackets_and_blanks_is_skipped() {
        let line = "42 (a (b) c) S 1 41 41 0 -1 4194304 1 2 3 4 150 50 7 8 20 0 9 0 777 1000 321 1";
        let stat = Stat {
            group: 41,
            ticks: 200,
            threads: 9,
            started: 777,
            rss_pages: 321,
        };
        assert_eq!(Stat::read(line), Some(stat));
        assert_eq!(Stat::read(&line.replace(" S ", " Z ")), None);
        assert_eq!(Stat::read(""), None);
    }

    #[test]
    fn what_this_process_burns_and_holds_is_seen() {
        let mut watched = Watched::new(Which::One(std::process::id()));
        let before = watched.look().unwrap();
        assert!(before.cpu_seconds == 0.0 && before.threads > 0);
        let held: Vec<_> = (0..100)
            .map(|_| fs::File::open("/proc/self/stat"))
            .collect();
        let filled = vec![1_u8; 64 << 20];
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut after = watched.look().unwrap();
        while after.cpu_seconds < 0.3 && Instant::now() < deadline {
            after = watched.look().unwrap();
        }
        assert!(after.cpu_seconds >= 0.3, "{after:?}");
        assert!(after.rss_bytes > (60 << 20), "{after:?}");
        assert!(after.open_files >= before.open_files + 90, "{after:?}");
        assert!(held.iter().all(Result::is_ok) && filled.last() == Some(&1));
    }

    #[test]
    fn nobody_is_seen_who_has_ended() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let mut watched = Watched::new(Which::One(child.id()));
        child.wait().unwrap();
        assert_eq!(watched.look(), None);
    }
}
