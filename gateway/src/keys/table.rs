//! How keys are listed.

use causerie_shared::api_key::{KEY_PREFIX, KeyCard, KeyScope, SecretName};
use causerie_shared::config::Settings;
use causerie_shared::ids::TenantId;

use crate::auth::KeySecret;

const HEAD: [&str; 6] = ["KEY", "SCOPES", "CREATED", "LAST USED", "EXPIRES", "NAME"];

/// What is shown of a key. Times are in milliseconds since 1970.
pub(super) struct Row<'a> {
    pub(super) card: &'a KeyCard,
    pub(super) created_ms: Option<u64>,
    pub(super) used_ms: Option<u64>,
}

/// As what things stand that are listed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Present {
    /// Milliseconds since 1970.
    pub(super) now_ms: u64,
    /// Under which secret keys are checked now; `None` where they are off.
    pub(super) secret: Option<SecretName>,
}

impl Present {
    pub(super) fn of(settings: &Settings, now_ms: u64) -> Self {
        let secret = settings.auth.api_key_secret.as_ref();
        Self {
            now_ms,
            secret: secret.map(|secret| KeySecret::new(secret).name()),
        }
    }
}

/// The keys of `tenant`, one a line.
pub(super) fn table<'a>(
    tenant: &TenantId,
    rows: impl Iterator<Item = Row<'a>>,
    present: Present,
) -> String {
    let mut lines = vec![HEAD.map(str::to_owned)];
    lines.extend(rows.map(|row| cells(&row, present)));
    if lines.len() == 1 {
        return format!("{tenant} has no API keys");
    }
    let mut widths = [0; HEAD.len()];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    let lines = lines.iter().map(|line| {
        let cells = line.iter().zip(widths);
        let padded = cells.map(|(cell, width)| format!("{cell:width$}"));
        let line = padded.collect::<Vec<_>>().join("  ");
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn cells(row: &Row<'_>, present: Present) -> [String; HEAD.len()] {
    let Present { now_ms, secret } = present;
    let Row {
        card,
        created_ms,
        used_ms,
    } = row;
    let scopes: Vec<&str> = card.scopes.iter().copied().map(KeyScope::as_str).collect();
    let ago = |ms: &Option<u64>| {
        ms.map_or_else(
            || "-".to_owned(),
            |ms| match span(now_ms.saturating_sub(ms)) {
                Some(span) => format!("{span} ago"),
                None => "just now".to_owned(),
            },
        )
    };
    let expires = card.until.map(|until| {
        let left_ms = until.saturating_mul(1_000).saturating_sub(now_ms);
        match span(left_ms) {
            _ if left_ms == 0 => "expired".to_owned(),
            Some(span) => format!("in {span}"),
            None => "now".to_owned(),
        }
    });
    let expires = match (secret, card.by) {
        (None, _) => "no secret set".to_owned(),
        (Some(secret), Some(by)) if secret != by => "other secret".to_owned(),
        (Some(_), _) => expires.unwrap_or_else(|| "never".to_owned()),
    };
    [
        format!("{KEY_PREFIX}{}", card.id),
        scopes.join(","),
        ago(created_ms),
        match used_ms {
            // It is not noted more often.
            Some(ms) if now_ms.saturating_sub(*ms) < HOUR_MS => "within the hour".to_owned(),
            used_ms => ago(used_ms),
        },
        expires,
        card.name.clone(),
    ]
}

/// Milliseconds.
const HOUR_MS: u64 = 3_600_000;

/// A time, rounded, in the unit of which it has two at least; `None` for less than two minutes.
fn span(ms: u64) -> Option<String> {
    const MINUTE: u64 = 60_000;
    [(24 * 60, "days"), (60, "hours"), (1, "minutes")]
        .into_iter()
        .map(|(minutes, name)| ((ms + minutes * MINUTE / 2) / (minutes * MINUTE), name))
        .find(|(count, _)| *count >= 2)
        .map(|(count, name)| format!("{count} {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_in_columns() {
        const DAY: u64 = 86_400_000;
        let now_ms = 20_000 * DAY;
        let line = |rest: &str| {
            let hash = "ab".repeat(32);
            format!("ck_16a1b2c3d4e5 scopes=publish,read hash={hash} {rest}")
        };
        let endless: KeyCard = line("name=The shop").parse().unwrap();
        let soon = (now_ms + 3 * DAY / 24) / 1_000;
        let ending: KeyCard = line(&format!("until={soon} name=x")).parse().unwrap();
        let ended: KeyCard = line("until=1 by=0000000a name=x").parse().unwrap();
        let others: KeyCard = line("by=0000000b name=x").parse().unwrap();
        let tenant = TenantId::new("acme").unwrap();
        let row = |card, created_ms, used_ms| Row {
            card,
            created_ms,
            used_ms,
        };
        let rows = [
            row(&endless, Some(now_ms - 40 * DAY), Some(now_ms - DAY)),
            row(&ending, Some(now_ms), None),
            row(&ended, None, None),
            row(&others, None, Some(now_ms - DAY / 48)),
        ];
        let present = Present {
            now_ms,
            secret: Some(SecretName(10)),
        };
        assert_eq!(
            table(&tenant, rows.into_iter(), present),
            "KEY              SCOPES        CREATED      LAST USED        EXPIRES       NAME\n\
             ck_16a1b2c3d4e5  publish,read  40 days ago  24 hours ago     never         The shop\n\
             ck_16a1b2c3d4e5  publish,read  just now     -                in 3 hours    x\n\
             ck_16a1b2c3d4e5  publish,read  -            -                expired       x\n\
             ck_16a1b2c3d4e5  publish,read  -            within the hour  other secret  x"
        );
        let off = Present {
            secret: None,
            ..present
        };
        let listed = table(&tenant, [row(&endless, None, None)].into_iter(), off);
        assert!(listed.contains("no secret set"), "{listed}");
        // Not `in 89 days` a moment after it was made for 90.
        assert_eq!(span(90 * DAY - 1).as_deref(), Some("90 days"));
        assert_eq!(
            table(&tenant, [].into_iter(), present),
            "acme has no API keys"
        );
    }
}
