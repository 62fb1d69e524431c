//! `health`: asks the running program whether it is ready.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::config::Admin;

const PATIENCE: Duration = Duration::from_secs(5);

/// Answers what the admin listener that `admin` describes says of itself.
pub(super) async fn ask(admin: &Admin) -> anyhow::Result<String> {
    ensure!(
        admin.enabled,
        "admin.enabled is false, so there is nobody to ask"
    );
    ensure!(
        admin.port != 0,
        "admin.port is 0, so nobody knows which port to ask: set it (ADMIN_PORT)"
    );
    let address = SocketAddr::new(reachable(admin.bind), admin.port);
    let answer = tokio::time::timeout(PATIENCE, get_ready(address))
        .await
        .with_context(|| format!("no answer from {address} within {} s", PATIENCE.as_secs()))?
        .with_context(|| format!("no answer from {address}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1);
    if status != Some("200") {
        bail!("{}", body.trim());
    }
    Ok(body.trim().to_owned())
}

/// Where to reach a listener on this address from the same machine.
fn reachable(bind: IpAddr) -> IpAddr {
    match bind {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        IpAddr::V4(_) | IpAddr::V6(_) => bind,
    }
}

async fn get_ready(address: SocketAddr) -> std::io::Result<String> {
    // HTTP/1.0: no chunks, and the end of the answer is the end of the stream.
    const MOST: u64 = 64 << 10;
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(b"GET /health/ready HTTP/1.0\r\nhost: localhost\r\n\r\n")
        .await?;
    let mut answer = String::new();
    stream.take(MOST).read_to_string(&mut answer).await?;
    Ok(answer)
}
