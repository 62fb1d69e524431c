//! From what the model says to the texts that wait for the bus.

use std::borrow::Cow;

use causerie_shared::protocol::text::without_controls;
use futures::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::backend::BackendError;
use crate::backend::call::{CallEvent, CallStream};
use crate::outcome::{Ended, Heard};
use crate::pace::{MAX_GATHERED, gathering};
use crate::running::Running;

/// Texts that may wait for the bus. While more would, the model is not read
/// from, which slows it down but does not end the call.
const WAITING: usize = 1024;

/// What the model said, and since when that waits.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) since: Instant,
}

/// Where texts wait.
pub(crate) fn texts() -> (mpsc::Sender<Said>, mpsc::Receiver<Said>) {
    mpsc::channel(WAITING)
}

/// Hands a model's texts on until its call ends.
///
/// Where very many replies are made none is read word by word, which would cost more
/// than all else that is done with a word: what comes while texts gather is read at once.
pub(crate) async fn hand_on(
    mut stream: CallStream,
    texts: &mpsc::Sender<Said>,
    heard: &mut Heard,
    running: &Running,
) -> Ended {
    let mut is_first = true;
    let mut next = stream.next().await;
    loop {
        let text = match next {
            Some(Ok(CallEvent::Text(text))) => text,
            Some(Ok(CallEvent::Answering { model, .. })) => {
                heard.on_answering(model);
                next = stream.next().await;
                continue;
            }
            Some(Ok(CallEvent::Done(done))) => return Ended::Done(done),
            Some(Err(error)) => return Ended::Failed(error),
            None => return Ended::Hopeless("the model call ended without an end".to_owned()),
        };
        let mut said = Said {
            text: clean(text),
            since: Instant::now(),
        };
        heard.on_text(&said.text);
        let gathering = gathering(running.len()).filter(|_| !is_first);
        let mut after = None;
        if let Some(time) = gathering {
            sleep(time).await;
            after = gather(&mut stream, &mut said.text, heard);
        }
        is_first = false;
        // Nobody takes it only when the reply is lost, and this with it.
        let _ = texts.send(said).await;
        next = match after {
            Some(event) => event,
            None => stream.next().await,
        };
    }
}

/// Adds to `text` what has been said meanwhile. Gives what was read and is not part
/// of it, where there is such.
fn gather(
    stream: &mut CallStream,
    text: &mut String,
    heard: &mut Heard,
) -> Option<Option<Result<CallEvent, BackendError>>> {
    loop {
        match stream.next().now_or_never()? {
            Some(Ok(CallEvent::Text(more))) if text.len() < MAX_GATHERED => {
                let more = clean(more);
                heard.on_text(&more);
                text.push_str(&more);
            }
            event => return Some(event),
        }
    }
}

fn clean(text: String) -> String {
    match without_controls(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(clean) => clean,
    }
}
