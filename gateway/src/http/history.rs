//! `GET /api/rooms/{room}/history`: a part of a room's log.

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use causerie_shared::bus::log::HistoryRange;
use causerie_shared::position::Epoch;
use causerie_shared::record::Record;
use causerie_shared::room::{Room, RoomKey};
use http::request::Parts;
use url::form_urlencoded;

use super::text_format::TextFormat;
use super::{Edge, RoomPath};
use crate::actions::bus_failed;
use crate::admission::{Asked, Asker, Refusal};
use crate::permission::Act;

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 500;

pub(super) async fn read(
    State(edge): State<Edge>,
    RoomPath(room): RoomPath,
    parts: Parts,
) -> Result<Response, Refusal> {
    let query = parts.uri.query().unwrap_or("");
    let (wanted, format) = (Wanted::read(query)?, TextFormat::read(query)?);
    let asked = Asked::read(&parts)?;
    let reader = edge.admission.identify_any(&asked).await?;
    let room = reader.resolve(room)?;
    reader
        .check(Act::ReadHistory, &room)
        .map_err(|refusal| edge.admission.not_allowed(&asked, &reader, refusal))?;
    let history = seen_by(&reader, &asked, &edge, &room, &wanted).await?;
    Ok(format.answer(encode(&history)))
}

/// Which part of the log is wanted.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    range: HistoryRange,
    limit: usize,
}

impl Wanted {
    fn read(query: &str) -> Result<Self, Refusal> {
        let mut wanted = Self {
            range: HistoryRange::default(),
            limit: DEFAULT_LIMIT,
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "before" => wanted.range.before = Some(number("before", &value)?),
                "after" => wanted.range.after = Some(number("after", &value)?),
                "limit" => wanted.limit = limit(&value)?,
                _ => {}
            }
        }
        Ok(wanted)
    }
}

fn number(name: &str, value: &str) -> Result<u64, Refusal> {
    value
        .parse()
        .map_err(|_| Refusal::bad_request(format!("`{name}` must be the `seq` of an event.")))
}

fn limit(value: &str) -> Result<usize, Refusal> {
    value
        .parse()
        .ok()
        .filter(|limit| (1..=MAX_LIMIT).contains(limit))
        .ok_or_else(|| Refusal::bad_request(format!("`limit` must be 1 to {MAX_LIMIT}.")))
}

/// What a reader may see of a log.
struct Seen {
    epoch: Epoch,
    records: Vec<Record>,
    has_more: bool,
}

/// Reads until there are as many events as are wanted, or as fit into a page, that `reader`
/// may see: visitors see few of those in the tenant's room. For them the log is read in
/// the largest steps: how many there are is not for the one who asks to say. Each step
/// counts as a request, or one request might read all of a log.
async fn seen_by(
    reader: &Asker,
    asked: &Asked,
    edge: &Edge,
    room: &Room,
    wanted: &Wanted,
) -> Result<Seen, Refusal> {
    let key = RoomKey::new(reader.tenant().clone(), room.clone());
    let page_bytes = edge.gateway.settings().page_bytes;
    let forward = wanted.range.after.is_some();
    let mut range = wanted.range;
    let mut seen: Vec<Record> = Vec::new();
    let mut step = wanted.limit;
    loop {
        let page = edge.gateway.bus.history(&key, range, step).await;
        let page = page.map_err(|error| bus_failed(&error))?;
        step = MAX_LIMIT;
        let read = page.records.len();
        let visible = page.records.into_iter();
        let mut visible: Vec<Record> = visible
            .filter(|record| reader.sees(room, &record.header.event))
            .collect();
        let is_all_visible = visible.len() == read;
        if forward {
            seen.append(&mut visible);
            range.after = page.reached.or(range.after);
        } else {
            visible.append(&mut seen);
            seen = visible;
            range.before = page.reached.or(range.before);
        }
        let is_cut = cut(&mut seen, forward, wanted.limit, page_bytes);
        // Of those that are all visible there are fewer than wanted only where they fill
        // a page by their bytes.
        let is_full = is_cut || seen.len() >= wanted.limit || (is_all_visible && !seen.is_empty());
        if is_full || !page.has_more {
            return Ok(Seen {
                epoch: page.epoch,
                records: seen,
                has_more: page.has_more || is_cut,
            });
        }
        edge.admission.count_again(asked, reader).await?;
    }
}

/// Keeps as many as are wanted and fit into a page, in the direction of reading; one however
/// large. Whether there were more.
fn cut(seen: &mut Vec<Record>, forward: bool, limit: usize, page_bytes: usize) -> bool {
    let mut left = page_bytes;
    let mut fits = |at: usize, record: &Record| {
        let rest = left.checked_sub(record.frame.len());
        left = rest.unwrap_or_default();
        at < limit && (at == 0 || rest.is_some())
    };
    let kept = if forward {
        let seen = seen.iter().enumerate();
        seen.take_while(|(at, record)| fits(*at, record)).count()
    } else {
        let seen = seen.iter().rev().enumerate();
        seen.take_while(|(at, record)| fits(*at, record)).count()
    };
    let surplus = seen.len() - kept;
    if forward {
        seen.truncate(kept);
    } else {
        seen.drain(..surplus);
    }
    surplus > 0
}

/// Joins the frames, which are JSON already.
fn encode(history: &Seen) -> Bytes {
    let frames: usize = history.records.iter().map(|r| r.frame.len() + 1).sum();
    let mut json = Vec::with_capacity(frames + 64);
    json.extend_from_slice(format!(r#"{{"epoch":"{}","events":["#, history.epoch).as_bytes());
    for (at, record) in history.records.iter().enumerate() {
        if at > 0 {
            json.push(b',');
        }
        json.extend_from_slice(&record.frame);
    }
    json.extend_from_slice(format!(r#"],"has_more":{}}}"#, history.has_more).as_bytes());
    json.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wanted_part_has_limits() {
        let range = HistoryRange {
            before: Some(9),
            after: Some(0),
        };
        let wanted = Wanted::read("before=9&after=0&limit=500&t=x").unwrap();
        assert_eq!(wanted, Wanted { range, limit: 500 });
        assert_eq!(Wanted::read("").unwrap().limit, 50);
        for bad in ["limit=0", "limit=501", "limit=x", "before=-1", "after="] {
            assert!(Wanted::read(bad).is_err(), "{bad}");
        }
    }
}
