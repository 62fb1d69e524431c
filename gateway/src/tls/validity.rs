//! From when to when a certificate holds.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pkcs8::der::asn1::{AnyRef, GeneralizedTime, UtcTime};
use pkcs8::der::{Decode, Error, Reader, SliceReader, Tag};

const DAY: Duration = Duration::from_secs(86_400);

/// From when to when a certificate holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) begin: SystemTime,
    pub(super) end: SystemTime,
}

impl Validity {
    /// Of a certificate in DER: RFC 5280, section 4.1. What stands before it there is
    /// passed over.
    ///
    /// # Errors
    /// It is no certificate.
    pub(super) fn of(certificate: &[u8]) -> Result<Self, Error> {
        let certificate = AnyRef::from_der(certificate)?;
        let mut certificate = SliceReader::new(certificate.value())?;
        let signed = AnyRef::decode(&mut certificate)?;
        let mut fields = SliceReader::new(signed.value())?;
        // The version is only there where it is not the first.
        if !Tag::peek(&fields)?.is_context_specific() {
            return Self::after_serial(&mut fields);
        }
        AnyRef::decode(&mut fields)?;
        Self::after_serial(&mut fields)
    }

    fn after_serial<'a>(fields: &mut impl Reader<'a>) -> Result<Self, Error> {
        for _serial_algorithm_issuer in 0..3 {
            AnyRef::decode(fields)?;
        }
        let validity = AnyRef::decode(fields)?;
        let mut times = SliceReader::new(validity.value())?;
        Ok(Self {
            begin: time(&mut times)?,
            end: time(&mut times)?,
        })
    }

    /// Whole days until it ends; 0 where it has.
    pub(super) fn days_left(&self, now: SystemTime) -> u64 {
        let left = self.end.duration_since(now).unwrap_or_default();
        left.as_secs() / DAY.as_secs()
    }
}

fn time<'a>(from: &mut impl Reader<'a>) -> Result<SystemTime, Error> {
    let time = AnyRef::decode(from)?;
    let since = match time.decode_as::<UtcTime>() {
        Ok(time) => time.to_unix_duration(),
        Err(_) => time.decode_as::<GeneralizedTime>()?.to_unix_duration(),
    };
    Ok(UNIX_EPOCH + since)
}
