//! The bytes that a client sends.

pub(super) const CONTINUATION: u8 = 0x0;
pub(super) const TEXT: u8 = 0x1;
pub(super) const BINARY: u8 = 0x2;
pub(super) const CLOSE: u8 = 0x8;
pub(super) const PING: u8 = 0x9;
pub(super) const PONG: u8 = 0xA;

pub(super) const FIN: u8 = 0x80;
pub(super) const RSV1: u8 = 0x40;

pub(super) const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// A whole message, or a control frame.
pub(super) fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    masked(FIN | opcode, MASK, payload)
}

/// A frame that others of its message follow.
pub(super) fn begun(opcode: u8, payload: &[u8]) -> Vec<u8> {
    masked(opcode, MASK, payload)
}

/// A frame with this first byte and mask.
pub(super) fn masked(first: u8, mask: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut bytes = header(first, payload.len() as u64);
    bytes.extend(mask);
    let masked = payload.iter().zip(mask.iter().cycle());
    bytes.extend(masked.map(|(byte, key)| byte ^ key));
    bytes
}

/// The header of such a frame, up to its mask.
pub(super) fn header(first: u8, len: u64) -> Vec<u8> {
    let mut bytes = vec![first];
    if len < 126 {
        bytes.push(0x80 | len as u8);
    } else if let Ok(len) = u16::try_from(len) {
        bytes.push(0x80 | 126);
        bytes.extend(len.to_be_bytes());
    } else {
        bytes.push(0x80 | 127);
        bytes.extend(len.to_be_bytes());
    }
    bytes
}

/// What a client compresses `text` to, without context takeover.
pub(super) fn deflated(text: &[u8]) -> Vec<u8> {
    let mut stream = flate2::Compress::new(flate2::Compression::best(), false);
    let mut deflated = Vec::with_capacity(text.len() * 2 + 64);
    stream
        .compress_vec(text, &mut deflated, flate2::FlushCompress::Sync)
        .expect("any bytes can be compressed");
    assert_eq!(stream.total_in(), text.len() as u64);
    let end = deflated.split_off(deflated.len() - 4);
    assert_eq!(end, [0, 0, 0xFF, 0xFF]);
    deflated
}
