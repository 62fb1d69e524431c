//! A request's body, which may be long in coming.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::waiting::Place;

/// A body: whoever reads it waits among those from whom a request is awaited as long as the
/// next of it is not there.
#[derive(Debug)]
pub(super) struct Awaited {
    body: Incoming,
    place: Arc<Place>,
    /// How many bytes of it were read.
    read: usize,
    is_waiting: bool,
}

impl Awaited {
    pub(super) fn new(body: Incoming, place: Arc<Place>) -> Self {
        Self {
            body,
            place,
            read: 0,
            is_waiting: false,
        }
    }

    fn go_on(&mut self) {
        if std::mem::take(&mut self.is_waiting) {
            self.place.go_on();
        }
    }
}

impl Body for Awaited {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if polled.is_pending() && !self.is_waiting {
            self.is_waiting = true;
            self.place.wait_for_body(self.read);
        }
        let frame = ready!(polled);
        if let Some(Ok(frame)) = &frame {
            self.read += frame.data_ref().map_or(0, Bytes::len);
        }
        // As long as it comes in pieces it keeps its place: who trickles does not begin anew.
        if frame.is_none() || self.body.is_end_stream() {
            self.go_on();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Awaited {
    /// Nobody waits for the rest.
    fn drop(&mut self) {
        self.go_on();
    }
}
