//! What is kept of who did what is there once, bounded, and for its tenant alone.

use std::time::Duration;

use causerie_shared::bus::audit::{AuditBatch, AuditPage, AuditPart, AuditPlace, AuditRange};
use causerie_shared::bus::{Bus, Retention};
use causerie_shared::ids::TenantId;

use crate::world::{World, eventually, two_nodes};

fn tenant(id: &str) -> TenantId {
    TenantId::new(id).unwrap()
}

fn entries(numbers: impl IntoIterator<Item = u32>) -> Vec<String> {
    let entry = |number| format!(r#"{{"number":{number}}}"#);
    numbers.into_iter().map(entry).collect()
}

async fn keep(bus: &dyn Bus, of: Option<&str>, numbers: impl IntoIterator<Item = u32>) {
    let batch = AuditBatch::new(of.map(tenant), AuditPart::Acts, entries(numbers));
    bus.audit(&batch).await.unwrap();
}

async fn read(bus: &dyn Bus, of: Option<&str>) -> AuditPage {
    let of = of.map(tenant);
    let all = AuditRange::newest(1_000);
    bus.audited(of.as_ref(), &all).await.unwrap()
}

fn some(before: Option<AuditPlace>, limit: usize) -> AuditRange {
    AuditRange {
        before,
        ..AuditRange::newest(limit)
    }
}

fn texts(page: AuditPage) -> Vec<String> {
    page.entries.into_iter().map(|(_, text)| text).collect()
}

pub async fn an_audit_log_is_read_page_by_page_from_the_newest_on<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    keep(&*here, Some("acme"), 0..3).await;
    keep(&*there, Some("acme"), 3..5).await;
    keep(&*here, Some("acme"), 5..6).await;
    let (acme, mut before, mut seen) = (tenant("acme"), None, Vec::new());
    for (length, has_more) in [(4, true), (2, false)] {
        let page = there.audited(Some(&acme), &some(before, 4)).await.unwrap();
        assert_eq!((page.entries.len(), page.has_more), (length, has_more));
        before = page.entries.last().map(|(place, _)| *place);
        seen.extend(page.entries);
    }
    assert!(seen.is_sorted_by(|(later, _), (place, _)| later > place));
    let texts: Vec<_> = seen.into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, entries((0..6).rev()));
    let page = there.audited(Some(&acme), &some(before, 4)).await.unwrap();
    assert_eq!(page, AuditPage::default());
}

pub async fn each_tenant_has_an_audit_log_of_its_own<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    keep(&*here, Some("acme"), [1]).await;
    keep(&*here, Some("bolt"), [2]).await;
    keep(&*here, None, [3]).await;
    for (of, number) in [(Some("acme"), 1), (Some("bolt"), 2), (None, 3)] {
        assert_eq!(texts(read(&*there, of).await), entries([number]));
    }
    assert_eq!(read(&*there, Some("crux")).await, AuditPage::default());
}

pub async fn a_batch_is_kept_once<W: World>() {
    let (_world, here, there) = two_nodes::<W>(Retention::default()).await;
    let batch = AuditBatch::new(None, AuditPart::Acts, entries([1, 2]));
    for node in [&here, &there, &here] {
        node.audit(&batch).await.unwrap();
    }
    assert_eq!(texts(read(&*there, None).await), entries([2, 1]));
}

pub async fn an_audit_log_has_a_length<W: World>() {
    let retention = Retention {
        audit_events: 5,
        ..Retention::default()
    };
    let (_world, here, there) = two_nodes::<W>(retention).await;
    for number in 0..4 {
        keep(&*here, None, [number]).await;
    }
    keep(&*here, None, 4..8).await;
    keep(&*here, Some("acme"), [1]).await;
    let page = read(&*there, None).await;
    assert_eq!((texts(page)), entries((3..8).rev()));
    assert_eq!(texts(read(&*there, Some("acme")).await), entries([1]));
}

pub async fn no_part_of_an_audit_log_pushes_out_another<W: World>() {
    let retention = Retention {
        audit_events: 5,
        ..Retention::default()
    };
    let (_world, here, there) = two_nodes::<W>(retention).await;
    keep(&*here, None, [1, 2]).await;
    for number in 10..30 {
        let batch = AuditBatch::new(None, AuditPart::Strangers, entries([number]));
        here.audit(&batch).await.unwrap();
    }
    let batch = AuditBatch::new(None, AuditPart::Sessions, entries([40]));
    here.audit(&batch).await.unwrap();
    let mut all = read(&*there, None).await.entries;
    assert!(all.is_sorted_by(|(later, _), (place, _)| later > place));
    let (mut before, mut paged) = (None, Vec::new());
    for has_more in [true, true, false] {
        let page = there.audited(None, &some(before, 3)).await.unwrap();
        assert_eq!(page.has_more, has_more);
        before = page.entries.last().map(|(place, _)| *place);
        paged.extend(page.entries);
    }
    assert_eq!(paged, all);
    for (part, count) in [
        (AuditPart::Acts, 2),
        (AuditPart::Sessions, 1),
        (AuditPart::Strangers, 5),
    ] {
        let of_part = AuditRange {
            part: Some(part),
            ..AuditRange::newest(count)
        };
        let page = there.audited(None, &of_part).await.unwrap();
        let expected = all.iter().filter(|(place, _)| place.part == part);
        assert_eq!(page.entries, expected.cloned().collect::<Vec<_>>());
        assert!(!page.has_more && page.entries.len() == count);
    }
    all.sort_by_key(|(place, _)| place.part);
    let texts: Vec<_> = all.into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, entries([2, 1, 40, 29, 28, 27, 26, 25]));
}

pub async fn what_is_too_old_goes<W: World>() {
    let retention = Retention {
        audit_age: Duration::from_secs(1),
        ..Retention::default()
    };
    let (_world, here, there) = two_nodes::<W>(retention).await;
    keep(&*here, None, [1]).await;
    let is_gone = async || read(&*there, None).await.entries.is_empty().then_some(());
    eventually(is_gone).await;
    keep(&*here, None, [2]).await;
    assert_eq!(texts(read(&*there, None).await), entries([2]));
}
