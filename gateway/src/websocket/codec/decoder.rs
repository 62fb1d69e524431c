//! Bytes in, messages out.

use std::mem::take;

use super::assembly::{Assembly, push_unmasked};
use super::header::{Header, HeaderReader, Opcode};
use super::{Message, Violation, close_frame, mask};

/// How many frames of a message are read at once. They take some ten microseconds, and one
/// read may bring thousands that are next to empty.
const FRAMES_A_CALL: usize = 256;

/// Reads what one client sends. Between messages it is two words without a
/// heap; what has come of a message is held until the message is whole.
#[derive(Debug)]
pub struct Decoder {
    unfinished: Option<Box<Unfinished>>,
    rules: Rules,
}

/// What a connection's messages are held to.
#[derive(Debug, Clone, Copy)]
struct Rules {
    max_message_bytes: u32,
    deflate: bool,
}

impl Decoder {
    /// For messages of up to `max_message_bytes`, which may be compressed where
    /// `deflate` was agreed on.
    pub fn new(max_message_bytes: usize, deflate: bool) -> Self {
        Self {
            unfinished: None,
            rules: Rules {
                max_message_bytes: u32::try_from(max_message_bytes).unwrap_or(u32::MAX),
                deflate,
            },
        }
    }

    /// Takes bytes off the front of `input` up to the end of the next message,
    /// and gives that message. `None` where `input` ends before, or the message
    /// comes in so many frames that others should have their turn. Call it again
    /// while something is left of `input`; bytes may be split between calls
    /// anywhere.
    ///
    /// # Errors
    /// The [`Violation`], as soon as it can be known. Nothing after it means
    /// anything: the decoder is not to be used again.
    pub fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Message>, Violation> {
        let mut fresh = Unfinished::default();
        let unfinished = self.unfinished.as_deref_mut().unwrap_or(&mut fresh);
        let message = unfinished.read(input, self.rules)?;
        if unfinished.is_empty() {
            self.unfinished = None;
        } else if self.unfinished.is_none() {
            self.unfinished = Some(Box::new(fresh));
        }
        Ok(message)
    }
}

#[cfg(test)]
impl Decoder {
    /// Nothing has come of a next message.
    pub(super) fn is_idle(&self) -> bool {
        self.unfinished.is_none()
    }

    /// For how many bytes of payload there is room.
    pub(super) fn held_bytes(&self) -> usize {
        let unfinished = self.unfinished.as_ref();
        unfinished.map_or(0, |unfinished| {
            let message = unfinished.message.as_ref();
            unfinished.control.capacity() + message.map_or(0, Assembly::held_bytes)
        })
    }
}

/// What has been read of something that is not whole yet.
#[derive(Debug, Default)]
struct Unfinished {
    header: HeaderReader,
    frame: Option<Frame>,
    message: Option<Assembly>,
    /// The payload of a control frame, which may stand amid a message's frames.
    control: Vec<u8>,
}

/// A frame whose payload is coming.
#[derive(Debug, Clone, Copy)]
struct Frame {
    opcode: Opcode,
    fin: bool,
    /// How many bytes of it are still to come.
    left: u64,
    /// The mask, as it falls on them.
    mask: [u8; 4],
}

impl Unfinished {
    fn is_empty(&self) -> bool {
        self.header.is_empty() && self.frame.is_none() && self.message.is_none()
    }

    fn read(&mut self, input: &mut &[u8], rules: Rules) -> Result<Option<Message>, Violation> {
        for _ in 0..FRAMES_A_CALL {
            let frame = match self.frame.take() {
                Some(frame) => frame,
                None => match self.header.read(input)? {
                    Some(header) => self.begin(&header, rules)?,
                    None => return Ok(None),
                },
            };
            let frame = self.take_payload(frame, input)?;
            if frame.left > 0 {
                self.frame = Some(frame);
                return Ok(None);
            }
            if let Some(message) = self.end(frame, rules)? {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    /// Refuses a frame that is out of place, or of a message too large.
    fn begin(&mut self, header: &Header, rules: Rules) -> Result<Frame, Violation> {
        let begins_message = match (header.opcode, &self.message) {
            (Opcode::Text | Opcode::Binary, None) => true,
            (Opcode::Continuation, Some(_)) | (Opcode::Close | Opcode::Ping | Opcode::Pong, _) => {
                false
            }
            (Opcode::Continuation, None) | (Opcode::Text | Opcode::Binary, Some(_)) => {
                return Err(Violation::Protocol);
            }
        };
        if header.compressed && !(rules.deflate && begins_message) {
            return Err(Violation::Protocol);
        }
        if begins_message {
            self.message = Some(Assembly::new(header));
        }
        if let Some(message) = &mut self.message
            && !header.opcode.is_control()
        {
            message.announce(header.len, rules.max_message_bytes)?;
        }
        Ok(Frame {
            opcode: header.opcode,
            fin: header.fin,
            left: header.len,
            mask: header.mask,
        })
    }

    /// Takes as much of `frame` as has come off the front of `input`, and gives
    /// what is left of it.
    fn take_payload(&mut self, frame: Frame, input: &mut &[u8]) -> Result<Frame, Violation> {
        let len = usize::try_from(frame.left).map_or(input.len(), |left| left.min(input.len()));
        let (payload, rest) = input.split_at_checked(len).unwrap_or((input, &[]));
        *input = rest;
        let left = frame.left.saturating_sub(len as u64);
        if frame.opcode.is_control() {
            push_unmasked(&mut self.control, payload, frame.mask);
        } else if let Some(message) = &mut self.message {
            message.push(payload, frame.mask);
            let is_whole = left == 0 && frame.fin;
            if !is_whole {
                message.check()?;
            }
        }
        Ok(Frame {
            left,
            mask: mask::key_after(frame.mask, len),
            ..frame
        })
    }

    /// What `frame`, all of which has come, makes whole.
    fn end(&mut self, frame: Frame, rules: Rules) -> Result<Option<Message>, Violation> {
        Ok(Some(match frame.opcode {
            Opcode::Close => Message::Close(close_frame::read(&take(&mut self.control))?),
            Opcode::Ping => Message::Ping(take(&mut self.control)),
            Opcode::Pong => {
                self.control = Vec::new();
                Message::Pong
            }
            Opcode::Continuation | Opcode::Text | Opcode::Binary => {
                return match self.message.take_if(|_| frame.fin) {
                    Some(message) => message.finish(rules.max_message_bytes).map(Some),
                    None => Ok(None),
                };
            }
        }))
    }
}
