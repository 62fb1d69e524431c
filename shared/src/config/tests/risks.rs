//! What is allowed and dangerous, and that nothing is said of what is not.

use super::*;

const TOKENS: &str = "auth.jwt_secret = '5f0c1d7a93e24b68a1c3e5f70911b2d4'\n\
                      auth.visitor_secret = 'c2d4e8f1a0b3957688e1d2c3b4a59607'\n";

fn warnings(program: Program, file: &str) -> Vec<String> {
    let start = Start::new(program, file);
    let loader = start.loader().unwrap();
    loader.warnings(&loader.load().unwrap())
}

/// Of a gateway that has all it needs, and `more`.
fn of_gateway(bind: &str, redis: &str, more: &str) -> Vec<String> {
    let file = format!(
        "websocket.bind = '{bind}'\nredis.url = '{redis}'\n{TOKENS}{more}\n{TENANT}visitors = true\n\
         origins = ['https://acme.example']"
    );
    warnings(Program::Gateway, &file)
}

#[track_caller]
fn is_told(warnings: Vec<String>, begins: &str, says: &str) {
    let [warning] = warnings.try_into().unwrap();
    assert!(
        warning.starts_with(begins) && warning.contains(says),
        "{warning}"
    );
}

#[test]
fn plain_http_in_public_is_warned_of() {
    let redis = "redis://localhost";
    for bind in ["0.0.0.0", "::", "203.0.113.7", "2001:db8::1", "100.128.0.1"] {
        let begins = format!("websocket.bind (WEBSOCKET_BIND) is {bind} and nothing encrypts");
        is_told(of_gateway(bind, redis, ""), &begins, "set tls.cert_file");
        let behind_a_proxy = "auth.trusted_proxies = ['10.0.0.0/8']";
        assert_eq!(of_gateway(bind, redis, behind_a_proxy), [""; 0]);
    }
    for bind in [
        "127.0.0.1",
        "::1",
        "10.1.2.3",
        "192.168.0.9",
        "100.64.0.1",
        "fd00::1",
        "::ffff:10.0.0.1",
    ] {
        assert_eq!(of_gateway(bind, redis, ""), [""; 0], "{bind}");
    }
    let with_tls = "tls.cert_file = 'c.pem'\ntls.key_file = 'k.pem'";
    assert_eq!(of_gateway("0.0.0.0", redis, with_tls), [""; 0]);
    let broker = format!("websocket.bind = '0.0.0.0'\n{REDIS}{TENANT}");
    assert_eq!(warnings(Program::Broker, &broker), [""; 0]);
}

#[test]
fn an_open_redis_is_warned_of() {
    for (url, host) in [
        ("redis://redis:6379", "redis"),
        ("rediss://cache.example", "cache.example"),
        ("redis://user@10.0.0.5", "10.0.0.5"),
        ("redis-cluster://127.0.0.1:1?node=10.0.0.6:2", "10.0.0.6"),
    ] {
        let says = format!("no password for {host}: ");
        let begins = "redis.url (REDIS_URL) has no password";
        is_told(of_gateway("::1", url, ""), begins, &says);
        let broker = warnings(Program::Broker, &format!("redis.url = '{url}'\n{TENANT}"));
        is_told(broker, begins, &says);
    }
    for url in [
        "redis://:s3cret@203.0.113.7",
        "redis-cluster://u:s3cret@[2001:db8::7]:7000",
    ] {
        let warnings = of_gateway("::1", url, "");
        assert!(!warnings.join("").contains("s3cret"), "{warnings:?}");
        let begins = "redis.url (REDIS_URL) has no TLS";
        is_told(warnings, begins, "begins with rediss://");
    }
    for url in [
        "redis://localhost",
        "redis://127.0.0.1:7000",
        "redis://[::1]:7000",
        // As Compose has it, and Kubernetes.
        "redis://:s3cret@redis:6379",
        "redis://:s3cret@10.0.0.5",
        "rediss://u:s3cret@203.0.113.7",
    ] {
        assert_eq!(of_gateway("::1", url, ""), [""; 0], "{url}");
    }
}

#[test]
fn visitors_without_limits_are_warned_of() {
    let of = |more: &str| of_gateway("::1", "redis://localhost", more);
    for (key, variable) in [
        (
            "visitors_per_minute_per_ip",
            "LIMITS_VISITORS_PER_MINUTE_PER_IP",
        ),
        (
            "visitor_questions_per_hour",
            "LIMITS_VISITOR_QUESTIONS_PER_HOUR",
        ),
    ] {
        let begins = format!("limits.{key} ({variable}) is 1000000, and tenant acme takes");
        is_told(
            of(&format!("limits.{key} = 1000000")),
            &begins,
            "without end",
        );
        assert_eq!(of(&format!("limits.{key} = 999999")), [""; 0]);
        let nobody = format!("limits.{key} = 1000000\n{TOKENS}{TENANT}");
        assert_eq!(warnings(Program::Standalone, &nobody), [""; 0]);
    }
}

#[test]
fn every_origin_cannot_be_meant() {
    let file = format!("{TOKENS}{TENANT}origins = ['*']");
    let error = error(Program::Standalone, &file);
    assert!(
        error.contains("tenants[0].origins") && error.contains("the origin of a page"),
        "{error}"
    );
}
