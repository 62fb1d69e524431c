//! Those who are refused are noted.

use causerie_shared::api_key::ApiKey;

use super::Admission;
use super::asked::Asked;
use super::asker::Asker;
use super::refusal::Refusal;
use crate::audit::{Note, What};
use crate::identity::Identity;

/// What is believed of one who asks.
#[derive(Debug, Clone, Copy)]
pub(super) enum Known<'a> {
    /// Nothing.
    Nobody,
    /// That it is this user.
    User(&'a Identity),
    /// That it is a server with this key.
    Server(&'a ApiKey),
}

impl Admission {
    /// Notes that one who is known may not do what they ask for.
    pub(crate) fn not_allowed(&self, asked: &Asked, asker: &Asker, refusal: Refusal) -> Refusal {
        let known = match asker {
            Asker::Person(identity) => Known::User(identity),
            Asker::Server(key) => Known::Server(key),
        };
        self.refused(asked, known, refusal)
    }

    /// Notes that one who asks is refused. Where nothing is believed of them it is noted
    /// for the tenant that they name, if it is one.
    pub(super) fn refused(&self, asked: &Asked, known: Known<'_>, refusal: Refusal) -> Refusal {
        self.gateway.note(|| {
            let note = match known {
                Known::Nobody => {
                    let tenant = asked.tenant.as_ref();
                    let tenant = tenant.and_then(|hash| self.auth.tenant(hash));
                    let tenant = tenant.as_ref().map(|tenant| &tenant.id);
                    Note::of_nobody(What::Refuse, tenant)
                }
                Known::User(identity) => Note::of_user(What::Refuse, identity),
                Known::Server(key) => Note::of_key(What::Refuse, key),
            };
            note.from(asked.client).failed(refusal.reason())
        });
        refusal
    }
}
