//! Files that cannot be used: one sentence each, that names the key.

use causerie_gateway::node;

use super::{Files, made_by_hand};
use crate::support::config::settings;

/// What is said of `[tls]` with these files.
fn said(certificate: &str, key: &str, more: &str) -> String {
    let toml = format!("[tls]\ncert_file = '{certificate}'\nkey_file = '{key}'\n{more}");
    let error = node::check(&settings(&toml)).unwrap_err();
    error.to_string()
}

#[test]
fn each_file_that_cannot_be_used_is_named_with_its_key() {
    let files = Files::new();
    let (certificate, key) = (files.path("server.crt"), files.path("server.key"));
    let (missing, empty) = (files.path("missing"), files.path("empty"));
    std::fs::write(&empty, "# nothing\n").unwrap();
    let damaged = files.path("damaged");
    let begin = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(&damaged, begin).unwrap();
    let by_hand = made_by_hand("localhost.crt");
    let ca = |file: &str| format!("client_ca_file = '{file}'");
    for (certificate, key, more, starts, says) in [
        (
            &missing,
            &key,
            "",
            "tls.cert_file is `",
            "cannot be read: No such file",
        ),
        (
            &empty,
            &key,
            "",
            "tls.cert_file is `",
            "holds no certificate in PEM",
        ),
        (
            &damaged,
            &key,
            "",
            "tls.cert_file is `",
            "whose certificate cannot be used: ",
        ),
        (
            &certificate,
            &missing,
            "",
            "tls.key_file is `",
            "cannot be read: No such file",
        ),
        (
            &certificate,
            &certificate,
            "",
            "tls.key_file is `",
            "holds no private key in PEM",
        ),
        (
            &by_hand,
            &key,
            "",
            "the key in `",
            "(tls.key_file) is not that of the first certificate",
        ),
        (
            &certificate,
            &key,
            &ca(&missing),
            "tls.client_ca_file is `",
            "cannot be read",
        ),
        (
            &certificate,
            &key,
            &ca(&empty),
            "tls.client_ca_file is `",
            "holds no certificate in PEM",
        ),
        (
            &certificate,
            &key,
            &ca(&damaged),
            "tls.client_ca_file is `",
            "cannot be used: ",
        ),
    ] {
        let sentence = said(certificate, key, more);
        assert!(
            sentence.starts_with(starts) && sentence.contains(says),
            "{sentence}"
        );
        assert_eq!(sentence.lines().count(), 1, "{sentence}");
    }
}

#[test]
fn an_encrypted_key_that_cannot_be_opened_says_what_is_missing() {
    let certificate = made_by_hand("localhost.crt");
    for (key, passphrase, says) in [
        (
            "pbkdf2.key",
            "",
            "set tls.key_passphrase (TLS_KEY_PASSPHRASE)",
        ),
        (
            "pbkdf2.key",
            "open sesame",
            "tls.key_passphrase does not open the key in `",
        ),
        (
            "scrypt.key",
            "open sesame",
            "tls.key_passphrase does not open the key in `",
        ),
        (
            "des3.key",
            "open-sesame",
            "openssl pkcs8 -topk8 -v2 aes-256-cbc",
        ),
        (
            "before-pkcs8.key",
            "open-sesame",
            "openssl pkcs8 -topk8 -v2 aes-256-cbc",
        ),
    ] {
        let more = match passphrase {
            "" => String::new(),
            given => format!("key_passphrase = '{given}'"),
        };
        let sentence = said(&certificate, &made_by_hand(key), &more);
        assert!(sentence.contains(says), "{key}: {sentence}");
        assert!(!sentence.contains("sesame"), "{sentence}");
    }
}

#[test]
fn what_will_not_be_believed_is_warned_of() {
    let files = Files::new();
    let warnings = |more: &str| node::check(&settings(&(files.toml() + more))).unwrap();
    assert_eq!(warnings(""), [""; 0]);
    let [warning] = &*warnings("key_passphrase = 'open-sesame'") else {
        panic!("one warning");
    };
    assert!(
        warning.ends_with("(tls.key_file) is not encrypted"),
        "{warning}"
    );
    for (year, says) in [(2020, "has expired"), (2049, ""), (2050, "")] {
        files.put(&files.authority.certify_until("127.0.0.1", year));
        let warnings = warnings("").join("\n");
        assert!(warnings.contains(says), "{year}: {warnings}");
        assert_eq!(warnings.is_empty(), says.is_empty(), "{year}: {warnings}");
    }
}
