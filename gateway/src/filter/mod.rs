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

#[cfg(test)]
mod tests {
    use causerie_shared::config::{Loader, Program, Sources};

    use super::*;

    const TENANTS: &str = r#"tenants=[{"id":"bolt","hash":"b"},{"id":"acme","hash":"a",
        "filter":{"reject":["own"],"report_to":"ours"}}]"#;

    /// What was found in a text with both lists' words, and who is told.
    fn found(set: &[&str], tenant: &str) -> Option<([usize; 3], Option<String>)> {
        let sources = Sources {
            set: set.iter().map(|&key| key.to_owned()).collect(),
            ..Sources::default()
        };
        let loader = Loader::new(Program::Standalone, sources).unwrap();
        let filters = Filters::from(&loader.load().unwrap());
        let of_tenant = filters.of(&TenantId::new(tenant).unwrap())?;
        let found = of_tenant.look("bad words of our own");
        let counts = [found.flagged, found.masked, found.rejected].map(|places| places.len());
        Some((counts, of_tenant.report_to.as_ref().map(Room::to_string)))
    }

    #[test]
    fn a_tenant_has_words_of_its_own_beside_those_of_all() {
        let all = ["filter.mask=bad, words", "filter.report_to=all", TENANTS];
        let told = |project: &str| Some(format!("project:{project}"));
        assert_eq!(found(&all, "acme"), Some(([0, 2, 1], told("ours"))));
        assert_eq!(found(&all, "bolt"), Some(([0, 2, 0], told("all"))));
        assert_eq!(found(&[TENANTS], "acme"), Some(([0, 0, 1], told("ours"))));
        assert_eq!(found(&[TENANTS], "bolt"), None);
        assert_eq!(found(&["filter.report_to=all", TENANTS], "bolt"), None);
        // That of `causerie` without configuration too.
        assert_eq!(found(&["filter.flag=our"], "demo"), Some(([1, 0, 0], None)));
    }
}
