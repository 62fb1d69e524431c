//! Many people of several customers talk at once, through both gateways.

use std::collections::BTreeMap;
use std::sync::Arc;

use causerie_testkit::ai::{Behaviour, Plot};
use causerie_testkit::client::sse::Sse;
use causerie_testkit::cluster::{Cluster, Options, TENANTS};
use causerie_testkit::process::Node;
use causerie_testkit::token::Token;
use futures::future::join_all;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::kit::device::Device;
use crate::kit::{post, question_of};

const PEOPLE: usize = 20;
/// What each of them sends before looking at the answers.
const WAVE: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_clients_of_three_tenants_send_two_thousand_messages() {
    let cluster = installation(Cluster::options()).await;
    everything_arrives_once_and_in_order(&cluster, 100).await;
}

/// A cluster in which so many questions may wait, on a busy machine for long.
pub(crate) async fn installation(options: Options) -> Cluster {
    options
        .behaviour(Behaviour::new(Plot::Echo))
        .env("LIMITS_QUEUED_PER_SESSION", "1000")
        .env("LIMITS_QUEUED_PER_USER", "10000")
        .env("AI_MESSAGE_TIMEOUT", "60")
        .start()
        .await
}

/// Twenty people send so many messages each, and all see what they should.
pub(crate) async fn everything_arrives_once_and_in_order(cluster: &Cluster, each: usize) {
    let plan = Arc::new(plan(each));
    let people = (0..PEOPLE).map(|number| connect(cluster, number));
    let people = join_all(people).await;

    let talking = people.into_iter().enumerate().map(|(number, device)| {
        let [own, other] = gateways_of(cluster, number);
        let mine = plan.iter().filter(move |message| message.sender == number);
        talk(device, own, other, mine.cloned().collect())
    });
    let mut people: Vec<Device> = join_all(talking).await;

    let reading = people
        .iter_mut()
        .map(|device| see_everything(device, &plan));
    join_all(reading).await;
    members_of_a_room_saw_the_same(&people);
    the_model_was_asked_once_for_each_question(cluster, &plan);
}

/// One message that somebody is going to send.
#[derive(Debug, Clone)]
struct Planned {
    sender: usize,
    tenant: &'static str,
    id: String,
    room: String,
    session: String,
    content: String,
    ai: bool,
    /// Sent over all transports at the same time.
    repeated: bool,
}

fn plan(each: usize) -> Vec<Planned> {
    let of = |sender| (0..each).map(move |number| planned(sender, number));
    (0..PEOPLE).flat_map(of).collect()
}

fn planned(sender: usize, number: usize) -> Planned {
    let (tenant, user) = person(sender);
    let repeated = number % 10 == 5;
    let publishes = user == "u0" && number % 8 == 3 && !repeated;
    let room = if publishes {
        "tenant".to_owned()
    } else if number % 4 == 3 {
        format!("user:{user}")
    } else if number % 4 == 2 && is_in_p2(sender) {
        "project:p2".to_owned()
    } else {
        "project:p1".to_owned()
    };
    Planned {
        sender,
        tenant,
        id: format!("{sender}-{number}"),
        session: format!("s{sender}-{}", number % 4),
        content: format!("{tenant} {room} message {number} of {sender}"),
        ai: !publishes && (repeated || !number.is_multiple_of(7)),
        room,
        repeated,
    }
}

/// Two in a row of one tenant are two devices of one user.
fn person(number: usize) -> (&'static str, String) {
    let (tenant, seat) = (TENANTS[number % 3], number / 3);
    (tenant, format!("u{}", seat / 2))
}

fn is_in_p2(number: usize) -> bool {
    number.is_multiple_of(2)
}

/// The one it connects to, and the other: two devices of a user are on both.
fn gateways_of(cluster: &Cluster, number: usize) -> [&Node; 2] {
    let [one, two] = &cluster.gateways[..] else {
        panic!("two gateways")
    };
    if (number / 3).is_multiple_of(2) {
        [one, two]
    } else {
        [two, one]
    }
}

async fn connect(cluster: &Cluster, number: usize) -> Device {
    let (tenant, user) = person(number);
    let rooms: &[&str] = if is_in_p2(number) {
        &["project:p1", "project:p2"]
    } else {
        &["project:p1"]
    };
    let mut token = Token::of(tenant, &user).project("p1").project("p2");
    if user == "u0" {
        token = token.role("publisher");
    }
    let token = token.sign(&Cluster::secret(tenant));
    let [gateway, _] = gateways_of(cluster, number);
    Device::with_token(gateway, tenant, &user, token, rooms).await
}

/// Sends its messages, some over all transports at the same time, and checks
/// that each way tells of the same message.
async fn talk(mut device: Device, own: &Node, other: &Node, messages: Vec<Planned>) -> Device {
    for wave in messages.chunks(WAVE) {
        let mut repeats = JoinSet::new();
        for message in wave.iter().filter(|message| message.repeated) {
            for transport in Transport::ALL {
                let gateway = if transport == Transport::Actions {
                    own
                } else {
                    other
                };
                let (url, token) = (gateway.url().to_owned(), device.token.clone());
                repeats.spawn(repeat(transport, url, token, message.clone()));
            }
        }
        // What is repeated comes last: those ways have a connection to make first.
        let (repeated, once): (Vec<_>, Vec<_>) = wave.iter().partition(|message| message.repeated);
        for message in once.into_iter().chain(repeated) {
            let mut frame =
                json!({"action": "sendMessage", "id": message.id, "data": message.data()});
            frame["data"]["ai"] = json!(message.ai);
            device.client.send(frame).await;
        }
        let mut questions = BTreeMap::new();
        for message in wave {
            let ack = device
                .client
                .expect("an ack", |frame| frame["id"] == message.id);
            let ack = ack.await;
            assert_eq!(ack["type"], "ack", "{ack}");
            assert_eq!(ack["data"]["room"], message.room, "{ack}");
            questions.insert(message.id.clone(), ack["data"]["message_id"].clone());
        }
        while let Some(repeated) = repeats.join_next().await {
            let (id, transport, question) = repeated.unwrap();
            assert_eq!(
                question, questions[&id],
                "{id} over {transport:?} is another message"
            );
        }
    }
    device
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Transport {
    Chat,
    ChatStream,
    Actions,
}

impl Transport {
    const ALL: [Self; 3] = [Self::Chat, Self::ChatStream, Self::Actions];
}

impl Planned {
    fn data(&self) -> Value {
        json!({"user_input": self.content, "room": self.room, "session_id": self.session})
    }

    fn body(&self) -> Value {
        let mut body = self.data();
        body["id"] = json!(self.id);
        body
    }
}

/// Sends the message once more; gives its id, and the `message_id` of the
/// question as this transport tells it.
async fn repeat(
    transport: Transport,
    url: String,
    token: String,
    message: Planned,
) -> (String, Transport, Value) {
    let question = match transport {
        Transport::Actions => {
            let frame = json!({"action": "sendMessage", "id": message.id, "data": message.data()});
            let answer = post(&url, "/api/actions", &token, &frame).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            answer.json()["data"]["message_id"].clone()
        }
        Transport::Chat => {
            let answer = post(&url, "/api/chat", &token, &message.body()).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let reply = answer.json();
            assert_eq!(reply["data"]["content"], message.content, "{reply}");
            reply["data"]["in_reply_to"].clone()
        }
        Transport::ChatStream => {
            let (url, bearer) = (format!("{url}/api/chat/stream"), format!("Bearer {token}"));
            let headers = [("authorization", &*bearer)];
            let mut stream = Sse::post(&url, &headers, &message.body()).await;
            let reply = stream.expect_name("message").await.json();
            assert_eq!(reply["data"]["content"], message.content, "{reply}");
            assert_eq!(stream.expect_end().await, "complete");
            reply["data"]["in_reply_to"].clone()
        }
    };
    (message.id, transport, question)
}

/// Waits until all that concerns this device was seen, and compares. That each
/// event came once and in order is for the view to say.
async fn see_everything(device: &mut Device, plan: &[Planned]) {
    let (tenant, user) = (device.tenant.clone(), device.user.clone());
    let rooms: Vec<String> = device.view.names().map(str::to_owned).collect();
    assert!(rooms.contains(&format!("user:{user}")), "{rooms:?}");
    for room in rooms {
        let here = plan.iter().filter(|m| m.tenant == tenant && m.room == room);
        let (questions, mut said): (Vec<_>, Vec<_>) =
            here.map(|m| (m.ai, m.content.clone())).unzip();
        let questions = questions.into_iter().filter(|ai| *ai).count();
        let all = said.len() + questions;
        device
            .until(&format!("all {all} events of {room}"), |view| {
                (view.room(&room).events.len() >= all).then_some(())
            })
            .await;
        said.sort();
        let mut seen = device.view.room(&room).said();
        seen.sort();
        assert_eq!(seen, said, "what was said in {room} of {tenant}");
        every_question_has_one_answer(device, &room, questions);
    }
    // Nothing comes after.
    device.catch_up().await;
}

fn every_question_has_one_answer(device: &Device, room: &str, questions: usize) {
    let room = device.view.room(room);
    let asked: BTreeMap<_, _> = room
        .of_type("new_message")
        .map(|event| {
            (
                event["data"]["message_id"].to_string(),
                &event["data"]["content"],
            )
        })
        .collect();
    let (mut answered, mut whole) = (BTreeMap::new(), 0);
    for answer in room.of_type("message") {
        let data = &answer["data"];
        let question = data["in_reply_to"].to_string();
        assert_eq!(data["finish_reason"], "stop", "{answer}");
        assert_eq!(Some(&&data["content"]), asked.get(&question), "{answer}");
        let streamed = &room.replies[data["message_id"].as_str().unwrap()];
        whole += usize::from(data["content"] == streamed.text);
        let earlier = answered.insert(question, answer);
        assert_eq!(earlier, None, "a second answer: {answer}");
    }
    assert_eq!(answered.len(), questions);
    // On a busy machine a `message` may be read before the last pieces come.
    assert!(
        whole * 10 >= questions * 9,
        "only {whole} of {questions} were streamed to their end"
    );
}

fn members_of_a_room_saw_the_same(people: &[Device]) {
    let mut rooms = BTreeMap::new();
    for device in people {
        for name in device.view.names() {
            let events = &device.view.room(name).events;
            let first = rooms.entry((&device.tenant, name)).or_insert(events);
            assert_eq!(*first, events, "{name} of {}", device.tenant);
        }
    }
}

fn the_model_was_asked_once_for_each_question(cluster: &Cluster, plan: &[Planned]) {
    let mut asked: Vec<_> = cluster.ai.calls().iter().map(question_of).collect();
    let questions = plan.iter().filter(|message| message.ai);
    let mut questions: Vec<_> = questions.map(|message| message.content.clone()).collect();
    asked.sort();
    questions.sort();
    assert_eq!(asked, questions);
}
