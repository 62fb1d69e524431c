//! A private Redis server on loopback, with a folder of its own.
//!
//! ```no_run
//! # async fn example() {
//! use causerie_testkit::redis::Redis;
//! let mut redis = Redis::start().await;
//! redis.command(&["SET", "a", "1"]).await;
//! redis.pause(); // SIGSTOP: connections stay open, nothing answers
//! redis.resume();
//! redis.kill(); // as `kill -9`; the port stays its own
//! redis.restart().await;
//! # }
//! ```

use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::child::Child;
use crate::port;
use crate::resp::{Reply, Resp};

const READY: &str = "Ready to accept connections";
/// In cluster mode, the distance of the second port, on which nodes talk.
const BUS_DISTANCE: u16 = 10_000;

/// How a server is to be started. Defaults: nothing is written to disk, `DEBUG`
/// is allowed from loopback, `maxmemory-policy` is `noeviction`.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Options {
    settings: Vec<(String, String)>,
    password: Option<String>,
    cluster: bool,
}

impl Options {
    /// Writes every change to the append-only file before it is answered, so
    /// that a restart after [`Redis::kill`] loses nothing.
    pub fn aof(self) -> Self {
        self.set("appendonly", "yes").set("appendfsync", "always")
    }

    /// Makes it a replica of `primary`.
    pub fn replica_of(self, primary: &Redis) -> Self {
        self.set("replicaof", &format!("127.0.0.1 {}", primary.port()))
    }

    /// Asks every client for this password.
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self.set("requirepass", password)
            .set("masterauth", password)
    }

    /// Cluster mode.
    pub(crate) fn cluster(mut self) -> Self {
        self.cluster = true;
        self.set("cluster-enabled", "yes")
    }

    /// Any setting of `redis.conf`; the last one of a name holds.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts the server on a free port, and waits until it answers.
    ///
    /// # Panics
    /// When there is no redis-server, or it does not start.
    pub async fn start(self) -> Redis {
        let folder = TempDir::new().expect("a temporary folder can be made");
        for _ in 0..10 {
            let above: &[u16] = if self.cluster { &[BUS_DISTANCE] } else { &[] };
            let port = port::free(above);
            match launch(&self, folder.path(), port).await {
                Ok(child) => {
                    return Redis {
                        options: self,
                        folder,
                        port,
                        child,
                    };
                }
                Err(reason) if reason.contains("Address already in use") => {}
                Err(reason) => panic!("{reason}"),
            }
        }
        panic!("ten ports in a row were taken by others before redis-server had bound them");
    }
}

/// A running (or killed, or paused) server. Dropping it ends it, and deletes its folder.
#[derive(Debug)]
pub struct Redis {
    options: Options,
    folder: TempDir,
    port: u16,
    child: Child,
}

impl Redis {
    /// Starts one with the defaults of [`Options`].
    pub async fn start() -> Self {
        Options::default().start().await
    }

    /// To start one with other settings: `Redis::options().aof().start().await`.
    pub fn options() -> Options {
        Options::default()
    }

    /// `redis://127.0.0.1:PORT`, with the password where it has one.
    pub fn url(&self) -> String {
        match &self.options.password {
            Some(password) => format!("redis://:{password}@127.0.0.1:{}", self.port),
            None => format!("redis://127.0.0.1:{}", self.port),
        }
    }

    /// The process id; another one after a restart.
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Its port on 127.0.0.1; the same after a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sends one command over a connection of its own.
    ///
    /// # Panics
    /// When Redis answers with an error.
    pub async fn command(&self, arguments: &[&str]) -> Reply {
        self.try_command(arguments)
            .await
            .unwrap_or_else(|error| panic!("{arguments:?} at port {}: {error}", self.port))
    }

    /// The same, giving the error as its sentence.
    pub async fn try_command(&self, arguments: &[&str]) -> Result<Reply, String> {
        let mut connection = Resp::connect(self.port).await?;
        if let Some(password) = &self.options.password {
            connection.command(&["AUTH", password]).await?;
        }
        connection.command(arguments).await
    }

    /// Deletes every key.
    pub async fn flush_all(&self) {
        self.command(&["FLUSHALL"]).await;
    }

    /// Stops the process without ending it (SIGSTOP): sockets stay open, nothing is answered.
    pub fn pause(&mut self) {
        self.child.signal(Signal::SIGSTOP);
    }

    /// Lets a paused server go on.
    pub fn resume(&mut self) {
        self.child.signal(Signal::SIGCONT);
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        self.child.kill();
    }

    /// Starts it again on the same port with the same folder; kills it before
    /// if it still runs. Without [`Options::aof`] its data is gone.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn restart(&mut self) {
        self.child.kill();
        self.child = launch(&self.options, self.folder.path(), self.port)
            .await
            .unwrap_or_else(|reason| panic!("{reason}"));
    }

    /// Deletes all that it has on disk. Kill before, restart after.
    ///
    /// # Panics
    /// When the server still runs, or was started without [`Options::aof`].
    pub fn lose_everything(&mut self) {
        assert!(
            self.child.try_status().is_some(),
            "kill the server before its files are deleted"
        );
        let folder = self.folder.path().join("appendonlydir");
        std::fs::remove_dir_all(folder).expect("the append-only files can be deleted");
    }

    /// Bytes of the append-only file that is written now.
    pub fn aof_size(&self) -> u64 {
        std::fs::metadata(self.aof_file())
            .expect("the append-only file is there")
            .len()
    }

    /// Cuts the append-only file to `bytes`, as a crash of the whole machine
    /// would: what was written after it is lost. Kill before, restart after.
    ///
    /// # Panics
    /// When the server still runs, or was started without [`Options::aof`].
    pub fn truncate_aof(&mut self, bytes: u64) {
        assert!(
            self.child.try_status().is_some(),
            "kill the server before its file is cut short"
        );
        let file = std::fs::OpenOptions::new()
            .write(true)
            .open(self.aof_file())
            .expect("the append-only file can be opened");
        file.set_len(bytes)
            .expect("the append-only file can be cut");
    }

    /// Cuts a torn transaction off the end of the append-only file, as
    /// `redis-check-aof --fix` does. Without that Redis (seen with 7.0.15)
    /// forgets half a transaction at the next start, but leaves it in the file:
    /// the start after that carries it out.
    ///
    /// # Panics
    /// When the server was started without [`Options::aof`].
    pub fn mend_aof(&mut self) {
        let bytes = std::fs::read(self.aof_file()).expect("the append-only file can be read");
        let last = |command: &[u8]| {
            let mut windows = bytes.windows(command.len());
            windows.rposition(|window| window == command)
        };
        let (begun, ended) = (
            last(b"*1\r\n$5\r\nMULTI\r\n"),
            last(b"*1\r\n$4\r\nEXEC\r\n"),
        );
        if let Some(begun) = begun.filter(|begun| ended.is_none_or(|ended| ended < *begun)) {
            self.truncate_aof(begun as u64);
        }
    }

    fn aof_file(&self) -> PathBuf {
        let folder = self.folder.path().join("appendonlydir");
        let files = std::fs::read_dir(&folder).unwrap_or_else(|_| {
            panic!("no append-only file: start it with Redis::options().aof()")
        });
        files
            .map(|entry| entry.expect("the folder can be read").path())
            .find(|path| path.to_string_lossy().ends_with(".incr.aof"))
            .expect("an incremental append-only file is there")
    }

    /// Everything the server has logged.
    pub fn output(&self) -> String {
        self.child.output()
    }
}

async fn launch(options: &Options, folder: &Path, port: u16) -> Result<Child, String> {
    let mut command = Command::new(server());
    command.current_dir(folder);
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1"]);
    command.args(["--save", "", "--appendonly", "no", "--logfile", ""]);
    command.args([
        "--enable-debug-command",
        "local",
        "--maxmemory-policy",
        "noeviction",
    ]);
    // A replica need not wait for company.
    command.args(["--repl-diskless-sync-delay", "0"]);
    for (name, value) in &options.settings {
        command.arg(format!("--{name}")).args(value.split(' '));
    }
    let child = Child::spawn(&format!("redis-server {port}"), command);
    child
        .find_line(0, READY, |line| line.contains(READY).then_some(()))
        .await?;
    Ok(child)
}

/// Where the server is: `CAUSERIE_REDIS_SERVER`, what `./test` has fetched, the PATH.
pub(crate) fn server() -> PathBuf {
    if let Some(named) = std::env::var_os("CAUSERIE_REDIS_SERVER") {
        let named = PathBuf::from(named);
        assert!(
            named.is_file(),
            "CAUSERIE_REDIS_SERVER: there is no file {}",
            named.display()
        );
        return named;
    }
    let fetched = crate::target_dir().join("tools/bin/redis-server");
    if fetched.is_file() {
        return fetched;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join("redis-server"))
        .find(|candidate| candidate.is_file())
        .unwrap_or_else(|| {
            panic!("no redis-server here: run ./test once, which fetches one into target/tools")
        })
}
