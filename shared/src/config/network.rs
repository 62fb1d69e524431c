//! Networks, and the header in which a proxy names its client.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use http::HeaderName;

use super::value::Scalar;

/// A network in CIDR notation (RFC 4632, RFC 4291), or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cidr {
    network: IpAddr,
    /// How many of the network's first bits an address of it shares.
    prefix: u8,
}

impl Cidr {
    /// This machine.
    pub const LOOPBACK: [Self; 2] = [
        Self {
            network: IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)),
            prefix: 8,
        },
        Self {
            network: IpAddr::V6(Ipv6Addr::LOCALHOST),
            prefix: 128,
        },
    ];

    /// Whether it is all of IPv4, or of IPv6.
    pub fn is_everything(&self) -> bool {
        self.prefix == 0
    }

    /// Whether `address` is of this network. An IPv4 address that is written as
    /// IPv6 (`::ffff:192.0.2.1`) is taken for what it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        let differing = match (self.network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                (network.to_bits() ^ address.to_bits()).leading_zeros()
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                (network.to_bits() ^ address.to_bits()).leading_zeros()
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
        };
        differing >= u32::from(self.prefix)
    }
}

/// Whether nobody reaches `address` from the internet: it is of this machine, or of a network
/// of its owner's (RFC 1918, 6598, 4193), or of a link.
pub(super) fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            address.is_loopback()
                || address.is_private()
                || address.is_link_local()
                || (first == 100 && second & 0b1100_0000 == 64)
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

/// What is wrong with a text that should be a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a network is an IP address, or one with / and the length of its prefix")]
pub struct InvalidCidr;

impl FromStr for Cidr {
    type Err = InvalidCidr;
    fn from_str(text: &str) -> Result<Self, InvalidCidr> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let network: IpAddr = address.parse().map_err(|_| InvalidCidr)?;
        let longest = if network.is_ipv4() { 32 } else { 128 };
        let prefix: u8 = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| InvalidCidr)?,
            None => longest,
        };
        if prefix > longest {
            return Err(InvalidCidr);
        }
        // As addresses are when they are looked for: ::ffff:192.0.2.0/120 is 192.0.2.0/24.
        Ok(match (network.to_canonical(), prefix.checked_sub(96)) {
            (canonical @ IpAddr::V4(_), Some(prefix)) if network.is_ipv6() => Self {
                network: canonical,
                prefix,
            },
            _ => Self { network, prefix },
        })
    }
}

impl Scalar for Cidr {
    const KIND: &'static str = "network";
    fn expected() -> String {
        "an IP address or a network such as 10.0.0.0/8 or 2001:db8::/32".into()
    }
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
    fn show(&self) -> toml::Value {
        self.to_string().into()
    }
}

impl Scalar for HeaderName {
    const KIND: &'static str = "header";
    fn expected() -> String {
        "the name of a header such as X-Forwarded-For, Forwarded or X-Real-IP".into()
    }
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
    fn show(&self) -> toml::Value {
        self.as_str().into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn networks_hold_their_addresses_and_no_others() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("10.9.8.7/8", "10.0.0.1", "9.255.255.255"),
            ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("192.0.2.1", "::ffff:192.0.2.1", "::192.0.2.1"),
            ("0.0.0.0/0", "255.1.2.3", "::1"),
            ("::ffff:192.0.2.0/120", "192.0.2.9", "192.0.3.1"),
            ("::/0", "2001:db8::1", "1.2.3.4"),
            ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"),
            ("::1", "::1", "::2"),
        ] {
            let cidr: Cidr = network.parse().unwrap();
            assert!(cidr.contains(inside.parse().unwrap()), "{network} {inside}");
            assert!(
                !cidr.contains(outside.parse().unwrap()),
                "{network} {outside}"
            );
        }
        for bad in [
            "",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0/8",
            "::/129",
            "::1/-1",
            "host",
            "*",
        ] {
            assert_eq!(bad.parse::<Cidr>(), Err(InvalidCidr), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_prefix_is_what_counts(bits: u128, length in 0_u8..=128, flipped in 0_u32..128) {
            let address = |bits: u128| IpAddr::V6(bits.into());
            let cidr: Cidr = format!("{}/{length}", address(bits)).parse().unwrap();
            let other = address(bits ^ (1 << (127 - flipped)));
            // Others are taken for IPv4.
            prop_assume!(other.to_canonical() == other && address(bits).to_canonical() == address(bits));
            prop_assert!(cidr.contains(address(bits)));
            prop_assert_eq!(cidr.contains(other), flipped >= u32::from(length));
        }
    }
}
