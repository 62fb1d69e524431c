//! How a client's frame begins (RFC 6455, 5.2).

use super::Violation;

/// The largest header: two bytes, eight of length, four of mask.
const MAX_LEN: usize = 14;

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV2_AND_3: u8 = 0x30;
const OPCODE: u8 = 0x0F;
const MASKED: u8 = 0x80;

/// In place of a length: two bytes of length follow.
const LENGTH_IN_16_BITS: u8 = 126;
/// In place of a length: eight bytes of length follow.
const LENGTH_IN_64_BITS: u8 = 127;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    fn of(byte: u8) -> Result<Self, Violation> {
        Ok(match byte & OPCODE {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return Err(Violation::Protocol),
        })
    }

    pub(super) fn is_control(self) -> bool {
        match self {
            Self::Close | Self::Ping | Self::Pong => true,
            Self::Continuation | Self::Text | Self::Binary => false,
        }
    }
}

/// The header of a frame that is by itself as the RFC wants it. Whether the
/// frame is in place where it came is for others to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) opcode: Opcode,
    /// The last of its message.
    pub(super) fin: bool,
    /// RSV1: the message that begins here is compressed.
    pub(super) compressed: bool,
    /// How many bytes follow.
    pub(super) len: u64,
    pub(super) mask: [u8; 4],
}

impl Header {
    /// Reads the header at the front of `input`, and gives what follows it.
    /// `None` where more is needed; what is there may be wrong already.
    fn read(input: &[u8]) -> Result<Option<(Self, &[u8])>, Violation> {
        let Some((&first, rest)) = input.split_first() else {
            return Ok(None);
        };
        let opcode = Opcode::of(first)?;
        let (fin, compressed) = (first & FIN != 0, first & RSV1 != 0);
        let fits_control = fin && !compressed;
        if first & RSV2_AND_3 != 0 || opcode.is_control() && !fits_control {
            return Err(Violation::Protocol);
        }

        let Some((&second, rest)) = rest.split_first() else {
            return Ok(None);
        };
        let short_len = second & !MASKED;
        let fits_control = short_len < LENGTH_IN_16_BITS;
        if second & MASKED == 0 || opcode.is_control() && !fits_control {
            return Err(Violation::Protocol);
        }

        let Some((len, rest)) = read_length(short_len, rest)? else {
            return Ok(None);
        };
        Ok(rest.split_first_chunk().map(|(&mask, rest)| {
            let header = Self {
                opcode,
                fin,
                compressed,
                len,
                mask,
            };
            (header, rest)
        }))
    }
}

/// A length has to be in the shortest of its three forms, and below 2^63.
fn read_length(short: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, Violation> {
    let (len, rest, shortest) = match short {
        LENGTH_IN_16_BITS => {
            let Some((&bytes, rest)) = rest.split_first_chunk() else {
                return Ok(None);
            };
            let len = u16::from_be_bytes(bytes);
            (len.into(), rest, len >= LENGTH_IN_16_BITS.into())
        }
        LENGTH_IN_64_BITS => {
            let Some((&bytes, rest)) = rest.split_first_chunk() else {
                return Ok(None);
            };
            let len = u64::from_be_bytes(bytes);
            (len, rest, len > u16::MAX.into() && len >> 63 == 0)
        }
        len => (len.into(), rest, true),
    };
    if shortest {
        Ok(Some((len, rest)))
    } else {
        Err(Violation::Protocol)
    }
}

/// A header, or the part of one that has come so far.
#[derive(Debug, Default)]
pub(super) struct HeaderReader {
    bytes: [u8; MAX_LEN],
    len: usize,
}

impl HeaderReader {
    /// Nothing of a header has come.
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes a header off the front of `input`. `None` where that ends before
    /// the header does.
    pub(super) fn read(&mut self, input: &mut &[u8]) -> Result<Option<Header>, Violation> {
        if self.is_empty()
            && let Some((header, rest)) = Header::read(input)?
        {
            *input = rest;
            return Ok(Some(header));
        }
        while let Some((&byte, rest)) = input.split_first() {
            *input = rest;
            if let Some(header) = self.push(byte)? {
                self.len = 0;
                return Ok(Some(header));
            }
        }
        Ok(None)
    }

    fn push(&mut self, byte: u8) -> Result<Option<Header>, Violation> {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
        let so_far = self.bytes.get(..self.len).unwrap_or_default();
        Ok(Header::read(so_far)?.map(|(header, _)| header))
    }
}
