//! The promises, by what they are called when they are broken.

/// A promise, by what it is called when it is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Broken {
    /// A durable event is missing in a client's stream.
    Hole,
    /// A durable event came twice, or out of order.
    Double,
    /// Two events stand at one place, or one event at two.
    TwoOrders,
    /// An event says one thing to one, and another to another, or in the log.
    TwoContents,
    /// An event came of a life that nobody had told of.
    UnknownLife,
    /// A client was not given the stream from where it was, or something of a room
    /// that it is not in; or a room was taken from it.
    WrongPlace,
    /// Something came that nobody can read.
    Unreadable,
    /// A client was told that something is lost, though nothing can be.
    LostForNoReason,
    /// An acknowledged message is in no log, and nothing excuses that.
    AckedAndGone,
    /// What somebody saw of a room is not in its log, and nothing excuses that.
    SeenAndGone,
    /// What was acknowledged was not sent so: it stands in the log with another
    /// text, in another room or session, or as of another.
    StoredOtherwise,
    /// What was refused for good is in the log all the same.
    RefusedAndStored,
    /// Two messages were acknowledged as one.
    AckedAsAnother,
    /// Somebody who had seen what is lost was not told.
    NotTold,
    /// A client is not where it wants to be, or has not seen what its room's log
    /// holds.
    LeftBehind,
    /// What was said once is stored twice.
    StoredTwice,
    /// A message stands in a log that nobody sent.
    NeverSent,
    /// The AI was called, or replied, for what nobody asked it.
    NeverAsked,
    /// A question has no reply.
    Unanswered,
    /// A question has more than one reply.
    AnsweredTwice,
    /// A reply failed, or was cut, and nothing explains that.
    Failed,
    /// A question of a session was answered before an earlier one was, or beside
    /// it.
    OutOfTurn,
    /// The pieces of a reply do not make its text, or that is not what the AI
    /// said in one call for its question.
    WrongText,
    /// A piece of a reply came twice.
    PieceTwice,
    /// A piece of a reply came to who lacks what is before it.
    PieceMissing,
    /// Something of a reply came after its end.
    AfterTheEnd,
    /// Somebody is shown a reply, or typing, that never ends.
    LeftTyping,
    /// What is one tenant's was shown to another's.
    CrossedTenants,
    /// A message, or a wish that a reply ends, waits for its answer in vain.
    Unacked,
    /// Somebody was refused what they had a right to, and nothing explains that.
    RefusedForNothing,
    /// Two calls of the AI have the same name.
    CallTwice,
    /// Two calls for one question went on side by side.
    CallsAtOnce,
    /// A reply is what a former attempt said, though another had taken over.
    FormerAttempt,
    /// The AI was called more often than is configured.
    TooManyTries,
    /// The AI was called again though nothing had gone wrong, or though its
    /// question was answered.
    NeedlessCall,
    /// The AI was called for what was cancelled before, or went on with it.
    CalledAfterCancel,
    /// A reply whose end was promised was not cancelled.
    NotCancelled,
    /// A reply was cancelled that nobody wanted to end.
    CancelledByNobody,
    /// The end of another reply was promised than was asked for.
    CancelledAnother,
    /// Somebody was turned away, and nothing explains that.
    TurnedAway,
    /// Somebody who was in was told to go, or was served no more, and nothing explains
    /// that.
    SentAway,
    /// Somebody did not get in for long, and nothing stood in the way.
    KeptOut,
}
