//! An outbox that writes to a socket of which the system holds next to nothing.

use std::future::poll_fn;
use std::path::Path;
use std::pin::pin;

use causerie_shared::config::{Loader, Program, Sources};
use causerie_shared::protocol::action::ClientId;
use causerie_testkit::DEADLINE;
use causerie_testkit::certificates::{Authority, Trust};
use futures::poll;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::yield_now;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use super::*;
use crate::frame::FrameKind;
use crate::socket::{Receiving, Socket};
use crate::tls::{Tls, TlsStream};
use crate::websocket::codec::encode;

/// How an outbox's peer is reached.
#[derive(Debug, Clone, Copy)]
enum Way {
    Plain,
    Tls,
}

const BOTH: [Way; 2] = [Way::Plain, Way::Tls];

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

type Peer = Box<dyn Stream>;

/// An outbox, what keeps its connection open on this side, and its peer.
async fn connected(way: Way, bound: usize) -> (Arc<Outbox>, Receiving, Peer) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(1).unwrap();
    let address = listener.local_addr().unwrap();
    let (accepted, peer) = tokio::join!(listener.accept(), socket.connect(address));
    let (stream, peer) = (accepted.unwrap().0, peer.unwrap());
    stream.writable().await.unwrap();
    let (socket, peer): (_, Peer) = match way {
        Way::Plain => (Socket::Plain(stream), Box::new(peer)),
        Way::Tls => {
            let (stream, peer) = over_tls(stream, peer).await;
            (Socket::Tls(stream), Box::new(peer))
        }
    };
    let (receiving, sending) = socket.into_split();
    let outbox = Outbox::to(Wire::new(sending, false), bound);
    (outbox, receiving, peer)
}

/// Both ends, when they have shaken hands.
async fn over_tls(
    stream: TcpStream,
    peer: TcpStream,
) -> (TlsStream, tokio_rustls::client::TlsStream<TcpStream>) {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let certified = authority.certify("localhost");
    let [certificate, key] = ["crt", "key"].map(|name| folder.path().join(name));
    std::fs::write(&certificate, certified.certificate).unwrap();
    std::fs::write(&key, certified.key).unwrap();
    let set = |key: &str, path: &Path| format!("tls.{key}={}", path.display());
    let sources = Sources {
        set: vec![set("cert_file", &certificate), set("key_file", &key)],
        ..Sources::default()
    };
    let loader = Loader::new(Program::Standalone, sources).unwrap();
    let tls = Tls::new(&loader.load().unwrap()).unwrap().unwrap();
    let connector = TlsConnector::from(Trust::in_authority(&authority).config());
    let (stream, peer) = tokio::join!(
        tls.accept(stream, Instant::now() + DEADLINE),
        connector.connect("localhost".try_into().unwrap(), peer),
    );
    (stream.unwrap(), peer.unwrap())
}

/// Reads what `frames` are on the wire, while the connection's task sends it on.
async fn expect(peer: &mut Peer, outbox: &Outbox, frames: &[Arc<OutFrame>]) {
    let frames = frames.iter().map(|frame| frame.wire(false).to_vec());
    let expected = frames.collect::<Vec<_>>().concat();
    let mut read = vec![0; expected.len()];
    tokio::select! {
        call = poll_fn(|cx| outbox.poll_call(cx)) => panic!("{call:?}"),
        done = peer.read_exact(&mut read) => done.unwrap(),
    };
    assert!(read == expected);
}

#[tokio::test]
async fn what_the_peer_takes_is_on_its_way_at_once() {
    for way in BOTH {
        let (outbox, _receiving, mut peer) = connected(way, BOUND).await;
        let frames = [event(1), text(0), typing()];
        for frame in &frames {
            assert_eq!(outbox.push(frame), Pushed::Written);
        }
        assert!(outbox.lock().is_idle());
        expect(&mut peer, &outbox, &frames).await;
    }
}

#[tokio::test]
async fn what_it_does_not_take_follows_in_order() {
    for way in BOTH {
        let (outbox, _receiving, mut peer) = connected(way, 64 << 20).await;
        let (mut sent, mut seq, mut given) = (Vec::new(), 0, 0);
        // One by one and together, at once and after others that wait.
        for count in [1, 3, 30, 300] {
            let mut waits = 0;
            while waits < 4 {
                let frames: Vec<_> = (0..count).map(|at| event(seq + at)).collect();
                seq += count;
                sent.extend(frames.clone());
                let mut deliveries = Deliveries::default();
                outbox.push_joined(&Joined::new(frames), &mut deliveries);
                waits += usize::from(!outbox.lock().is_idle());
            }
            sent.push(event(seq));
            assert_eq!(outbox.push(sent.last().unwrap()), Pushed::Queued);
            let last: Vec<_> = (0..3).map(|at| event(seq + at)).collect();
            sent.extend(last.clone());
            outbox.push_all(&last, &mut Deliveries::default());
            expect(&mut peer, &outbox, &sent).await;
            given += sent.len();
            assert_eq!(outbox.tally().given as usize, given);
            sent.clear();
            assert!(outbox.lock().is_idle());
        }
    }
}

/// The message `number` on its way to the bus.
fn expected(number: u32) -> Expected {
    Expected {
        id: ClientId::generate(),
        message_id: message_id(number),
        session: session(),
        room: room(),
        is_acked: false,
    }
}

/// The message `number` as its room hears it.
fn said(number: u32, seq: u64) -> Arc<OutFrame> {
    let mut record = durable("aaaaaaaa", seq);
    record.header.in_reply_to = Some(message_id(number));
    OutFrame::event(&room(), &record)
}

fn push_alone(outbox: &Outbox, frame: &Arc<OutFrame>) -> Deliveries {
    let mut deliveries = Deliveries::default();
    outbox.push_joined(&Joined::new(vec![Arc::clone(frame)]), &mut deliveries);
    deliveries
}

#[tokio::test]
async fn an_ack_goes_out_with_the_message_that_it_is_of() {
    for way in BOTH {
        let (outbox, _receiving, mut peer) = connected(way, BOUND).await;
        let message = expected(7);
        let ack = message.ack(&position("aaaaaaaa", 2));
        outbox.expect(message);
        let (anothers, own) = (said(6, 1), said(7, 2));
        push_alone(&outbox, &anothers);
        let deliveries = push_alone(&outbox, &own);
        let mut one = Deliveries::default();
        one.count(Pushed::Queued, 1);
        one.count_joined(1);
        assert_eq!(deliveries, one);
        // That it may come again is no reason for another one.
        push_alone(&outbox, &own);
        let all = [anothers, own.clone(), ack, own];
        expect(&mut peer, &outbox, &all).await;
        assert!(outbox.end_expecting());
        assert!(!outbox.end_expecting());
        // The peer was told that it is stored.
        assert!(outbox.has_lost(&room(), &position("bbbbbbbb", 1), &[]));
    }
}

#[tokio::test]
async fn behind_what_waits_an_ack_leaves_when_the_bus_has_answered() {
    let outbox = Outbox::new(BOUND);
    fill(&outbox, 1);
    outbox.expect(expected(7));
    push_alone(&outbox, &said(7, 2));
    assert!(!outbox.end_expecting());
    assert_eq!(empty(&outbox).await.frames.len(), 2);
}

/// More may come at once than may wait.
#[tokio::test]
async fn who_has_taken_all_is_not_slow_however_much_comes_at_once() {
    for way in BOTH {
        let (outbox, _receiving, mut peer) = connected(way, BOUND).await;
        let (mut sent, mut deliveries) = (Vec::new(), Deliveries::default());
        while outbox.lock().queue.is_empty() {
            let from = sent.len() as u64;
            let frames: Vec<_> = (from..from + 100).map(event).collect();
            sent.extend(frames.clone());
            outbox.push_joined(&Joined::new(frames), &mut deliveries);
        }
        assert!(outbox.lock().queue.bytes() > BOUND && !outbox.is_closed());
        assert_eq!(outbox.tally().given as usize, sent.len());
        expect(&mut peer, &outbox, &sent).await;
    }
}

/// It was given as a whole, so nothing waits that would draw attention.
#[tokio::test]
async fn the_rest_of_a_record_leaves_though_nothing_follows() {
    let (outbox, _receiving, mut peer) = connected(Way::Tls, BOUND).await;
    let mut sent = Vec::new();
    while outbox.lock().is_idle() {
        sent.push(event(sent.len() as u64));
        assert_eq!(outbox.push(sent.last().unwrap()), Pushed::Written);
    }
    assert!(outbox.lock().queue.is_empty());
    expect(&mut peer, &outbox, &sent).await;
    outbox.sent().await;
    assert!(outbox.lock().is_idle());
}

/// Else they would be of no use to one who listens for long.
#[tokio::test]
async fn keys_may_change_amid_a_conversation() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let connecting = TcpStream::connect(listener.local_addr().unwrap());
    let (accepted, peer) = tokio::join!(listener.accept(), connecting);
    let (stream, mut peer) = over_tls(accepted.unwrap().0, peer.unwrap()).await;
    let (mut receiving, sending) = Socket::Tls(stream).into_split();
    let outbox = Outbox::to(Wire::new(sending, false), BOUND);
    for number in 0..3 {
        peer.get_mut().1.refresh_traffic_keys().unwrap();
        peer.write_all(&[number]).await.unwrap();
        let mut heard = [0; 8];
        let mut into = ReadBuf::new(&mut heard);
        poll_fn(|cx| receiving.poll_read(cx, &mut into))
            .await
            .unwrap();
        assert_eq!(into.filled(), [number]);
        let frame = event(number.into());
        assert_eq!(outbox.push(&frame), Pushed::Written);
        let mut read = vec![0; frame.wire(false).len()];
        peer.read_exact(&mut read).await.unwrap();
        assert_eq!(&read[..], &frame.wire(false)[..]);
    }
    let Receiving::Tls(socket) = receiving else {
        panic!("{receiving:?}");
    };
    assert_eq!(socket.kept(), 0, "one that rests keeps no memory for bytes");
}

#[tokio::test]
async fn a_frame_that_has_begun_is_finished_before_the_last_word() {
    for way in BOTH {
        let (outbox, _receiving, mut peer) = connected(way, BOUND).await;
        let mut sent = 0;
        while outbox.push(&event(sent)) != Pushed::Overflown {
            sent += 1;
        }
        outbox.ping();
        outbox.say_last(encode::close(4008, "reading too slowly"));
        let reading = tokio::spawn(async move {
            let mut read = Vec::new();
            peer.read_to_end(&mut read).await.unwrap();
            read
        });
        outbox.sent().await;
        outbox.hang_up();
        let read = reading.await.unwrap();
        let whole = event(1).wire(false).clone();
        let close = encode::close(4008, "reading too slowly");
        let (frames, end) = read.split_at(read.len() - close.len());
        assert!(end == close && frames.len() % whole.len() == 0);
    }
}

#[tokio::test]
async fn a_peer_that_is_gone_is_found_out() {
    for way in BOTH {
        let (outbox, receiving, peer) = connected(way, BOUND).await;
        drop((peer, receiving));
        let mut pushed = Pushed::Written;
        while pushed == Pushed::Written {
            pushed = outbox.push(&event(1));
            yield_now().await;
        }
        assert_eq!(pushed, Pushed::Closed);
        let call = poll_fn(|cx| outbox.poll_call(cx)).await;
        assert!(matches!(call, Call::PeerGone), "{call:?}");
    }
}

/// Reads on, while somebody else than the connection's task has things to send,
/// until nothing waits any more.
async fn read_while_others_send(peer: &mut Peer, outbox: &Outbox) {
    let mut read = [0; 4 << 10];
    while !outbox.lock().queue.is_empty() {
        tokio::select! {
            biased;
            taken = peer.read(&mut read) => assert!(taken.unwrap() > 0),
            () = yield_now() => {}
        }
        outbox.pong(b"here");
    }
}

#[tokio::test]
async fn who_waits_for_room_is_woken_whoever_sends_what_waited() {
    for way in BOTH {
        let (outbox, _receiving, mut peer) = connected(way, BOUND).await;
        while outbox.lock().is_drained(BOUND) {
            outbox.push(&event(1));
        }
        let waiting = tokio::spawn({
            let outbox = Arc::clone(&outbox);
            async move { outbox.drained().await }
        });
        yield_now().await;
        assert!(!waiting.is_finished());
        read_while_others_send(&mut peer, &outbox).await;
        timeout(DEADLINE, waiting).await.expect("woken").unwrap();
    }
}

#[tokio::test]
async fn lost_text_is_asked_for_whoever_sends_what_waited() {
    for way in BOTH {
        let (outbox, _receiving, mut peer) = connected(way, BOUND).await;
        while outbox.push(&text(0)) != Pushed::DroppedText {}
        let mut calls = pin!(poll_fn(|cx| outbox.poll_call(cx)));
        assert!(poll!(calls.as_mut()).is_pending());
        read_while_others_send(&mut peer, &outbox).await;
        let call = poll!(calls);
        assert!(matches!(call, Poll::Ready(Call::Lagging(_))), "{call:?}");
    }
}

#[tokio::test]
async fn lost_text_is_asked_for_though_all_the_rest_went_at_once() {
    for way in BOTH {
        let (outbox, _receiving, _peer) = connected(way, BOUND).await;
        let calling = tokio::spawn({
            let outbox = Arc::clone(&outbox);
            async move { poll_fn(|cx| outbox.poll_call(cx)).await }
        });
        yield_now().await;
        assert!(!calling.is_finished());
        let mut frames: Vec<_> = (1..=6).map(event).collect();
        frames.push(text(0));
        let (mut deliveries, mut expected) = (Deliveries::default(), Deliveries::default());
        outbox.push_all(&frames, &mut deliveries);
        expected.count(Pushed::Queued, 6);
        expected.count(Pushed::DroppedText, 1);
        assert_eq!(deliveries, expected);
        assert!(outbox.lock().queue.is_empty());
        let call = timeout(DEADLINE, calling).await.expect("woken").unwrap();
        assert!(matches!(call, Call::Lagging(_)), "{call:?}");
    }
}

#[test]
fn of_several_pongs_that_wait_the_last_goes() {
    let mut queue = Queue::default();
    queue.push_rest(&[event(1)], 5);
    assert!(queue.push(&event(2), BOUND));
    for number in 0..9 {
        let pong = OutFrame::control(Control::Pong, encode::pong(&[number]));
        queue.push_control(pong);
    }
    let (waiting, begun) = queue.waiting();
    let waiting: Vec<_> = waiting.collect();
    assert_eq!((waiting.len(), begun), (3, 5));
    assert_eq!(waiting[1].kind, FrameKind::Control(Control::Pong));
    assert_eq!(waiting[1].wire(false), &encode::pong(&[8]));
}
