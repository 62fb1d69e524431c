//! Which addresses may come in.

use std::net::IpAddr;

use causerie_shared::config::Cidr;

/// Which addresses may come in, to an installation or to one tenant of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permitted {
    /// The only ones; all where none is named.
    allowed: Vec<Cidr>,
    blocked: Vec<Cidr>,
}

impl Permitted {
    /// Those of the networks `allowed`, or all where it is empty, without those of
    /// `blocked`.
    pub fn new(allowed: &[Cidr], blocked: &[Cidr]) -> Self {
        Self {
            allowed: allowed.to_vec(),
            blocked: blocked.to_vec(),
        }
    }

    /// Whether `client` is one of them.
    pub fn has(&self, client: IpAddr) -> bool {
        let among = |networks: &[Cidr]| networks.iter().any(|network| network.contains(client));
        (self.allowed.is_empty() || among(&self.allowed)) && !among(&self.blocked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_is_no_rule_and_what_is_in_both_is_blocked() {
        let networks = |texts: &[&str]| -> Vec<Cidr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let of = |allowed: &[&str], blocked: &[&str]| {
            let permitted = Permitted::new(&networks(allowed), &networks(blocked));
            ["192.0.2.1", "192.0.2.200", "2001:db8::1"]
                .map(|client| permitted.has(client.parse().unwrap()))
        };
        assert_eq!(of(&[], &[]), [true, true, true]);
        assert_eq!(of(&["192.0.2.0/24"], &[]), [true, true, false]);
        assert_eq!(of(&[], &["192.0.2.128/25"]), [true, false, true]);
        assert_eq!(
            of(&["192.0.2.0/24"], &["192.0.2.128/25"]),
            [true, false, false]
        );
    }
}
