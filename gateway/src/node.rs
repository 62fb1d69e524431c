//! A gateway's life: from its settings to its drain.

use std::sync::Arc;

use causerie_shared::admin::{Listener, listen};
use causerie_shared::bus::Bus;
use causerie_shared::bus::order::REMEMBERED_LONGER;
use causerie_shared::cli::Running;
use causerie_shared::config::{Settings, SettingsHandle};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::auth::{self, Auth, BadKeys, KeySetPace};
use crate::drain::drain;
use crate::gateway::Gateway;
use crate::http::Edge;
use crate::orders::Orders;
use crate::server::{Patience, serve};
use crate::status::Status;
use crate::tls::{self, Tls};

/// Reads the keys and certificates of `settings`, but fetches nothing; what an operator
/// should know of them, one sentence each.
///
/// # Errors
/// One sentence that names the key of the configuration that cannot be used.
pub fn check(settings: &Settings) -> anyhow::Result<Vec<String>> {
    auth::check(settings)?;
    Ok(tls::check(settings)?)
}

/// Serves clients until the process is told to end, and then sends them to
/// other nodes.
///
/// # Errors
/// One sentence: a port cannot be listened on, or a key or certificate cannot be read.
pub async fn run(running: Running, bus: Arc<dyn Bus>) -> anyhow::Result<()> {
    let Running {
        settings: handle,
        shutdown,
        readiness,
        health,
        pulse,
        operators,
    } = running;
    let websocket = handle.current().websocket.clone();
    let tls = Tls::new(&handle.current())?;
    let listener = listen(Listener::Public, websocket.bind, websocket.port)?;
    let address = listener.local_addr()?;
    if websocket.port == 0 {
        handle.public_port_is(address.port());
    }

    let settings = handle.current().clone();
    let plain_port = settings.tls.plain_port;
    let plain_listener = plain_port.map(|port| listen(Listener::Plain, websocket.bind, port));
    let plain_listener = plain_listener.transpose()?;
    let clock = bus.clock().clone();
    let auth = Arc::new(Auth::new(&settings, KeySetPace::default(), clock).await?);
    let gateway = Gateway::start(bus, (&*settings).into());
    let following = follow(handle.clone(), Arc::clone(&auth), Arc::clone(&gateway));
    let _following = AbortOnDropHandle::new(tokio::spawn(following));
    let renewing = tls.clone().map(|tls| tokio::spawn(renew(handle, tls)));
    let _renewing = renewing.map(AbortOnDropHandle::new);
    let kept = settings.auth.revocations_kept + REMEMBERED_LONGER;
    let mut orders = Orders::new(Arc::clone(&gateway), Arc::clone(&auth), kept);
    if shutdown.run_until_cancelled(orders.learn()).await.is_none() {
        return Ok(());
    }
    let _carrying_out = AbortOnDropHandle::new(tokio::spawn(orders.run()));
    let stop = CancellationToken::new();
    let (status, watch) = Status::new(Arc::clone(&gateway), pulse, &settings, stop.clone());
    let watching = tokio::spawn(watch.run());
    let edge = Edge::new(Arc::clone(&gateway), auth, status, &settings);
    operators.add(edge.admin_router());
    let router = edge.router(health, &settings);
    let patience = Patience {
        head: websocket.connection_timeout,
        unread: websocket.heartbeat_interval * 2,
    };
    let serving = TaskTracker::new();
    if let Some(listener) = plain_listener {
        events::listening_beside_tls(listener.local_addr()?);
        serving.spawn(serve(
            listener,
            router.clone(),
            patience,
            None,
            stop.clone(),
        ));
    }
    events::listening(address, tls.is_some(), websocket.demo_page);
    serving.spawn(serve(listener, router, patience, tls, stop.clone()));
    readiness.ready("start");

    shutdown.cancelled().await;
    readiness.not_ready("drain", "the node is about to end");
    drain(&gateway, websocket.drain_grace).await;
    stop.cancel();
    serving.close();
    serving.wait().await;
    // Fails only when the process ends.
    let _ = watching.await;
    gateway.stop().await;
    Ok(())
}

/// Takes over what changes of the settings.
async fn follow(mut handle: SettingsHandle, auth: Arc<Auth>, gateway: Arc<Gateway>) {
    loop {
        handle.changed().await;
        let settings = handle.current().clone();
        let read = {
            let settings = Arc::clone(&settings);
            // Lists of words take time.
            spawn_blocking(move || (&*settings).into())
        };
        // Fails only when the process ends.
        let Ok(read) = read.await else { return };
        // All of it is taken over, or nothing.
        match auth.reload(&settings).await {
            Ok(()) => gateway.set_settings(read),
            Err(error) => events::keys_not_taken_over(&error),
        }
    }
}

/// Takes over certificates that were renewed. Reading them takes time, and that of the
/// files' system nobody knows.
async fn renew(mut handle: SettingsHandle, tls: Arc<Tls>) {
    loop {
        handle.read_again().await;
        let (settings, tls) = (handle.current().clone(), Arc::clone(&tls));
        // Fails only when the process ends.
        let _ = spawn_blocking(move || tls.reload(&settings)).await;
    }
}

mod events {
    use std::net::SocketAddr;

    use super::BadKeys;

    /// Clients may come.
    pub(super) fn listening(address: SocketAddr, has_tls: bool, has_demo: bool) {
        let scheme = if has_tls { "https" } else { "http" };
        tracing::info!("listening on {scheme}://{address}");
        if has_demo {
            let shown = for_a_browser(address);
            tracing::info!("open {scheme}://{shown} in a browser");
        }
    }

    /// Clients may come without TLS too.
    pub(super) fn listening_beside_tls(address: SocketAddr) {
        tracing::info!("beside TLS, plain HTTP is taken on http://{address}");
    }

    /// `localhost` where that leads here.
    pub(super) fn for_a_browser(address: SocketAddr) -> String {
        let ip = address.ip();
        if ip.is_loopback() || ip.is_unspecified() {
            format!("localhost:{}", address.port())
        } else {
            address.to_string()
        }
    }

    /// A reload names keys that cannot be used: the old ones stay.
    pub(super) fn keys_not_taken_over(error: &BadKeys) {
        tracing::error!(%error, "keys, tenants and limits stay as they were");
        metrics::counter!("causerie_key_reload_errors_total").increment(1);
    }
}

#[cfg(test)]
mod tests {
    use super::events::for_a_browser;

    #[test]
    fn a_browser_is_sent_to_localhost_where_that_leads_here() {
        for (address, shown) in [
            ("127.0.0.1:8080", "localhost:8080"),
            ("[::]:8080", "localhost:8080"),
            ("192.0.2.7:8080", "192.0.2.7:8080"),
        ] {
            assert_eq!(for_a_browser(address.parse().unwrap()), shown);
        }
    }
}
