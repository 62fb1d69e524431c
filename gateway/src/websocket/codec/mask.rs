//! The mask over what a client sends (RFC 6455, 5.3).

/// Takes off, or puts on, the mask of which `key` is what falls on the first
/// of `bytes`.
pub(super) fn apply(key: [u8; 4], bytes: &mut [u8]) {
    let [a, b, c, d] = key;
    let wide_key = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = bytes.as_chunks_mut();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide_key).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

/// The key for what follows `taken` bytes under `key`.
pub(super) fn key_after(mut key: [u8; 4], taken: usize) -> [u8; 4] {
    key.rotate_left(taken % 4);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_meets_its_key() {
        let key = [1, 2, 4, 8];
        for len in 0..40_usize {
            let mut bytes = vec![0; len];
            apply(key, &mut bytes);
            let expected: Vec<_> = key.into_iter().cycle().take(len).collect();
            assert_eq!(bytes, expected);
        }
    }

    #[test]
    fn a_mask_goes_on_where_it_was() {
        let key = [1, 2, 4, 8];
        for first in 0..12 {
            let mut bytes = vec![0; 24];
            let (begin, rest) = bytes.split_at_mut(first);
            apply(key, begin);
            apply(key_after(key, first), rest);
            let mut whole = vec![0; 24];
            apply(key, &mut whole);
            assert_eq!(bytes, whole, "cut at {first}");
        }
    }
}
