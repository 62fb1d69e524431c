//! What changes while the program runs.

use super::*;

#[test]
fn without_tenants_standalone_has_a_demo_for_its_own_address() {
    let start = Start::standalone("websocket.port = 0");
    let handle = SettingsHandle::load(start.loader().unwrap()).unwrap();
    let before = handle.current().auth.visitor_secret.clone();
    handle.public_port_is(4321);
    let settings = handle.current();
    let [demo] = settings.tenants.as_slice() else {
        panic!("{:?}", settings.tenants);
    };
    assert_eq!(
        (demo.id.as_str(), demo.hash.as_str(), demo.visitors),
        ("demo", "demo", true)
    );
    let origins: Vec<_> = demo.origins.iter().map(Origin::as_str).collect();
    assert_eq!(origins, ["http://localhost:4321", "http://127.0.0.1:4321"]);
    assert_eq!(settings.websocket.bind.to_string(), "127.0.0.1");
    assert!(before.is_some() && before == settings.auth.visitor_secret);
}

#[test]
fn a_reload_takes_over_what_the_reference_says_and_nothing_else() {
    let start = Start::standalone(TENANT);
    let handle = SettingsHandle::load(start.loader().unwrap()).unwrap();
    let old = handle.current().clone();
    let changed = format!(
        "websocket.port = 9999\nwebsocket.cors_origins = ['https://n.example']\n\
         limits.dedup_window = '1h'\ntelemetry.log_level = 'debug'\nfilter.flag = ['odd']\nrollout.percentage = 10\nai.retries = 5\n{}",
        TENANT.replace("acme", "other")
    );
    std::fs::write(start.file(), changed).unwrap();
    handle.reload();
    let new = handle.current().clone();
    let mut differences = Vec::new();
    old.differences(&new, "", &mut differences);
    assert!(
        differences.iter().all(|key| reload::is_reloadable(key)),
        "{differences:?}"
    );
    assert_eq!(differences.len(), 6, "{differences:?}");
    assert_eq!(new.tenants[0].id.as_str(), "other");

    for bad in ["limits.dedup_window = 'soon'", "filter.flag = ['*']"] {
        std::fs::write(start.file(), bad).unwrap();
        handle.reload();
        assert_eq!(**handle.current(), *new, "a bad file keeps the old values");
    }
    std::fs::remove_file(start.file()).unwrap();
    handle.reload();
    assert_eq!(**handle.current(), *new, "so does a file that has gone");
}

/// Who listens for TLS goes on with it, and who does not goes on without.
#[test]
fn tls_is_neither_begun_nor_ended_by_a_reload() {
    let files = |name: &str| format!("tls.cert_file = '{name}.crt'\ntls.key_file = '{name}.key'\n");
    for (before, after, taken) in [
        (files("a"), files("b"), 2),
        (
            files("a"),
            format!("{}tls.min_version = '1.2'\n", files("a")),
            1,
        ),
        (files("a"), format!("{}tls.plain_port = 0\n", files("a")), 0),
        (files("a"), String::new(), 0),
        (String::new(), files("a"), 0),
    ] {
        let start = Start::standalone(&format!("{before}{TENANT}"));
        let handle = SettingsHandle::load(start.loader().unwrap()).unwrap();
        let old = handle.current().clone();
        std::fs::write(start.file(), format!("{after}{TENANT}")).unwrap();
        handle.reload();
        let mut differences = Vec::new();
        old.differences(&handle.current(), "", &mut differences);
        assert_eq!(differences.len(), taken, "{before}{after}{differences:?}");
        assert!(differences.iter().all(|key| reload::is_reloadable(key)));
    }
}

#[tokio::test]
async fn a_changed_certificate_is_noticed_though_its_name_is_the_same() {
    let start = Start::standalone(TENANT);
    let folder = start.dir.path().display().to_string();
    let start = ["cert", "key"].iter().fold(start, |start, kind| {
        std::fs::write(format!("{folder}/{kind}"), "first").unwrap();
        start.set(&format!("tls.{kind}_file={folder}/{kind}"))
    });
    let mut handle = SettingsHandle::load(start.loader().unwrap()).unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let watching = tokio::spawn(watch(handle.clone(), stop.clone()).unwrap());
    for text in ["second", "third"] {
        std::fs::write(format!("{folder}/key"), text).unwrap();
        tokio::time::timeout(Duration::from_secs(10), handle.read_again())
            .await
            .unwrap_or_else(|_| panic!("{text} was not noticed"));
    }
    stop.cancel();
    watching.await.unwrap();
}

#[tokio::test]
async fn a_changed_file_is_noticed() {
    let start = Start::standalone(TENANT);
    let mut handle = SettingsHandle::load(start.loader().unwrap()).unwrap();
    // A change between the first read and the watch is not missed either.
    std::fs::write(start.file(), TENANT.replace("acme", "other")).unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let watching = tokio::spawn(watch(handle.clone(), stop.clone()).unwrap());
    for id in ["other", "third"] {
        std::fs::write(start.file(), TENANT.replace("acme", id)).unwrap();
        tokio::time::timeout(Duration::from_secs(10), async {
            while handle.current().tenants[0].id.as_str() != id {
                handle.changed().await;
            }
        })
        .await
        .unwrap_or_else(|_| panic!("{id} was not taken over"));
    }
    stop.cancel();
    watching.await.unwrap();
}
