/**
 * Properties that only this package reads: in what is built they are a letter or two. None of them may be an option's
 * name, or stand in what a page or a server is given or gives.
 */
export const INTERNAL =
  /^(onIdentity|roomsToName|onReady|onFrame|onDown|onLife|onEnd|onMembership|onLost|readHistory|unnamed|unjoined|canNameMore|toName|onUnsubscribed|onSubscribed|adopt|onUp|onAck|onClosed|notBefore|canJoin|isTwoWay|awayMs|isBlocked|afterMs|isOverloaded|expiresAt|nextTrial|onGood|onBlocked|isBest|canRenew|heard|probe|refund|spend|onAnswer|onFailure|isTold|onRenewed|onSilence|onDeath|toRead|isRecovered|onRetry|reopen|wake|act|held|lose|put|fail|running|want|timeoutMs|ask|isOfVisitor|link|sequence|wait|isNone|messagesPerMinute|toSend|inTurn|drop|settle|onEvent|onReset|onState|skipTo|accept|sentAt|isShown|forget|renew|lanes|isLost|isFailed|base|joined|toName|growing|isCut|lived|begun|MOST|nameOf|entry|timer|query|authenticate|current|frame)$/;
