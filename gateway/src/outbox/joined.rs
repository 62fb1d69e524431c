//! Frames that many get one after the other.

use std::sync::{Arc, OnceLock};

use bytes::{Bytes, BytesMut};

use crate::frame::OutFrame;

/// Frames that many get one after the other, put together once for all of them:
/// one write costs little more than that of a single frame.
#[derive(Debug)]
pub(crate) struct Joined {
    frames: Vec<Arc<OutFrame>>,
    plain: OnceLock<Bytes>,
    deflated: OnceLock<Bytes>,
}

impl Joined {
    pub(crate) fn new(frames: Vec<Arc<OutFrame>>) -> Self {
        Self {
            frames,
            plain: OnceLock::new(),
            deflated: OnceLock::new(),
        }
    }

    pub(crate) fn frames(&self) -> &[Arc<OutFrame>] {
        &self.frames
    }

    /// The bytes that go through a WebSocket.
    pub(super) fn bytes(&self, is_deflated: bool) -> &Bytes {
        let joined = if is_deflated {
            &self.deflated
        } else {
            &self.plain
        };
        joined.get_or_init(|| match &*self.frames {
            [one] => one.wire(is_deflated).clone(),
            many => join(many, is_deflated),
        })
    }

    /// How many whole frames the first `bytes` hold, and how many bytes of the
    /// next.
    pub(super) fn split_at(&self, mut bytes: usize, is_deflated: bool) -> (usize, usize) {
        let mut whole = 0;
        for frame in &self.frames {
            let Some(beyond) = bytes.checked_sub(frame.wire(is_deflated).len()) else {
                break;
            };
            bytes = beyond;
            whole += 1;
        }
        (whole, bytes)
    }
}

fn join(frames: &[Arc<OutFrame>], is_deflated: bool) -> Bytes {
    let bytes = || frames.iter().map(|frame| frame.wire(is_deflated));
    let mut joined = BytesMut::with_capacity(bytes().map(Bytes::len).sum());
    for bytes in bytes() {
        joined.extend_from_slice(bytes);
    }
    joined.freeze()
}
