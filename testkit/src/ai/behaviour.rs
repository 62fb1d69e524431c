//! What a server does with a request.

use std::str::FromStr;
use std::time::Duration;

/// What a server says by default: words of one to four bytes a character.
pub const GREETING: &str = "Hello from the fake AI! Grüße, 你好 and 👋🏽 to you.";

/// What a server does with a request, and how fast.
///
/// Written `name`, `name-number`, each with `@pace` and `+delay` in
/// milliseconds where wanted: `stall`, `tokens-100`, `tokens-100@20+500`. The
/// names are those of [`Plot`], in lower case with `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behaviour {
    /// What happens.
    pub plot: Plot,
    /// From the request to the first byte of the answer.
    pub delay: Duration,
    /// Between one delta and the next.
    pub pace: Duration,
}

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plot {
    /// `hello` is [`GREETING`]. The text is streamed word by word.
    Say(String),
    /// `echo`: says what the user said last.
    Echo,
    /// `tokens-N`: says so many words.
    Tokens(usize),
    /// `named-N`: says so many words, of which each tells in which call it was
    /// said; see [`named`](super::named).
    Named(usize),
    /// `talk-N`: as `named-N`, but in one call of ten, which its name tells, seven
    /// times as many.
    Talk(usize),
    /// `endless`: says one word after the other, at 10 ms unless told.
    Endless,
    /// `stamp`, `stamp-N`: the first delta is the wall-clock time at which it
    /// was written, in nanoseconds since 1970; N words follow.
    Stamp(usize),
    /// `hang`: does not answer.
    Hang,
    /// `silent`: the stream begins, and nothing is said.
    Silent,
    /// `stall`: says two words, and no more.
    Stall,
    /// `thinking-N`: thinks so many times, at its pace, then says the greeting.
    Thinking(usize),
    /// `no-done`: says all of the greeting and why it stops; neither `[DONE]`
    /// nor the end of the response follows. Anthropic's `message_stop` neither.
    NoDone,
    /// `cut`: closes the connection instead of answering.
    Cut,
    /// `break-off`: says two words, and closes the connection.
    BreakOff,
    /// `no-end`: says two words; the response ends in good order, the reply
    /// does not.
    NoEnd,
    /// `split-utf8`: the greeting, each byte on its own.
    SplitUtf8,
    /// `quirks`: the greeting as other servers would say it: CRLF, comments,
    /// no space after the colon, no usage, the end in the last delta.
    Quirks,
    /// `error-in-stream`: says two words, and then that it is overloaded.
    ErrorInStream,
    /// `garbage`: says two words, and then what is no JSON.
    Garbage,
    /// `endless-line`: says two words, and then a line that never ends.
    EndlessLine,
    /// `html`: a web page.
    Html,
    /// `unauthorized` 401, `rate-limited`, `rate-limited-SECONDS` 429,
    /// `server-error` 500, `overloaded` (Anthropic 529, OpenAI 503),
    /// `bad-request` 400, `not-found` 404.
    Refuse {
        /// The status; 529 becomes 503 at OpenAI's.
        status: u16,
        /// The header `retry-after`, in seconds.
        retry_after: Option<u64>,
    },
}

/// No behaviour is written like that.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownBehaviour(String);

impl Behaviour {
    /// A plot without delay, at full speed; [`Plot::Endless`] at 10 ms.
    pub fn new(plot: Plot) -> Self {
        let pace = if plot == Plot::Endless {
            Duration::from_millis(10)
        } else {
            Duration::ZERO
        };
        Self {
            plot,
            delay: Duration::ZERO,
            pace,
        }
    }

    /// Says `text`.
    pub fn say(text: impl Into<String>) -> Self {
        Self::new(Plot::Say(text.into()))
    }

    /// The same at another pace.
    pub fn at_pace(self, pace: Duration) -> Self {
        Self { pace, ..self }
    }

    /// The same, later.
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

impl FromStr for Behaviour {
    type Err = UnknownBehaviour;

    fn from_str(written: &str) -> Result<Self, UnknownBehaviour> {
        let parse = || {
            let (rest, delay) = number_after(written, '+')?;
            let (name, pace) = number_after(rest, '@')?;
            let mut behaviour = Self::new(plot(name)?);
            behaviour.delay = delay.map_or(behaviour.delay, Duration::from_millis);
            behaviour.pace = pace.map_or(behaviour.pace, Duration::from_millis);
            Some(behaviour)
        };
        parse().ok_or_else(|| UnknownBehaviour(written.to_owned()))
    }
}

impl std::fmt::Display for UnknownBehaviour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:?} is no behaviour: give hello, echo, tokens-N, named-N, talk-N, endless, stamp, hang, \
             silent, stall, thinking-N, no-done, cut, break-off, no-end, split-utf8, quirks, \
             error-in-stream, garbage, endless-line, html, unauthorized, rate-limited, \
             server-error, overloaded, bad-request or not-found, with @PACE_MS and +DELAY_MS where wanted",
            self.0
        )
    }
}

impl std::error::Error for UnknownBehaviour {}

/// What stands before `mark`, and the number behind it; `None` if that is none.
fn number_after(text: &str, mark: char) -> Option<(&str, Option<u64>)> {
    match text.split_once(mark) {
        Some((before, number)) => Some((before, Some(number.parse().ok()?))),
        None => Some((text, None)),
    }
}

fn plot(name: &str) -> Option<Plot> {
    let refuse = |status, retry_after| Plot::Refuse {
        status,
        retry_after,
    };
    Some(match name {
        "hello" => Plot::Say(GREETING.to_owned()),
        "echo" => Plot::Echo,
        "endless" => Plot::Endless,
        "stamp" => Plot::Stamp(0),
        "hang" => Plot::Hang,
        "silent" => Plot::Silent,
        "stall" => Plot::Stall,
        "no-done" => Plot::NoDone,
        "cut" => Plot::Cut,
        "break-off" => Plot::BreakOff,
        "no-end" => Plot::NoEnd,
        "split-utf8" => Plot::SplitUtf8,
        "quirks" => Plot::Quirks,
        "error-in-stream" => Plot::ErrorInStream,
        "garbage" => Plot::Garbage,
        "endless-line" => Plot::EndlessLine,
        "html" => Plot::Html,
        "unauthorized" => refuse(401, None),
        "rate-limited" => refuse(429, Some(1)),
        "server-error" => refuse(500, None),
        "overloaded" => refuse(529, None),
        "bad-request" => refuse(400, None),
        "not-found" => refuse(404, None),
        _ => {
            let (name, number) = name.rsplit_once('-')?;
            let number: u64 = number.parse().ok()?;
            match name {
                "tokens" => Plot::Tokens(number as usize),
                "named" => Plot::Named(number as usize),
                "talk" => Plot::Talk(number as usize),
                "thinking" => Plot::Thinking(number as usize),
                "stamp" => Plot::Stamp(number as usize),
                "rate-limited" => refuse(429, Some(number)),
                _ => return None,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_numbers_pace_and_delay() {
        let behaviour: Behaviour = "tokens-100@20+500".parse().unwrap();
        assert_eq!(behaviour.plot, Plot::Tokens(100));
        assert_eq!(behaviour.pace, Duration::from_millis(20));
        assert_eq!(behaviour.delay, Duration::from_millis(500));
        let named: Behaviour = "named-3".parse().unwrap();
        assert_eq!(named, Behaviour::new(Plot::Named(3)));
        let talk: Behaviour = "talk-3".parse().unwrap();
        assert_eq!(talk, Behaviour::new(Plot::Talk(3)));
        let limited: Behaviour = "rate-limited-3".parse().unwrap();
        let plot = Plot::Refuse {
            status: 429,
            retry_after: Some(3),
        };
        assert_eq!(limited, Behaviour::new(plot));
        for unknown in ["gpt-5", "tokens", "tokens-x", "stall@", "", "hello+1+2"] {
            assert!(unknown.parse::<Behaviour>().is_err(), "{unknown}");
        }
    }
}
