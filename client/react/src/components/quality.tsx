import type { Grade, Quality } from '@causerie/client/quality';
import type { HTMLAttributes, ReactNode } from 'react';
import { useConnection } from '../connection.js';
import { type ConnectionQualityOptions, useConnectionQuality } from '../quality.js';
import { ENGLISH, type QualityTexts } from './texts.js';

/** Any attributes of the outermost element, how is measured, and what is said. */
export interface ConnectionQualityProps extends Omit<HTMLAttributes<HTMLElement>, 'children'>, ConnectionQualityOptions {
  /** In place of the English ones. */
  texts?: Partial<QualityTexts>;
}

/** How many of four bars are lit: what the colour tells can be counted too. */
const LIT: Readonly<Record<Grade, number>> = { excellent: 4, good: 3, fair: 2, poor: 1, offline: 0 };

function Bars({ grade }: { grade: Grade }): ReactNode {
  return (
    <span className="causerie-bars" aria-hidden="true">
      {[1, 2, 3, 4].map((bar) => (
        <span key={bar} className={bar <= LIT[grade] ? 'causerie-bar causerie-bar-lit' : 'causerie-bar'} />
      ))}
    </span>
  );
}

/** Apart from figures, which change all the time: a screen reader says the grade when it is another one. */
function GradeText({ text, isHidden = false }: { text: string; isHidden?: boolean }): ReactNode {
  return (
    <span role="status" className={isHidden ? 'causerie-visually-hidden' : 'causerie-grade'}>
      {text}
    </span>
  );
}

function useParts({ intervalMs, windowMs, texts, className, ...rest }: ConnectionQualityProps, name: string) {
  const quality: Quality = useConnectionQuality({ intervalMs, windowMs });
  const all = { ...ENGLISH, ...texts };
  const classes = ['causerie-quality', `causerie-quality-${name}`, className].filter(Boolean).join(' ');
  const { grade } = quality;
  return { quality, texts: all, text: all.grades[grade], outer: { ...rest, className: classes, 'data-grade': grade } };
}

/** Four bars; what they tell is there for a screen reader, and as a tooltip. */
export function ConnectionQualityIndicator(props: ConnectionQualityProps): ReactNode {
  const { quality, text, outer } = useParts(props, 'indicator');
  return (
    <span title={text} {...outer}>
      <Bars grade={quality.grade} />
      <GradeText text={text} isHidden />
    </span>
  );
}

/** Four bars and a word. */
export function ConnectionQualityBadge(props: ConnectionQualityProps): ReactNode {
  const { quality, text, outer } = useParts(props, 'badge');
  return (
    <span {...outer}>
      <Bars grade={quality.grade} />
      <GradeText text={text} />
    </span>
  );
}

/** The grade, what it was made of, and a button where the connection does not come back by itself. */
export function ConnectionQualityCard(props: ConnectionQualityProps): ReactNode {
  const { quality, texts, text, outer } = useParts(props, 'card');
  const { state, reconnect } = useConnection();
  const { latencyMs, jitterMs, loss, interruptions } = quality;
  const ms = (value: number | null) => (value === null ? texts.unknown : texts.milliseconds(value));
  const rows = [
    [texts.latency, ms(latencyMs)],
    [texts.jitter, ms(jitterMs)],
    [texts.loss, texts.part(loss)],
    [texts.interruptions, String(interruptions)],
  ];
  return (
    <section aria-label={texts.title} {...outer}>
      <p className="causerie-quality-head">
        <Bars grade={quality.grade} />
        <GradeText text={text} />
      </p>
      <dl>
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {state.name === 'closed' && (
        <button type="button" onClick={reconnect}>
          {texts.reconnect}
        </button>
      )}
    </section>
  );
}
