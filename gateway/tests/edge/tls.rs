//! TLS on the public port: who comes in over it, and who does not.

mod clients;
mod files;
mod reloading;

use std::path::Path;
use std::sync::Arc;

use causerie_testkit::certificates::{Authority, Certified, Trust};
use causerie_testkit::client::ws::{Client, Connect};
use rustls::ClientConfig;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::node::{Node, token};

/// A server's certificate and key in files, and who signed it.
struct Files {
    folder: TempDir,
    authority: Authority,
}

impl Files {
    fn new() -> Self {
        let files = Self {
            folder: tempfile::tempdir().unwrap(),
            authority: Authority::new(),
        };
        files.put(&files.authority.certify("127.0.0.1"));
        files
    }

    fn put(&self, certified: &Certified) {
        std::fs::write(self.path("server.key"), &certified.key).unwrap();
        std::fs::write(self.path("server.crt"), &certified.certificate).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// `[tls]` with them.
    fn toml(&self) -> String {
        let (certificate, key) = (self.path("server.crt"), self.path("server.key"));
        format!("[tls]\ncert_file = '{certificate}'\nkey_file = '{key}'\n")
    }

    fn trust(&self) -> Trust {
        Trust::in_authority(&self.authority)
    }
}

/// One that was made by hand; its key is there in several encryptions, all opened by
/// `open-sesame`:
/// `openssl pkcs8 -topk8 -v2 aes-256-cbc`, `-scrypt`, `-v2 des3`, `openssl ec -aes256`.
fn made_by_hand(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates");
    folder.join(name).to_str().unwrap().to_owned()
}

/// A client that has come in.
async fn come_in(node: &Node, trust: Trust) -> Client {
    let connect = Connect::to(&node.ws()).param("token", &token(json!({})));
    let mut client = connect.over_tls(&trust.config()).open().await;
    client.expect_type("ready").await;
    client
}

/// As far as a client of TLS comes without saying anything.
async fn shake_hands(
    node: &Node,
    config: Arc<ClientConfig>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(node.address()).await?;
    let name = "127.0.0.1".try_into().unwrap();
    TlsConnector::from(config).connect(name, stream).await
}
