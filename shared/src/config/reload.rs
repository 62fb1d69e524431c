//! Takes over a changed file while the program runs.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::error::ConfigError;
use super::events;
use super::load::Loader;
use super::section::Section;
use super::sections::{Settings, Telemetry, Websocket};
use super::tls::Tls;

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// For how long a changed file must have stayed the same.
const SETTLE: Duration = Duration::from_millis(100);

/// Whether a change of this key is taken over while the program runs.
///
/// [`take_over`] is the other half of this.
pub(super) fn is_reloadable(key: &str) -> bool {
    matches!(key, "websocket.cors_origins" | "telemetry.log_level")
        || ["filter.", "limits.", "rollout.", "tenants"]
            .iter()
            .any(|section| key.starts_with(section))
        || key.starts_with("tls.") && key != "tls.plain_port"
}

/// The old settings, with those of the new that need no restart.
fn take_over(old: &Settings, new: &Settings) -> Settings {
    Settings {
        tenants: new.tenants.clone(),
        limits: new.limits.clone(),
        filter: new.filter.clone(),
        rollout: new.rollout.clone(),
        tls: take_over_tls(&old.tls, &new.tls),
        websocket: Websocket {
            cors_origins: new.websocket.cors_origins.clone(),
            ..old.websocket.clone()
        },
        telemetry: Telemetry {
            log_level: new.telemetry.log_level.clone(),
            ..old.telemetry.clone()
        },
        ..old.clone()
    }
}

/// Clients of a port that takes TLS speak nothing else to it, so that is neither
/// begun nor ended while the program runs.
fn take_over_tls(old: &Tls, new: &Tls) -> Tls {
    if old.is_enabled() != new.is_enabled() {
        return old.clone();
    }
    Tls {
        plain_port: old.plain_port,
        ..new.clone()
    }
}

/// The settings in effect, shared by all parts of a program. Cheap to clone.
#[derive(Clone)]
pub struct SettingsHandle {
    shared: Arc<Shared>,
    changed: watch::Receiver<()>,
    read_again: watch::Receiver<()>,
}

struct Shared {
    loader: Loader,
    current: ArcSwap<Settings>,
    changed: watch::Sender<()>,
    read_again: watch::Sender<()>,
}

impl SettingsHandle {
    /// Reads the settings for the first time.
    ///
    /// # Errors
    /// [`ConfigError`]: the first thing that is wrong.
    pub fn load(loader: Loader) -> Result<Self, ConfigError> {
        let current = ArcSwap::from_pointee(loader.load()?);
        let (changed_sender, changed) = watch::channel(());
        let (read_again_sender, read_again) = watch::channel(());
        let shared = Arc::new(Shared {
            loader,
            current,
            changed: changed_sender,
            read_again: read_again_sender,
        });
        Ok(Self {
            shared,
            changed,
            read_again,
        })
    }

    /// The settings as they are now; do not hold on to them. Costs no lock.
    pub fn current(&self) -> arc_swap::Guard<Arc<Settings>> {
        self.shared.current.load()
    }

    /// Waits until other settings were taken over since this was last awaited
    /// on this handle. Never returns when the program has stopped looking.
    pub async fn changed(&mut self) {
        if self.changed.changed().await.is_err() {
            std::future::pending().await
        }
    }

    /// Waits until everything was read again since this was last awaited on this
    /// handle, whether or not a key changed: for those who keep what stands in a
    /// file that a key names. Never returns when the program has stopped looking.
    pub async fn read_again(&mut self) {
        if self.read_again.changed().await.is_err() {
            std::future::pending().await
        }
    }

    /// Where the settings come from.
    pub fn loader(&self) -> &Loader {
        &self.shared.loader
    }

    /// Tells the port that `websocket.port = 0` became, which the origins of
    /// the demo tenant name.
    pub fn public_port_is(&self, port: u16) {
        self.shared.loader.public_port_is(port);
        self.reload();
    }

    /// Reads everything again. What is wrong is logged and counted, and the old
    /// settings stay.
    pub fn reload(&self) {
        match self.shared.loader.load() {
            Ok(new) => self.accept(&new),
            Err(error) => events::reload_failed(&error),
        }
    }

    fn accept(&self, new: &Settings) {
        let old = self.current();
        let next = take_over(&old, new);
        let (mut taken, mut left) = (Vec::new(), Vec::new());
        old.differences(&next, "", &mut taken);
        next.differences(new, "", &mut left);
        events::reloaded(&taken);
        if !left.is_empty() {
            events::restart_needed(&left);
        }
        let known = self.loader().warnings(&old);
        let warnings = self.loader().warnings(&next).into_iter();
        for warning in warnings.filter(|warning| !known.contains(warning)) {
            events::warned(&warning);
        }
        if !taken.is_empty() {
            self.shared.current.store(Arc::new(next));
            self.shared.changed.send_replace(());
        }
        self.shared.read_again.send_replace(());
    }
}

/// Reads the settings again whenever the file or one that `[tls]` names changes
/// and on SIGHUP, until `stop`.
///
/// The files' contents are compared, not their times: two changes may share a time,
/// and a mounted file may be swapped for one that is older.
///
/// # Errors
/// Where SIGHUP cannot be listened for.
pub fn watch(
    handle: SettingsHandle,
    stop: CancellationToken,
) -> std::io::Result<impl Future<Output = ()>> {
    events::begin_at_zero();
    // At once, for an unheard SIGHUP would end the process.
    let hangups = signal(SignalKind::hangup())?;
    Ok(run(handle, hangups, stop))
}

async fn run(handle: SettingsHandle, mut hangups: Signal, stop: CancellationToken) {
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let asked = tokio::select! {
            () = stop.cancelled() => return,
            _ = hangups.recv() => true,
            _ = look.tick() => false,
        };
        if asked || has_changed(&handle).await {
            let handle = handle.clone();
            // Fails only when the process ends.
            let _ = tokio::task::spawn_blocking(move || handle.reload()).await;
        }
    }
}

/// Whether a file is another, and is not being written right now: an editor
/// empties it first, and an empty file is a good one without tenants.
async fn has_changed(handle: &SettingsHandle) -> bool {
    let seen = fingerprint(handle).await;
    if seen == Some(handle.loader().loaded_fingerprint()) {
        return false;
    }
    tokio::time::sleep(SETTLE).await;
    seen == fingerprint(handle).await
}

async fn fingerprint(handle: &SettingsHandle) -> Option<u64> {
    let handle = handle.clone();
    let read = tokio::task::spawn_blocking(move || handle.loader().fingerprint());
    read.await.ok()
}
