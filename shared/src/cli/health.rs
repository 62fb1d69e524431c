//! `health`: asks the running program whether it is ready.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::config::{Admin, Program};

const PATIENCE: Duration = Duration::from_secs(5);

/// Answers what `program` says of itself on the admin listener that `admin` describes.
///
/// # Errors
/// One sentence: the program is not ready, nobody answers, or somebody else does.
pub(super) async fn ask(program: Program, admin: &Admin) -> anyhow::Result<String> {
    ensure!(
        admin.enabled,
        "admin.enabled is false, so there is nobody to ask"
    );
    ensure!(
        admin.port != 0,
        "admin.port is 0, so nobody knows which port to ask: set it (ADMIN_PORT)"
    );
    let address = SocketAddr::new(reachable(admin.bind), admin.port);
    let mut answer = Vec::new();
    let asked = tokio::time::timeout(PATIENCE, get_health(address, &mut answer)).await;
    // Many a stranger says something, and then waits, or resets the connection.
    if answer.is_empty() {
        asked
            .with_context(|| format!("no answer from {address} within {} s", PATIENCE.as_secs()))?
            .with_context(|| format!("no answer from {address}"))?;
    }
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    check_who_answers(program, address, head, body)?;
    let status = head.split(' ').nth(1);
    if status != Some("200") {
        bail!("{}", body.trim());
    }
    Ok(body.trim().to_owned())
}

/// Anything may listen at that port: another program's answer says nothing of `program`.
fn check_who_answers(
    program: Program,
    address: SocketAddr,
    head: &str,
    body: &str,
) -> anyhow::Result<()> {
    let answer: Option<Answer> = serde_json::from_str(body).ok();
    let named = answer.and_then(|answer| {
        let mut programs = Program::ALL.into_iter();
        programs.find(|program| program.name() == answer.program)
    });
    let name = program.name();
    match named {
        Some(named) if named == program => Ok(()),
        Some(named) => bail!(
            "{} answers at {address}, and not {name}: set admin.port (ADMIN_PORT) to {name}'s",
            named.name()
        ),
        None => bail!(
            "what answers at {address} is no {name}: it says `{}`; set admin.port (ADMIN_PORT) \
             to {name}'s",
            shown(head)
        ),
    }
}

/// What `/health` says of who answers.
#[derive(Deserialize)]
struct Answer {
    program: String,
}

/// The first line of what a stranger says, as far as it can be shown.
fn shown(answer: &str) -> String {
    const MOST: usize = 60;
    let line = answer.lines().next().unwrap_or_default();
    let printable = line.chars().filter(|c| !c.is_control());
    printable.take(MOST).collect()
}

/// Where to reach a listener on this address from the same machine.
fn reachable(bind: IpAddr) -> IpAddr {
    match bind {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        IpAddr::V4(_) | IpAddr::V6(_) => bind,
    }
}

/// Asks, and reads into `answer` until the end; what has come stays there where this is given
/// up before.
async fn get_health(address: SocketAddr, answer: &mut Vec<u8>) -> std::io::Result<()> {
    // HTTP/1.0: no chunks, and the end of the answer is the end of the stream.
    const MOST: u64 = 64 << 10;
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(b"GET /health HTTP/1.0\r\nhost: localhost\r\n\r\n")
        .await?;
    let mut stream = stream.take(MOST);
    while stream.read_buf(answer).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::config::{Loader, Sources};

    /// What becomes of the connection after that.
    #[derive(Clone, Copy)]
    enum Then {
        Ends,
        StaysOpen,
    }

    /// What `causerie-broker health` says where `answer` is all that comes, and then the
    /// connection ends.
    async fn said(answer: &'static str) -> (SocketAddr, anyhow::Result<String>) {
        said_by(answer, Then::Ends).await
    }

    async fn said_by(answer: &'static str, then: Then) -> (SocketAddr, anyhow::Result<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let set = vec![
            format!("admin.port={}", address.port()),
            "redis.url=redis://127.0.0.1:1".to_owned(),
        ];
        let sources = Sources {
            set,
            ..Sources::default()
        };
        let settings = Loader::new(Program::Broker, sources)
            .unwrap()
            .load()
            .unwrap();
        let answering = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = [0; 256];
            assert!(stream.read(&mut asked).await.unwrap() > 0);
            stream.write_all(answer.as_bytes()).await.unwrap();
            match then {
                Then::Ends => None,
                Then::StaysOpen => Some(stream),
            }
        };
        let (said, _stream) = tokio::join!(ask(Program::Broker, &settings.admin), answering);
        (address, said)
    }

    #[tokio::test]
    async fn the_program_itself_is_believed() {
        let body = r#"{"program":"causerie-broker","status":"ready"}"#;
        let (_, said) =
            said("HTTP/1.0 200 OK\r\n\r\n{\"program\":\"causerie-broker\",\"status\":\"ready\"}\n")
                .await;
        assert_eq!(said.unwrap(), body);
    }

    #[tokio::test]
    async fn one_that_is_not_ready_says_why() {
        let (_, said) =
            said("HTTP/1.0 503 X\r\n\r\n{\"program\":\"causerie-broker\",\"status\":\"x\"}").await;
        let error = said.unwrap_err().to_string();
        assert!(error.starts_with('{'), "{error}");
    }

    #[tokio::test]
    async fn another_causerie_is_named() {
        let (address, said) =
            said("HTTP/1.0 200 OK\r\n\r\n{\"program\":\"causerie-gateway\"}").await;
        assert_eq!(
            said.unwrap_err().to_string(),
            format!(
                "causerie-gateway answers at {address}, and not causerie-broker: \
                 set admin.port (ADMIN_PORT) to causerie-broker's"
            )
        );
    }

    #[tokio::test]
    async fn what_is_no_causerie_is_shown() {
        for (answer, shown) in [
            (
                "HTTP/1.0 200 OK\r\n\r\n{\"status\":\"ready\"}",
                "HTTP/1.0 200 OK",
            ),
            (
                "HTTP/1.0 200 OK\r\n\r\n{\"program\":\"x\"}",
                "HTTP/1.0 200 OK",
            ),
            (
                "HTTP/1.1 404 Not Found\r\n\r\n<html>",
                "HTTP/1.1 404 Not Found",
            ),
            ("-ERR \u{1b}[31mwrong\r\n", "-ERR [31mwrong"),
            ("", ""),
        ] {
            let (address, said) = said(answer).await;
            assert_eq!(
                said.unwrap_err().to_string(),
                format!(
                    "what answers at {address} is no causerie-broker: it says `{shown}`; \
                     set admin.port (ADMIN_PORT) to causerie-broker's"
                ),
                "{answer}"
            );
        }
    }

    /// That takes as long as an answer is waited for.
    #[tokio::test]
    async fn what_has_come_counts_though_the_connection_stays_open() {
        let ready = "HTTP/1.1 200 OK\r\n\r\n{\"program\":\"causerie-broker\"}";
        let (banner, page, ready, silence) = tokio::join!(
            said_by("SSH-2.0-OpenSSH_9.2p1\r\n", Then::StaysOpen),
            said_by("HTTP/1.1 200 OK\r\n\r\n<html>", Then::StaysOpen),
            said_by(ready, Then::StaysOpen),
            said_by("", Then::StaysOpen),
        );
        for ((address, said), shown) in
            [(banner, "SSH-2.0-OpenSSH_9.2p1"), (page, "HTTP/1.1 200 OK")]
        {
            let error = said.unwrap_err().to_string();
            let begin =
                format!("what answers at {address} is no causerie-broker: it says `{shown}`");
            assert!(error.starts_with(&begin), "{error}");
        }
        assert_eq!(ready.1.unwrap(), r#"{"program":"causerie-broker"}"#);
        let (address, said) = silence;
        let error = said.unwrap_err().to_string();
        assert_eq!(error, format!("no answer from {address} within 5 s"));
    }
}
