//! What a plot says, and how it ends, written out as the steps of a body.

use std::iter;
use std::time::Duration;

use bytes::Bytes;

use super::behaviour::{GREETING, Plot};
use super::calls::now_ns;
use super::wire::{Asked, Event, Finish, Wire};

/// One thing that a response body does.
pub(super) enum Step {
    /// Waits.
    Wait(Duration),
    /// Writes bytes that hold no text of the reply.
    Write(Bytes),
    /// Writes text of the reply.
    Text(Bytes),
    /// Closes the connection.
    Cut,
    /// Does nothing any more.
    Stay,
}

/// The steps of a response body; each is made when it is due.
pub(super) type Steps = Box<dyn Iterator<Item = Step> + Send>;

/// What a reply says, and how it ends.
pub(super) struct Speech {
    /// How often the model thinks before it speaks.
    thoughts: usize,
    deltas: Box<dyn Iterator<Item = String> + Send>,
    ending: Ending,
    /// Each byte on its own.
    split: bool,
}

/// How a reply ends.
#[derive(Clone, Copy)]
enum Ending {
    /// As it should.
    Whole { tokens: usize, finish: Finish },
    /// As it should, but for its last event; the connection stays.
    Undone { tokens: usize },
    /// Not at all: the connection stays.
    Stay,
    /// The connection is cut.
    Cut,
    /// The response ends, and the reply does not.
    Stop,
    /// With an error.
    Overloaded,
    /// With what is no JSON.
    Garbage,
    /// With a line that has no end.
    EndlessLine,
}

/// What a server does, of the kinds that differ beyond what is said.
pub(super) enum Act {
    /// Replies, well or badly.
    Speak(Speech),
    /// Does not answer.
    Hang,
    /// Closes the connection instead of answering.
    Cut,
    /// Answers with a web page.
    Html,
    /// Refuses the request.
    Refuse {
        status: u16,
        retry_after: Option<u64>,
    },
}

/// What a plot comes to for this request.
pub(super) fn act(plot: &Plot, asked: &Asked) -> Act {
    let longest = asked.max_tokens;
    let unfinished = |ending| Speech::new(["One ", "two "].map(str::to_owned), ending);
    Act::Speak(match plot {
        Plot::Say(text) => Speech::text(text, longest),
        Plot::Echo => Speech::text(&asked.question, longest),
        Plot::Tokens(count) => Speech::whole(*count, (0..*count).map(word), longest),
        Plot::Named(count) => Speech::whole(*count, named(&asked.call, *count), longest),
        Plot::Talk(count) => {
            let count = count * length_of(&asked.call);
            Speech::whole(count, named(&asked.call, count), longest)
        }
        Plot::Stamp(count) => {
            let stamp = iter::once_with(|| format!("{} ", now_ns()));
            Speech::whole(count + 1, stamp.chain((0..*count).map(word)), longest)
        }
        Plot::Quirks => Speech::text(GREETING, longest),
        Plot::SplitUtf8 => Speech {
            split: true,
            ..Speech::text(GREETING, longest)
        },
        &Plot::Thinking(thoughts) => Speech {
            thoughts,
            ..Speech::text(GREETING, longest)
        },
        Plot::NoDone => {
            let tokens = GREETING.split(' ').count();
            Speech {
                ending: Ending::Undone { tokens },
                ..Speech::text(GREETING, None)
            }
        }
        Plot::Endless => Speech::new((0..).map(word), Ending::Stay),
        Plot::Silent => Speech::new([], Ending::Stay),
        Plot::Stall => unfinished(Ending::Stay),
        Plot::BreakOff => unfinished(Ending::Cut),
        Plot::NoEnd => unfinished(Ending::Stop),
        Plot::ErrorInStream => unfinished(Ending::Overloaded),
        Plot::Garbage => unfinished(Ending::Garbage),
        Plot::EndlessLine => unfinished(Ending::EndlessLine),
        Plot::Hang => return Act::Hang,
        Plot::Cut => return Act::Cut,
        Plot::Html => return Act::Html,
        &Plot::Refuse {
            status,
            retry_after,
        } => {
            return Act::Refuse {
                status,
                retry_after,
            };
        }
    })
}

impl Speech {
    fn new<D>(deltas: D, ending: Ending) -> Self
    where
        D: IntoIterator<Item = String>,
        D::IntoIter: Send + 'static,
    {
        Self {
            thoughts: 0,
            deltas: Box::new(deltas.into_iter()),
            ending,
            split: false,
        }
    }

    fn text(text: &str, longest: Option<usize>) -> Self {
        let words: Vec<String> = text.split_inclusive(' ').map(str::to_owned).collect();
        Self::whole(words.len(), words.into_iter(), longest)
    }

    fn whole(
        count: usize,
        deltas: impl Iterator<Item = String> + Send + 'static,
        longest: Option<usize>,
    ) -> Self {
        let longest = longest.unwrap_or(usize::MAX);
        let finish = if count > longest {
            Finish::Length
        } else {
            Finish::Stop
        };
        let tokens = count.min(longest);
        Self::new(deltas.take(longest), Ending::Whole { tokens, finish })
    }

    /// The steps of a streamed reply.
    pub(super) fn streamed(self, wire: Box<dyn Wire>, pace: Duration, quirks: bool) -> Steps {
        let written = move |events: &[Event]| -> Bytes {
            let events = events.iter().map(|event| event.text(quirks));
            events.collect::<String>().into()
        };
        let opening = Step::Write(written(&wire.opening()));
        let ending: Steps = match self.ending {
            Ending::Whole { tokens, finish } => {
                one(Step::Write(written(&wire.closing(tokens, finish))))
            }
            Ending::Undone { tokens } => {
                let mut events = wire.closing(tokens, Finish::Stop);
                events.pop();
                Box::new([Step::Write(written(&events)), Step::Stay].into_iter())
            }
            Ending::Stay => one(Step::Stay),
            Ending::Cut => one(Step::Cut),
            Ending::Stop => Box::new(iter::empty()),
            Ending::Overloaded => one(Step::Write(written(&[wire.overloaded()]))),
            Ending::Garbage => one(Step::Write(Bytes::from_static(b"data: {not JSON\n\n"))),
            Ending::EndlessLine => Box::new(iter::repeat_with(|| {
                Step::Write(Bytes::from_static(&[b'x'; 8192]))
            })),
        };
        let thought = written(&wire.thought());
        let thoughts = iter::repeat_n(thought, self.thoughts)
            .flat_map(move |thought| [Step::Write(thought), Step::Wait(pace)]);
        let thoughts = thoughts.chain([Step::Write(written(&wire.thought_over()))]);
        let deltas = self.deltas.enumerate().flat_map(move |(index, delta)| {
            let pause = (index > 0 && !pace.is_zero()).then_some(Step::Wait(pace));
            let text = Step::Text(written(&wire.delta(&delta)));
            pause.into_iter().chain([text])
        });
        let steps = iter::once(opening)
            .chain(thoughts)
            .chain(deltas)
            .chain(ending);
        if self.split {
            Box::new(steps.flat_map(bytewise))
        } else {
            Box::new(steps)
        }
    }

    /// The steps of a reply in one piece.
    pub(super) fn at_once(self, wire: &dyn Wire) -> Steps {
        let (tokens, finish) = match self.ending {
            Ending::Whole { tokens, finish } => (tokens, finish),
            Ending::Stay | Ending::Undone { .. } | Ending::EndlessLine => return one(Step::Stay),
            Ending::Cut => return Box::new([half_a_reply(), Step::Cut].into_iter()),
            Ending::Stop | Ending::Garbage | Ending::Overloaded => return one(half_a_reply()),
        };
        let text: String = self.deltas.collect();
        let whole = wire.whole(&text, tokens, finish).to_string();
        let step = Step::Text(whole.into());
        if self.split {
            Box::new(bytewise(step))
        } else {
            one(step)
        }
    }
}

fn word(index: usize) -> String {
    format!("w{index} ")
}

/// The words of [`Plot::Named`] in the call of that name: each tells which call
/// it is of, and the last that it is the last. `0-5f1e40b3 1-5f1e40b3
/// end-5f1e40b3 `.
pub fn named(call: &str, count: usize) -> impl Iterator<Item = String> + Send + use<> {
    let tag = tag(call);
    (1..=count).map(move |number| {
        if number == count {
            format!("end-{tag:08x} ")
        } else {
            format!("{}-{tag:08x} ", number - 1)
        }
    })
}

/// How much is said in a call, of what is usual, by [`Plot::Talk`].
fn length_of(call: &str) -> usize {
    if tag(call).is_multiple_of(10) { 7 } else { 1 }
}

/// A number for a call's name. FNV-1a: short, and the same in whatever program asks.
fn tag(call: &str) -> u32 {
    call.bytes().fold(0x811c_9dc5_u32, |tag, byte| {
        (tag ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

fn one(step: Step) -> Steps {
    Box::new(iter::once(step))
}

fn half_a_reply() -> Step {
    Step::Write(Bytes::from_static(br#"{"id":"half"#))
}

fn bytewise(step: Step) -> Steps {
    match step {
        Step::Write(bytes) => {
            Box::new((0..bytes.len()).map(move |at| Step::Write(bytes.slice(at..=at))))
        }
        Step::Text(bytes) => {
            Box::new((0..bytes.len()).map(move |at| Step::Text(bytes.slice(at..=at))))
        }
        Step::Wait(_) | Step::Cut | Step::Stay => one(step),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_call_of_ten_is_long_in_talk() {
        let lengths = (0..1_000).map(|number| length_of(&format!("q{number}/1/1")));
        let long = lengths.filter(|length| *length > 1).count();
        assert!((70..130).contains(&long), "{long}");
    }
}
