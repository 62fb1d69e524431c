//! A gateway's life: from its settings to its drain.

use std::sync::Arc;

use causerie_shared::admin::listen;
use causerie_shared::bus::Bus;
use causerie_shared::cli::Running;
use causerie_shared::config::SettingsHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::auth::{Auth, BadKeys, KeySetPace};
use crate::drain::drain;
use crate::gateway::Gateway;
use crate::http::Edge;
use crate::orders::Orders;
use crate::server::{Patience, serve};

/// Serves clients until the process is told to end, and then sends them to
/// other nodes.
///
/// # Errors
/// One sentence: the port cannot be listened on, or a key cannot be read.
pub async fn run(running: Running, bus: Arc<dyn Bus>) -> anyhow::Result<()> {
    let Running {
        settings: handle,
        shutdown,
        readiness,
        health,
    } = running;
    let websocket = handle.current().websocket.clone();
    let listener = listen("websocket", websocket.bind, websocket.port)?;
    let address = listener.local_addr()?;
    if websocket.port == 0 {
        handle.public_port_is(address.port());
    }

    let settings = handle.current().clone();
    let clock = bus.clock().clone();
    let auth = Arc::new(Auth::new(&settings, KeySetPace::default(), clock).await?);
    let gateway = Gateway::start(bus, (&*settings).into());
    let following = follow(handle, Arc::clone(&auth), Arc::clone(&gateway));
    let _following = AbortOnDropHandle::new(tokio::spawn(following));
    let kept = settings.auth.revocations_kept;
    let mut orders = Orders::new(Arc::clone(&gateway), Arc::clone(&auth), kept);
    if shutdown.run_until_cancelled(orders.learn()).await.is_none() {
        return Ok(());
    }
    let _carrying_out = AbortOnDropHandle::new(tokio::spawn(orders.run()));
    let edge = Edge::new(Arc::clone(&gateway), auth, &settings);
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve(
        listener,
        edge.router(health, &settings),
        Patience {
            head: websocket.connection_timeout,
            unread: websocket.heartbeat_interval * 2,
        },
        stop.clone(),
    ));
    events::listening(address, websocket.demo_page);
    readiness.ready("start");

    shutdown.cancelled().await;
    readiness.not_ready("drain", "the node is about to end");
    drain(&gateway, websocket.drain_grace).await;
    stop.cancel();
    serving.await?;
    gateway.stop().await;
    Ok(())
}

/// Takes over what changes of the settings.
async fn follow(mut handle: SettingsHandle, auth: Arc<Auth>, gateway: Arc<Gateway>) {
    loop {
        handle.changed().await;
        let settings = handle.current().clone();
        gateway.set_settings((&*settings).into());
        if let Err(error) = auth.reload(&settings).await {
            events::keys_not_taken_over(&error);
        }
    }
}

mod events {
    use std::net::SocketAddr;

    use super::BadKeys;

    /// Clients may come.
    pub(super) fn listening(address: SocketAddr, has_demo: bool) {
        tracing::info!("listening on http://{address}");
        if has_demo {
            tracing::info!("open http://{} in a browser", for_a_browser(address));
        }
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
        tracing::error!(%error, "keys and tenants stay as they were");
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
