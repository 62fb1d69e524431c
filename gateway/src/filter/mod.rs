//! What people write, looked at by the word lists of their tenant before it is stored:
//! `docs/filtering.md`.

mod events;
mod review;
mod telling;

use std::collections::HashMap;
use std::sync::Arc;

use causerie_shared::config;
use causerie_shared::filter::{Filter, Folded, Found, List, Word};
use causerie_shared::ids::TenantId;
use causerie_shared::room::Room;

pub(crate) use events::begin_at_zero;
pub(crate) use review::Review;
pub(crate) use telling::{refused, tell};

/// The word lists of all tenants that have some.
#[derive(Debug, Clone, Default)]
pub struct Filters(HashMap<TenantId, Arc<OfTenant>>);

/// The word lists of one tenant.
#[derive(Debug)]
pub(crate) struct OfTenant {
    /// Those of the installation, which tenants share, and its own.
    filters: Vec<Arc<Filter>>,
    /// Who is told what was found.
    report_to: Option<Room>,
}

impl Filters {
    /// The lists of `tenant`, if it has any.
    pub(crate) fn of(&self, tenant: &TenantId) -> Option<&OfTenant> {
        self.0.get(tenant).map(Arc::as_ref)
    }
}

/// Thousands of words take some milliseconds.
impl From<&config::Settings> for Filters {
    fn from(settings: &config::Settings) -> Self {
        let of_all = &settings.filter;
        let shared = filter(of_all);
        let of_tenant = |tenant: &config::Tenant| {
            let own = &tenant.filter;
            let filters: Vec<_> = shared.clone().into_iter().chain(filter(own)).collect();
            let project = own.report_to.as_ref().or(of_all.report_to.as_ref());
            let of_tenant = OfTenant {
                filters,
                report_to: project.cloned().map(Room::Project),
            };
            (!of_tenant.filters.is_empty()).then(|| (tenant.id.clone(), Arc::new(of_tenant)))
        };
        Self(settings.tenants.iter().filter_map(of_tenant).collect())
    }
}

fn filter(lists: &config::Filter) -> Option<Arc<Filter>> {
    let of = |list, words: &config::Words| -> Vec<(List, Word)> {
        words.iter().map(|word| (list, word.clone())).collect()
    };
    let words = [
        of(List::Flag, &lists.flag),
        of(List::Mask, &lists.mask),
        of(List::Reject, &lists.reject),
    ];
    Filter::new(words.concat()).map(Arc::new)
}

impl OfTenant {
    fn look(&self, text: &str) -> Found {
        let text = Folded::of(text);
        let mut found = Found::default();
        for filter in &self.filters {
            filter.look(&text, &mut found);
        }
        found
    }
}
