//! Redis behind TLS, with a certificate that only those trust who are told to, as the
//! user of an ACL.

use std::path::{Path, PathBuf};

use causerie_testkit::client::ws::Connect;
use causerie_testkit::port;
use causerie_testkit::process::Program;
use causerie_testkit::redis::Redis;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::json;
use tempfile::TempDir;

const CONFIG: &str = "
[auth]
jwt_secret = '0123456789abcdef0123456789abcdef'
[[tenants]]
id = 'acme'
hash = 'h-acme'
";

/// Writes a key and certificate for `localhost`, and the certificate of the
/// authority that signed it; the path of the latter.
fn certify(folder: &Path) -> PathBuf {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let authority_certificate = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = server.signed_by(&key, &issuer).unwrap();
    let path = |name: &str| folder.join(name);
    std::fs::write(path("redis.crt"), certificate.pem()).unwrap();
    std::fs::write(path("redis.key"), key.serialize_pem()).unwrap();
    std::fs::write(path("ca.crt"), authority_certificate.pem()).unwrap();
    path("ca.crt")
}

/// As the documentation makes it.
fn documented_user() -> Vec<&'static str> {
    let docs = include_str!("../../docs/redis.md");
    let line = docs.lines().find(|line| line.starts_with("ACL SETUSER"));
    line.unwrap().split(' ').collect()
}

#[tokio::test]
async fn redis_is_reached_over_tls_where_its_certificate_is_trusted() {
    let folder = TempDir::new().unwrap();
    let authority = certify(folder.path());
    let file = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let tls_port = port::free(&[]).to_string();
    let redis = Redis::options()
        .set("tls-port", &tls_port)
        .set("tls-cert-file", &file("redis.crt"))
        .set("tls-key-file", &file("redis.key"))
        .set("tls-auth-clients", "no")
        .start()
        .await;
    redis.command(&documented_user()).await;
    let url_with = |password: &str| format!("rediss://causerie:{password}@localhost:{tls_port}");
    let url = url_with("PASSWORD");

    let check_at = |url: &str| Program::broker().args(["--check"]).env("REDIS_URL", url);
    let check = || check_at(&url);
    let trusting = check()
        .env("SSL_CERT_FILE", authority.to_string_lossy())
        .run()
        .await;
    assert_eq!(trusting.code, Some(0), "{trusting:?}");
    assert!(trusting.output.contains("Redis answers"), "{trusting:?}");

    // What is heard comes over connections of its own.
    let trusted = |program: Program| {
        let program = program.config(CONFIG).env("REDIS_URL", &url);
        program.env("SSL_CERT_FILE", authority.to_string_lossy())
    };
    let token = trusted(Program::gateway()).args(["token", "--tenant", "acme", "--sub", "u1"]);
    let token = token.run().await.output;
    let gateway = trusted(Program::gateway()).start().await;
    let connect = Connect::to(&gateway.ws_url()).param("token", token.trim());
    let mut client = connect.open().await;
    let said = json!({"user_input": "Is anybody there?", "ai": false});
    client
        .send(json!({"action": "sendMessage", "data": said}))
        .await;
    client.expect_type("new_message").await;
    let clients = redis.command(&["CLIENT", "LIST"]).await;
    let clients = clients.text().to_owned();
    let count = |user: &str| clients.matches(&format!(" user={user} ")).count();
    // Who looks is another one.
    assert!(count("causerie") >= 2 && count("default") <= 1, "{clients}");

    let mistaken = check_at(&url_with("wrong"));
    let mistaken = mistaken.env("SSL_CERT_FILE", authority.to_string_lossy());
    let mistaken = mistaken.run().await;
    assert_eq!(mistaken.code, Some(1), "{mistaken:?}");
    assert!(mistaken.output.contains("WRONGPASS"), "{mistaken:?}");

    let distrusting = check().run().await;
    assert_eq!(distrusting.code, Some(1), "{distrusting:?}");
    assert!(distrusting.output.contains("REDIS_URL"), "{distrusting:?}");
    assert!(
        distrusting.output.contains("InvalidCertificate"),
        "{distrusting:?}"
    );
}
