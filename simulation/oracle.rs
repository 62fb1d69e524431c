//! The AI: it thinks, talks, stalls, breaks off, and every call of it says
//! something else.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use causerie_broker::backend::{
    Backend, BackendError, Chunk, ChunkStream, Done, ErrorKind, Finish, Prompt,
};
use causerie_testkit::ai::named;
use futures::stream;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::sleep;

use crate::condition::Condition;
use crate::history::{History, OpenCall};

/// The AI as one broker reaches it.
pub struct Oracle {
    condition: Arc<Condition>,
    history: History,
    dice: Mutex<StdRng>,
}

impl Oracle {
    pub fn new(condition: Arc<Condition>, history: History, seed: u64) -> Self {
        Self {
            condition,
            history,
            dice: Mutex::new(StdRng::seed_from_u64(seed)),
        }
    }
}

/// What one call comes to.
#[derive(Clone, Copy)]
enum Fate {
    Refused,
    /// Ends or stands still after so many words.
    BreaksOff(u32),
    Stalls(u32),
    Done(u32),
}

impl Backend for Oracle {
    fn name(&self) -> &'static str {
        "oracle"
    }

    fn model<'a>(&'a self, _: &'a Prompt) -> &'a str {
        "oracle"
    }

    fn ask(&self, prompt: Prompt) -> ChunkStream {
        let mut dice = self.dice.lock().unwrap();
        let words = dice.random_range(1..25);
        let is_calm = self.condition.weather().is_calm();
        let fate = match dice.random_range(0..20) {
            _ if is_calm => Fate::Done(words),
            0 => Fate::Refused,
            1 => Fate::BreaksOff(words / 2),
            2 => Fate::Stalls(words / 2),
            _ => Fate::Done(words),
        };
        let speech = Speech {
            condition: Arc::clone(&self.condition),
            history: self.history.clone(),
            pause: Duration::from_millis(dice.random_range(5..250)),
            thinks: Duration::from_millis(dice.random_range(0..800)),
            prompt,
            fate,
            words: words.max(1),
            said: 0,
            open: None,
            is_over: false,
        };
        Box::pin(stream::unfold(speech, |mut speech| async move {
            let chunk = speech.next().await?;
            speech.is_over = !matches!(chunk, Ok(Chunk::Text(_)));
            Some((chunk, speech))
        }))
    }
}

struct Speech {
    condition: Arc<Condition>,
    history: History,
    thinks: Duration,
    pause: Duration,
    prompt: Prompt,
    fate: Fate,
    /// How much it would say in the end.
    words: u32,
    said: u32,
    open: Option<OpenCall>,
    is_over: bool,
}

impl Speech {
    async fn next(&mut self) -> Option<Result<Chunk, BackendError>> {
        if self.is_over {
            return None;
        }
        if self.open.is_none() {
            self.open = Some(self.history.call_begins(&self.prompt.call));
            sleep(self.thinks).await;
        } else {
            sleep(self.pause).await;
        }
        self.condition.awake().await;
        let failed = |kind| {
            Some(Err(BackendError {
                kind,
                backend: "oracle",
                detail: String::new(),
            }))
        };
        match self.fate {
            Fate::Refused => failed(ErrorKind::Overloaded { retry_after: None }),
            Fate::BreaksOff(words) if self.said == words => failed(ErrorKind::BrokeOff),
            Fate::Stalls(words) if self.said == words => std::future::pending().await,
            Fate::Done(words) if self.said == words => Some(Ok(Chunk::Done(Done {
                finish: Finish::Stop,
                usage: None,
                model: "oracle".to_owned(),
            }))),
            Fate::BreaksOff(_) | Fate::Stalls(_) | Fate::Done(_) => {
                self.said += 1;
                let name = self.open.as_ref().map(OpenCall::name);
                let mut words = named(&name.unwrap_or_default(), self.words as usize);
                Some(Ok(Chunk::Text(words.nth(self.said as usize - 1)?)))
            }
        }
    }
}
