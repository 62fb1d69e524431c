//! Whatever a client sends, however it cuts it up, comes out as it was.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::client::{BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, RSV1, TEXT, deflated, masked};
use super::*;

/// A message, and what a client may do to it.
#[derive(Debug, Clone)]
struct Sent {
    /// `None`: a binary message.
    text: Option<String>,
    compressed: bool,
    cuts: Vec<Index>,
    mask: [u8; 4],
    /// Control frames stand between the fragments.
    pinged: bool,
}

fn sent() -> impl Strategy<Value = Sent> {
    let text = prop_oneof![
        4 => any::<String>().prop_map(Some),
        2 => "[ -~]{100,900}".prop_map(Some),
        1 => Just(None),
    ];
    let cuts = vec(any::<Index>(), 0..6);
    (text, any::<bool>(), cuts, any::<[u8; 4]>(), any::<bool>()).prop_map(
        |(text, compressed, cuts, mask, pinged)| Sent {
            text,
            compressed,
            cuts,
            mask,
            pinged,
        },
    )
}

impl Sent {
    /// The wire bytes, and what they are to be heard as.
    fn encoded(&self) -> (Vec<u8>, Vec<Message>) {
        let (opcode, payload) = match &self.text {
            Some(text) => (TEXT, text.as_bytes()),
            None => (BINARY, &b"\x00\xFF\xFE"[..]),
        };
        let payload = if self.compressed {
            deflated(payload)
        } else {
            payload.to_vec()
        };
        let mut cuts: Vec<_> = self
            .cuts
            .iter()
            .map(|cut| cut.index(payload.len() + 1))
            .collect();
        cuts.sort_unstable();
        cuts.push(payload.len());

        let (mut wire, mut heard) = (Vec::new(), Vec::new());
        let (mut from, last) = (0, cuts.len() - 1);
        for (index, to) in cuts.into_iter().enumerate() {
            let mut first = if index == 0 { opcode } else { CONTINUATION };
            if index == 0 && self.compressed {
                first |= RSV1;
            }
            if index == last {
                first |= FIN;
            }
            wire.extend(masked(first, self.mask, &payload[from..to]));
            if self.pinged && index < last {
                wire.extend(masked(FIN | PING, self.mask, b"there?"));
                heard.push(Message::Ping(b"there?".to_vec()));
            }
            from = to;
        }
        heard.push(self.text.clone().map_or(Message::Binary, Message::Text));
        (wire, heard)
    }
}

proptest! {
    #[test]
    fn what_is_sent_is_heard(
        sent in vec(sent(), 1..5),
        reads in vec(1_usize..300, 1..8),
    ) {
        let (wires, heard): (Vec<_>, Vec<_>) = sent.iter().map(Sent::encoded).unzip();
        let wire = wires.concat();
        let mut decoder = Decoder::new(100 << 10, true);
        let mut messages = Vec::new();
        let mut rest = &*wire;
        for len in reads.into_iter().cycle() {
            let (read, later) = rest.split_at(len.min(rest.len()));
            let (more, violation) = decoded_by(&mut decoder, read);
            prop_assert_eq!(violation, None);
            messages.extend(more);
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(messages, heard.concat());
        prop_assert!(decoder.is_idle());
    }

    #[test]
    fn noise_is_judged_the_same_however_it_is_read(
        noise in vec(any::<u8>(), 0..400),
        cuts in cuts(),
    ) {
        judged_the_same(&noise, &cuts)?;
    }

    #[test]
    fn damage_is_judged_the_same_however_it_is_read(
        sent in vec(sent(), 1..5),
        damaged in any::<Index>(),
        damage in 1..=255_u8,
        cuts in cuts(),
    ) {
        let mut wire: Vec<_> = sent.iter().flat_map(|sent| sent.encoded().0).collect();
        let index = damaged.index(wire.len());
        wire[index] ^= damage;
        judged_the_same(&wire, &cuts)?;
    }

    #[test]
    fn frames_in_any_order_are_judged_the_same_however_they_are_read(
        frames in vec(frame(), 1..12),
        cuts in cuts(),
    ) {
        judged_the_same(&frames.concat(), &cuts)?;
    }
}

/// One frame that is right by itself, mostly, whatever came before it.
fn frame() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        3 => Just(TEXT),
        1 => Just(FIN | TEXT),
        1 => Just(FIN | RSV1 | TEXT),
        1 => Just(RSV1 | TEXT),
        1 => Just(BINARY),
        6 => Just(CONTINUATION),
        3 => Just(FIN | CONTINUATION),
        2 => Just(FIN | PING),
        1 => Just(FIN | PONG),
        1 => Just(FIN | CLOSE),
        1 => any::<u8>(),
    ];
    let payload = prop_oneof![
        2 => Just(Vec::new()),
        4 => "\\PC{1,40}".prop_map(String::into_bytes),
        // Perhaps the begin or the end of a character.
        2 => Just("é€😀".bytes().collect::<Vec<_>>()).prop_shuffle(),
        1 => "[a-z ]{0,60}".prop_map(|text| deflated(text.as_bytes())),
        // Beyond the limit, with others.
        1 => vec(any::<u8>(), 100..400),
    ];
    (first, payload, any::<[u8; 4]>())
        .prop_map(|(first, payload, mask)| masked(first, mask, &payload))
}

fn cuts() -> impl Strategy<Value = Vec<Index>> {
    vec(any::<Index>(), 0..20)
}

/// The same comes of `bytes` whether they are read at once, in parts, or one by
/// one; and no more is held of them than a message may have.
fn judged_the_same(bytes: &[u8], cuts: &[Index]) -> Result<(), TestCaseError> {
    let whole = decoded_by(&mut Decoder::new(LIMIT, true), bytes);
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    cuts.sort_unstable();
    for cuts in [cuts, (1..bytes.len()).collect()] {
        let mut decoder = Decoder::new(LIMIT, true);
        let (mut messages, mut violation, mut from) = (Vec::new(), None, 0);
        for to in cuts.into_iter().chain([bytes.len()]) {
            let (more, end) = decoded_by(&mut decoder, &bytes[from..to]);
            messages.extend(more);
            violation = end;
            if violation.is_some() {
                break;
            }
            prop_assert!(decoder.held_bytes() <= 2 * LIMIT + 400);
            from = to;
        }
        prop_assert_eq!((&messages, violation), (&whole.0, whole.1));
    }
    Ok(())
}
