//! Where servers may ask too, with an API key.

use std::sync::Arc;

use super::asked::Asked;
use super::asker::Asker;
use super::noting::Known;
use super::refusal::Refusal;
use super::rules::check_tenants_rules;
use super::{Admission, Disbelieved, bus_failed};
use crate::auth::{KeyRefused, VerifiedKey};
use crate::limits::across::Whom;
use crate::limits::counted::Counted;

impl Admission {
    /// Checks one who asks for what is for servers: nobody is taken for a visitor there,
    /// but told what to send.
    ///
    /// # Errors
    /// As [`identify_any`](Self::identify_any).
    pub(crate) async fn identify_server(&self, asked: &Asked) -> Result<Asker, Refusal> {
        if asked.token.is_some() {
            return self.identify_any(asked).await;
        }
        self.check_address(asked)?;
        let refusal = self.refuse(Counted::Requests, asked, Disbelieved::Nobody);
        Err(refusal.await)
    }

    /// As [`identify`](Self::identify), for servers too. Whoever comes with a key that is no
    /// good counts as their address, as those do whose token is not believed.
    ///
    /// # Errors
    /// 400, 403 of the address, 429, 401 or 403, in this order; 503 where the key cannot
    /// be looked up.
    pub(crate) async fn identify_any(&self, asked: &Asked) -> Result<Asker, Refusal> {
        let Some(key) = asked.api_key() else {
            let caller = self.identify(asked).await?;
            return Ok(Asker::Person(caller.identity));
        };
        self.check_address(asked)?;
        let verified = self.auth.verify_key(key, &*self.gateway.bus).await;
        let checked = self.check_key(asked, &verified).await;
        checked.map_err(|refusal| {
            let known = match &verified {
                Ok(verified) => Known::Server(&verified.key),
                Err(_) => Known::Nobody,
            };
            self.refused(asked, known, refusal)
        })
    }

    async fn check_key(
        &self,
        asked: &Asked,
        verified: &Result<VerifiedKey, KeyRefused>,
    ) -> Result<Asker, Refusal> {
        let verified = match verified {
            Ok(verified) => Ok(verified),
            Err(KeyRefused::Bad(error)) => Err(error.clone()),
            Err(KeyRefused::Bus(error)) => return Err(bus_failed(error).into()),
        };
        let whom = match &verified {
            Ok(verified) => Whom::Server(&verified.key),
            Err(_) => Whom::Address,
        };
        self.gateway
            .count(Counted::Requests, asked.source(), whom)
            .await?;
        let VerifiedKey { key, tenant } = verified?;
        check_tenants_rules(asked, true, tenant)?;
        Ok(Asker::Server(Arc::clone(key)))
    }
}
