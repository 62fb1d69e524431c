//! From checked settings to a running program, and its end.

use std::collections::BTreeMap;
use std::future::Future;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::Refusal;
use super::open_files;
use crate::admin::{self, Added, Health, Listener, Readiness};
use crate::config::{self, LogFormat, Settings, SettingsHandle};
use crate::status::Pulse;
use crate::telemetry::{self, Telemetry};

/// What a program's main gets.
pub struct Running {
    /// The settings in effect. They follow the file while the program runs.
    pub settings: SettingsHandle,
    /// Tripped by SIGTERM and SIGINT: time to drain and return. A second signal
    /// ends the process at once.
    pub shutdown: CancellationToken,
    /// Shown at `/health/ready`. Call `ready("start")` when clients may come.
    pub readiness: Readiness,
    /// For a public port that answers `/health` too.
    pub health: Health,
    /// Makes what this program shows to all others.
    pub pulse: Pulse,
    /// What is to stand on the listener for operators beside health and metrics.
    pub operators: Added,
}

/// Runs `main` with logs, metrics, the admin listener and signals around it.
pub(super) async fn run<F, Fut>(handle: SettingsHandle, main: F) -> Result<(), Refusal>
where
    F: FnOnce(Running) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    let settings = handle.current().clone();
    let telemetry = telemetry::init(&settings, handle.loader().program().name())
        .map_err(|error| Refusal::Failed(error.to_string()))?;
    // A panic ends here too.
    let _last_lines = LastLines;
    log_start(&handle, &settings, telemetry.format());
    run_logged(handle, &settings, telemetry, main)
        .await
        .map_err(|error| {
            events::failed(&error);
            Refusal::Logged
        })
}

/// Waits, when dropped, until what was logged is written.
struct LastLines;

impl Drop for LastLines {
    fn drop(&mut self) {
        telemetry::flush();
    }
}

async fn run_logged<F, Fut>(
    handle: SettingsHandle,
    settings: &Settings,
    telemetry: Telemetry,
    main: F,
) -> anyhow::Result<()>
where
    F: FnOnce(Running) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    let program = handle.loader().program();
    if let Some(warning) = open_files::warning(handle.loader(), settings) {
        events::too_few_open_files(&warning);
    }
    let shutdown = CancellationToken::new();
    tokio::spawn(trip_on_signals(
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
        shutdown.clone(),
    ));
    let over = CancellationToken::new();
    let _over = over.clone().drop_guard();
    tokio::spawn(config::watch(handle.clone(), over.clone())?);
    tokio::spawn(telemetry.metrics().run_upkeep());
    tokio::spawn(telemetry::watch_event_loop());

    let readiness = Readiness::starting();
    let health = Health::new(program, &settings.node.name, readiness.clone());
    let operators = Added::default();
    if settings.admin.enabled {
        let listener = admin::listen(Listener::Admin, settings.admin.bind, settings.admin.port)?;
        events::admin_listens(listener.local_addr()?);
        let router = admin::router(health.clone(), telemetry.metrics(), operators.clone());
        tokio::spawn(admin::serve(listener, router, over));
    }
    let last_spans = telemetry.last_spans();
    let metrics = telemetry.metrics();
    let pulse = Pulse::new(settings, program, move || metrics.render());
    tokio::spawn(follow_log_level(handle.clone(), telemetry));
    let running = Running {
        settings: handle,
        shutdown,
        readiness,
        health,
        pulse,
        operators,
    };
    let ended = main(running).await;
    last_spans.send().await;
    ended?;
    events::ended();
    Ok(())
}

fn log_start(handle: &SettingsHandle, settings: &Settings, format: LogFormat) {
    let loader = handle.loader();
    for warning in loader.warnings(settings) {
        events::config_warning(&warning);
    }
    // A person sees what was set, a log archive everything.
    let shown = match format {
        LogFormat::Json => settings.to_toml(),
        LogFormat::Auto | LogFormat::Pretty => on_one_line(&loader.changes(settings)),
    };
    events::started(loader.program().name(), &settings.node.name, &shown);
}

fn on_one_line(settings: &BTreeMap<String, toml::Value>) -> String {
    let each = settings
        .iter()
        .map(|(key, value)| format!("{key} = {value}"));
    each.collect::<Vec<_>>().join(", ")
}

async fn follow_log_level(mut handle: SettingsHandle, telemetry: Telemetry) {
    let mut level = handle.current().telemetry.log_level.clone();
    loop {
        handle.changed().await;
        let wanted = handle.current().telemetry.log_level.clone();
        if wanted != level {
            telemetry.set_log_level(&wanted);
            level = wanted;
        }
    }
}

async fn trip_on_signals(
    mut terminate: Signal,
    mut interrupt: Signal,
    shutdown: CancellationToken,
) {
    for first in [true, false] {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        if first {
            events::asked_to_end(name);
            shutdown.cancel();
        }
    }
    events::ends_at_once();
    telemetry::flush();
    // The operator has asked twice: no destructor is worth waiting for.
    std::process::exit(130);
}

mod events {
    use std::net::SocketAddr;

    use tracing::{error, info, warn};

    pub(super) fn config_warning(sentence: &str) {
        warn!("{sentence}");
    }

    pub(super) fn started(program: &str, node: &str, settings: &str) {
        metrics::gauge!(
            "causerie_info",
            "program" => program.to_owned(),
            "node" => node.to_owned(),
            "version" => env!("CARGO_PKG_VERSION"),
        )
        .set(1.0);
        info!(
            program,
            version = env!("CARGO_PKG_VERSION"),
            settings,
            "starting"
        );
    }

    pub(super) fn too_few_open_files(sentence: &str) {
        warn!("{sentence}");
    }

    pub(super) fn admin_listens(address: SocketAddr) {
        info!("admin listening on http://{address}");
    }

    pub(super) fn asked_to_end(signal: &str) {
        info!(signal, "ending; a second signal ends at once");
    }

    pub(super) fn ends_at_once() {
        warn!("second signal: ending at once");
    }

    pub(super) fn ended() {
        info!("ended");
    }

    pub(super) fn failed(error: &anyhow::Error) {
        error!("{error:#}");
    }
}
