//! `kubectl rollout restart` of production, by processes: who talks meanwhile misses nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use causerie_testkit::ai::{AiOptions, AiServer, Behaviour, Plot, Provider};
use causerie_testkit::token::Token;
use futures::future::join_all;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::build::{Build, build, root};
use crate::pod::{Ended, HOST, Pod, Secrets};
use crate::starting::{Redis, start_all};
use crate::talker::{Service, Talker};

const SECRET: &str = "8c1f0e6b94d27a35e8c07b41d96f2a53";

/// Of each answer that has the time.
const WORDS: usize = 60;

/// Three seconds.
fn short() -> Behaviour {
    Behaviour::new(Plot::Tokens(WORDS)).at_pace(Duration::from_millis(50))
}

/// Longer than `preStop` and the drain together, so that one broker drains to the end.
fn long() -> Behaviour {
    Behaviour::new(Plot::Tokens(600)).at_pace(Duration::from_millis(100))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_loses_nothing_and_ends_every_pod_in_its_grace() {
    let production = build("overlays/production");
    let _redis = Redis::start().await;
    let ai = AiServer::start(AiOptions {
        host: HOST.into(),
        behaviour: short(),
        ..AiOptions::new(Provider::OpenAi)
    });
    let ai = ai.await.expect("an AI server listens");
    let secrets = made_by_hand(&ai);
    let (gateways, brokers) = tokio::join!(
        start_all(&production, "gateway", &secrets),
        start_all(&production, "broker", &secrets)
    );
    let service = Service::new(gateways[0].port("http"));
    gateways.iter().for_each(|pod| service.add(pod.address));

    ai.script([long()]);
    let mut patient = Talker::connect(&service, token("patient")).await;
    let question = patient.ask("What takes a minute to say?").await;
    patient.hear_something().await;
    let patient = tokio::spawn(async move {
        patient.answer(&question).await;
        patient
    });
    let (over, is_over) = watch::channel(false);
    // Enough that each gateway has some of them, and each broker is busy when it is told to end.
    let talkers =
        join_all((0..8).map(|number| Talker::connect(&service, token(&format!("u{number}")))))
            .await;
    let (talkers, mut answers): (Vec<JoinHandle<_>>, Vec<_>) = talkers
        .into_iter()
        .map(|talker| {
            let (answered, answers) = watch::channel(0);
            (
                tokio::spawn(talker.talk(is_over.clone(), answered)),
                answers,
            )
        })
        .unzip();
    for answers in &mut answers {
        answers.wait_for(|answers| *answers > 0).await.unwrap();
    }

    let (of_gateways, of_brokers) = tokio::join!(
        roll(&production, "gateway", gateways, &secrets, Some(&service)),
        roll(&production, "broker", brokers, &secrets, None)
    );
    over.send_replace(true);

    let talkers = join_all(talkers.into_iter().chain([patient])).await;
    let mut talkers: Vec<Talker> = talkers.into_iter().map(|talker| talker.unwrap()).collect();
    let patient = talkers.pop().unwrap();
    for talker in talkers {
        has_missed_nothing(&talker, 1);
        assert!(talker.asked.len() > 2, "{:?}", talker.asked);
    }
    // Its broker had no time to end it, and another began it again.
    has_missed_nothing(&patient, 2);
    for (_, ended) in of_gateways.iter().chain(&of_brokers) {
        assert_eq!(ended.status.code(), Some(0), "{}", ended.output);
        assert!(
            ended.left > Duration::from_secs(5),
            "{:?} left: {}",
            ended.left,
            ended.output
        );
        assert!(!ended.output.contains("Read-only"), "{}", ended.output);
    }
}

/// Each pod is replaced by one that is ready; then it is sent nobody new, and ends. The next
/// does not wait until it has ended. (`maxSurge: 1, maxUnavailable: 0`, as a policy holds.)
async fn roll(
    build: &Build,
    deployment: &str,
    pods: Vec<Pod>,
    secrets: &Secrets,
    service: Option<&Service>,
) -> Vec<(Pod, Ended)> {
    let mut replaced = Vec::new();
    for pod in pods {
        let mut next = Pod::start(build, deployment, secrets);
        next.ready().await;
        if let Some(service) = service {
            service.add(next.address);
            service.remove(pod.address);
        }
        replaced.push((next, tokio::spawn(pod.end())));
    }
    let ends = replaced
        .into_iter()
        .map(async |(next, end)| (next, end.await.unwrap()));
    join_all(ends).await
}

/// All questions are there once, and each has one whole answer; its view holds that nothing came
/// twice, out of order, or not at all.
fn has_missed_nothing(talker: &Talker, attempt: u64) {
    let rooms: Vec<_> = talker
        .view
        .names()
        .filter(|name| name.starts_with("user:"))
        .collect();
    assert_eq!(rooms.len(), 1, "{rooms:?}");
    let room = talker.view.room(rooms[0]);
    assert_eq!(room.said().len(), talker.asked.len(), "{:?}", room.said());
    assert_eq!(room.replies.len(), talker.asked.len());
    let words: String = (0..WORDS).map(|number| format!("w{number} ")).collect();
    for question in &talker.asked {
        let id = talker.view.reply_to(question).expect("an answer");
        let reply = talker.view.reply(id).expect("an answer");
        let data = &reply.end.as_ref().expect("its end")["data"];
        assert_eq!(data["finish_reason"], "stop", "{data}");
        assert_eq!(data["metadata"]["attempt"], attempt, "{data}");
        // What a connection missed of the deltas stands in the message; the view holds that
        // both agree.
        assert_eq!(data["content"], words.as_str(), "{data}");
    }
    // Nobody was cut off: each was sent away, and told so.
    assert!(!talker.ends.is_empty(), "its gateway was replaced");
    assert!(
        talker.ends.iter().all(|code| *code == Some(1012)),
        "{:?}",
        talker.ends
    );
}

fn token(user: &str) -> String {
    Token::of("acme", user).sign(SECRET)
}

/// The Secrets that docs/kubernetes.md tells to make, word for word.
fn made_by_hand(ai: &AiServer) -> Secrets {
    let docs = std::fs::read_to_string(root().join("docs/kubernetes.md")).unwrap();
    let docs = docs.replace("\\\n", " ");
    let commands = docs
        .lines()
        .filter_map(|line| line.split_once("create secret generic "));
    let mut secrets: Secrets = commands
        .map(|(_, rest)| {
            let mut words = rest.split_whitespace();
            let name = words.next().expect("a name").to_owned();
            let pairs =
                words.filter_map(|word| word.strip_prefix("--from-literal=")?.split_once('='));
            let pairs: BTreeMap<_, _> = pairs
                .map(|(key, value)| (key.to_owned(), filled(key, value)))
                .collect();
            (name, pairs)
        })
        .collect();
    assert_eq!(secrets.keys().collect::<Vec<_>>(), ["broker", "gateway"]);
    let broker = secrets.get_mut("broker").unwrap();
    // The model is ours, as with any server of one's own.
    broker.insert("AI_OPENAI_BASE_URL".to_owned(), format!("{}v1", ai.url()));
    secrets
}

fn filled(key: &str, value: &str) -> String {
    let value = match (key, value) {
        (_, stated) if stated != "…" => stated,
        ("REDIS_URL", _) => "redis://redis:6379",
        ("AUTH_JWT_SECRET", _) => SECRET,
        ("AI_OPENAI_API_KEY", _) => "a key",
        ("AI_OPENAI_MODEL", _) => "fake",
        _ => panic!("docs/kubernetes.md names {key}, for which there is no value here"),
    };
    value.to_owned()
}
