use std::io::{Read, Write};

use causerie_shared::config::{Loader, Program, Sources};
use causerie_testkit::certificates::{Authority, Trust};
use proptest::collection::vec;
use proptest::prelude::*;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, SupportedProtocolVersion};

use super::*;
use crate::tls::Tls;

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// What client and server of this version begin with; both have a certificate.
fn configs(version: &'static SupportedProtocolVersion) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let own = authority.certify("localhost");
    let client_ca = authority.certificate.clone();
    let files = [
        ("cert_file", own.certificate),
        ("key_file", own.key),
        ("client_ca_file", client_ca),
    ];
    let mut set = vec!["tls.min_version=1.2".to_owned()];
    for (key, pem) in files {
        let path = folder.path().join(key);
        std::fs::write(&path, pem).unwrap();
        set.push(format!("tls.{key}={}", path.display()));
    }
    let sources = Sources {
        set,
        ..Sources::default()
    };
    let settings = Loader::new(Program::Standalone, sources).unwrap().load();
    let tls = Tls::new(&settings.unwrap()).unwrap().unwrap();
    let trust = Trust::in_authority(&authority).speaking(version);
    let client = trust.showing(&authority.certify("client")).config();
    (client, tls.config.load_full())
}

/// A client, the server's side of its connection, and a network that cuts what it carries
/// to the server into pieces.
struct Line<C> {
    client: ClientConnection,
    engine: Engine,
    cuts: C,
    /// How much is asked for at once.
    room: usize,
    /// Says something itself after each piece, once it may.
    talks: bool,
    /// What either has heard.
    heard: Vec<u8>,
    heard_by_client: Vec<u8>,
    said_to_client: Vec<u8>,
}

impl<C: Iterator<Item = usize>> Line<C> {
    fn new(
        (client, server): (Arc<ClientConfig>, Arc<ServerConfig>),
        cuts: C,
        room: usize,
        talks: bool,
    ) -> Self {
        Self {
            client: ClientConnection::new(client, "localhost".try_into().unwrap()).unwrap(),
            engine: Engine::new(server).unwrap(),
            cuts,
            room,
            talks,
            heard: Vec::new(),
            heard_by_client: Vec::new(),
            said_to_client: Vec::new(),
        }
    }

    /// Carries all that either wants to say, until neither does.
    fn carry(&mut self) {
        loop {
            let mut wire = Vec::new();
            while self.client.wants_write() {
                self.client.write_tls(&mut wire).unwrap();
            }
            if wire.is_empty() && self.engine.held().is_empty() {
                return;
            }
            self.take_back();
            let mut rest = &mut wire[..];
            while !rest.is_empty() {
                let cut = self.cuts.next().unwrap().min(rest.len());
                let (piece, later) = rest.split_at_mut(cut);
                self.bring(piece);
                rest = later;
            }
        }
    }

    fn bring(&mut self, piece: &mut [u8]) {
        let mut room = vec![0; self.room];
        let mut into = ReadBuf::new(&mut room);
        self.engine.take(piece, &mut into).unwrap();
        self.heard.extend_from_slice(into.filled());
        loop {
            let mut into = [0; 700];
            let mut into = ReadBuf::new(&mut into);
            self.engine.give(&mut into);
            if into.filled().is_empty() {
                break;
            }
            self.heard.extend_from_slice(into.filled());
        }
        self.take_back();
        if self.talks && !self.engine.is_handshaking() {
            let (said, mut wire) = (self.said_to_client.len().to_string(), Vec::new());
            let len = self.engine.encrypt(said.as_bytes(), &mut wire).unwrap();
            self.engine.hold(&wire[..len]);
            self.said_to_client.extend_from_slice(said.as_bytes());
            self.take_back();
        }
    }

    fn take_back(&mut self) {
        while !self.engine.held().is_empty() {
            let mut some = &self.engine.held()[..self.engine.held().len().min(1_000)];
            let read = self.client.read_tls(&mut some).unwrap();
            self.engine.note_sent(read);
            self.client.process_new_packets().unwrap();
        }
        let mut heard = [0; 4096];
        while let Ok(count @ 1..) = self.client.reader().read(&mut heard) {
            self.heard_by_client.extend_from_slice(&heard[..count]);
        }
    }
}

/// Shakes hands, and holds that each hears what the other says.
fn converse(line: &mut Line<impl Iterator<Item = usize>>) {
    line.carry();
    assert!(!line.engine.is_handshaking() && !line.client.is_handshaking());
    assert_eq!(line.engine.kept(), 0, "one that rests keeps no memory");
    // Several records, the last of them short.
    let said: Vec<u8> = (0..20_000_u32).map(|at| (at % 251) as u8).collect();
    line.client.writer().write_all(&said).unwrap();
    line.carry();
    assert!(line.heard == said, "{} bytes came", line.heard.len());
    line.client.send_close_notify();
    line.carry();
    assert!(
        line.engine.give(&mut ReadBuf::new(&mut [0])),
        "it has ended"
    );
    assert!(line.heard_by_client == line.said_to_client);
    assert_eq!(line.engine.kept(), 0);
}

#[test]
fn what_comes_byte_by_byte_or_all_at_once_is_understood() {
    for version in VERSIONS {
        for cut in [1, 5, 1_000, usize::MAX] {
            for room in [3, 64 << 10] {
                let cuts = std::iter::repeat(cut);
                converse(&mut Line::new(configs(version), cuts, room, false));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn however_it_is_cut_it_is_understood_and_answers_may_go_between(
        cuts in vec(prop_oneof![1_usize..8, 1_usize..700, 16_000_usize..17_000], 1..20),
        room in 0_usize..2_000,
        is_old: bool,
        talks: bool,
    ) {
        let configs = configs(VERSIONS[usize::from(!is_old)]);
        converse(&mut Line::new(configs, cuts.into_iter().cycle(), room, talks));
    }

    #[test]
    fn what_is_no_tls_is_refused_or_waited_for(
        mut came: Vec<u8>, cut in 1_usize..40,
    ) {
        let (_, server) = configs(&TLS13);
        let mut engine = Engine::new(server).unwrap();
        let len = came.len();
        for piece in came.chunks_mut(cut) {
            if engine.take(piece, &mut ReadBuf::new(&mut [])).is_err() {
                prop_assert!(engine.encrypt(b"x", &mut Vec::new()).is_err());
                return Ok(());
            }
            prop_assert!(engine.is_handshaking() && engine.begun() <= len);
        }
    }
}
