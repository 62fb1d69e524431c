//! What is asked of everybody who comes, and of those who come to a tenant.

use super::asked::{Asked, PageOrigin};
use super::refusal::Refusal;
use crate::auth::Tenant;

/// Checks that something says which tenant it is.
///
/// # Errors
/// 400.
pub(super) fn check_tenant_is_named(asked: &Asked) -> Result<(), Refusal> {
    if asked.tenant.is_none() && asked.token.is_none() {
        return Err(Refusal::bad_request(
            "Nothing names the tenant: send a token, or `t` in the query.",
        )
        .because("no_tenant"));
    }
    Ok(())
}

/// Checks what a tenant asks of those who come to it: from where they come, and from
/// which page.
///
/// # Errors
/// 403.
pub(super) fn check_tenants_rules(
    asked: &Asked,
    is_bearer: bool,
    tenant: &Tenant,
) -> Result<(), Refusal> {
    if !tenant.permits(asked.client) {
        let content = "Your address may not come in here: ask whoever sent you here.";
        return Err(Refusal::forbidden(content).because("ip_blocked_by_tenant"));
    }
    check_origin(asked, is_bearer, tenant)?;
    check_tenants_agree(asked, tenant)
}

fn check_origin(asked: &Asked, is_bearer: bool, tenant: &Tenant) -> Result<(), Refusal> {
    let owns = match &asked.origin {
        Some(PageOrigin::Named(origin)) => tenant.owns(origin),
        None | Some(PageOrigin::Same(_)) if is_bearer => true,
        Some(PageOrigin::Same(host)) => ["http", "https"]
            .iter()
            .any(|scheme| tenant.owns(&format!("{scheme}://{host}"))),
        None => false,
    };
    match (owns, &asked.origin) {
        (true, _) => Ok(()),
        (false, Some(_)) => Err(Refusal::forbidden(
            "This page's origin is not among those of the tenant: add it to `origins`.",
        )
        .because("origin")),
        (false, None) => Err(Refusal::forbidden(
            "Visitors are taken only from the tenant's pages, and no `Origin` was sent: \
             send a token.",
        )
        .because("no_origin")),
    }
}

fn check_tenants_agree(asked: &Asked, tenant: &Tenant) -> Result<(), Refusal> {
    match &asked.tenant {
        Some(hash) if *hash != tenant.hash => Err(Refusal::forbidden(
            "The token is not of the tenant that `t` names.",
        )
        .because("tenant_mismatch")),
        None | Some(_) => Ok(()),
    }
}
