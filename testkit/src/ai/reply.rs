//! A response body that follows its steps, and keeps the record.

use std::io;

use bytes::Bytes;
use futures::{Stream, stream};

use super::calls::{End, Recording};
use super::script::{Step, Steps};

/// Follows `steps`; each piece of text goes out on its own.
pub(super) fn body(
    steps: Steps,
    recording: Recording,
) -> impl Stream<Item = Result<Bytes, io::Error>> + Send {
    stream::unfold(Some((steps, recording)), |state| async move {
        let (mut steps, mut recording) = state?;
        // The server flushes what it has when the body has nothing for it.
        tokio::task::yield_now().await;
        loop {
            match steps.next() {
                Some(Step::Wait(time)) => tokio::time::sleep(time).await,
                Some(Step::Write(bytes)) => return Some((Ok(bytes), Some((steps, recording)))),
                Some(Step::Text(bytes)) => {
                    recording.on_text();
                    return Some((Ok(bytes), Some((steps, recording))));
                }
                Some(Step::Cut) => {
                    recording.end(End::CutByServer);
                    return Some((Err(io::Error::other("cut by the script")), None));
                }
                Some(Step::Stay) => std::future::pending().await,
                None => {
                    recording.end(End::Complete);
                    return None;
                }
            }
        }
    })
}
