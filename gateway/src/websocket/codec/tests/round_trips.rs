//! Whatever a client sends, however it cuts it up, comes out as it was.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::client::{BINARY, CONTINUATION, FIN, PING, RSV1, TEXT, deflated, masked};
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
        cut in any::<Index>(),
    ) {
        judged_the_same(&noise, cut)?;
    }

    #[test]
    fn damage_is_judged_the_same_however_it_is_read(
        sent in vec(sent(), 1..5),
        damaged in any::<Index>(),
        damage in 1..=255_u8,
        cut in any::<Index>(),
    ) {
        let mut wire: Vec<_> = sent.iter().flat_map(|sent| sent.encoded().0).collect();
        let index = damaged.index(wire.len());
        wire[index] ^= damage;
        judged_the_same(&wire, cut)?;
    }
}

/// The same comes of `bytes` whether they are read at once or in two parts.
fn judged_the_same(bytes: &[u8], cut: Index) -> Result<(), TestCaseError> {
    let whole = decoded_by(&mut Decoder::new(LIMIT, true), bytes);
    let (begin, end) = bytes.split_at(cut.index(bytes.len() + 1));
    let mut decoder = Decoder::new(LIMIT, true);
    let (mut messages, mut violation) = decoded_by(&mut decoder, begin);
    if violation.is_none() {
        let rest = decoded_by(&mut decoder, end);
        messages.extend(rest.0);
        violation = rest.1;
    }
    prop_assert_eq!((messages, violation), whole);
    Ok(())
}
