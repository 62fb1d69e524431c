//! Compressed messages (RFC 7692), each of which can be read by itself.

use flate2::{Decompress, FlushDecompress, Status};

use super::frame::Invalid;

/// What a server leaves out at the end of each message.
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

/// No text of a load test is so long.
const LONGEST: usize = 16 << 20;

/// What the connections of a thread read compressed messages with. What many hear
/// is compressed once by a good server, so it is read once: who hears it after
/// another costs a comparison.
#[derive(Debug)]
pub(crate) struct Inflater {
    decompress: Decompress,
    /// The message that was read last, as it came, with [`TAIL`].
    compressed: Vec<u8>,
    text: Vec<u8>,
}

impl Default for Inflater {
    fn default() -> Self {
        Self {
            decompress: Decompress::new(false),
            compressed: Vec::new(),
            text: Vec::new(),
        }
    }
}

impl Inflater {
    /// The text of a message.
    pub(crate) fn inflate(&mut self, message: &[u8]) -> Result<&[u8], Invalid> {
        if self.compressed.strip_suffix(&TAIL) != Some(message) {
            self.compressed.clear();
            self.compressed.extend_from_slice(message);
            self.compressed.extend_from_slice(&TAIL);
            if self.inflate_anew().is_none() {
                self.compressed.clear();
                return Err(Invalid);
            }
        }
        Ok(&self.text)
    }

    fn inflate_anew(&mut self) -> Option<()> {
        self.decompress.reset(false);
        self.text.clear();
        loop {
            let read = usize::try_from(self.decompress.total_in()).ok()?;
            let rest = self.compressed.get(read..)?;
            if rest.is_empty() && self.text.len() < self.text.capacity() {
                return Some(());
            }
            if self.text.len() > LONGEST {
                return None;
            }
            self.text.reserve(rest.len() * 4 + 256);
            let flush = FlushDecompress::Sync;
            let status = self.decompress.decompress_vec(rest, &mut self.text, flush);
            match status.ok()? {
                Status::Ok | Status::BufError => {}
                Status::StreamEnd => return Some(()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compress, Compression, FlushCompress};

    use super::*;

    fn compressed(text: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(text.len() + 1024);
        let mut compress = Compress::new(Compression::fast(), false);
        let status = compress.compress_vec(text, &mut bytes, FlushCompress::Sync);
        assert_eq!(status.unwrap(), Status::Ok);
        bytes.strip_suffix(&TAIL).unwrap().to_vec()
    }

    #[test]
    fn what_was_compressed_is_read_again_and_again() {
        let mut inflater = Inflater::default();
        let texts = [
            "",
            "load:1:2:3:It was",
            &"a".repeat(100_000),
            &"x-".repeat(500),
        ];
        for text in texts {
            let message = compressed(text.as_bytes());
            for _ in 0..3 {
                assert_eq!(inflater.inflate(&message).unwrap(), text.as_bytes());
            }
        }
    }

    #[test]
    fn what_is_not_compressed_is_refused_and_does_not_stay() {
        let mut inflater = Inflater::default();
        let message = compressed(b"load");
        for _ in 0..2 {
            assert_eq!(inflater.inflate(b"\xFF\xFF\xFF"), Err(Invalid));
            assert_eq!(inflater.inflate(&message), Ok(&b"load"[..]));
        }
    }
}
