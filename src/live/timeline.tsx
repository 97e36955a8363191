// Everything that happened to the customer, the newest at the bottom, and below it what is being said.
import { Fragment, useLayoutEffect, useRef } from 'react';
import type { Desk, Entry, Screen } from './desk.ts';
import { EntryOf } from './entry.tsx';
import { Bubble } from './bubble.tsx';
import { useNow } from './now.ts';
import type { Outgoing } from './outbox.ts';
import { dayOf } from './words.ts';

/** So far from the bottom one still reads the newest. */
const NEAR_PX = 120;

export function Timeline({ desk, screen, outgoing }: { desk: Desk; screen: Screen; outgoing: readonly Outgoing[] }) {
  const nowMs = useNow();
  const entries = screen.customer.timeline.nodes.toReversed();
  const list = useFollowedEnd({ oldest: entries[0]?.id, newest: entries.at(-1)?.id, own: outgoing.at(-1)?.key });
  return (
    <div className="timeline" ref={list} tabIndex={0} role="region" aria-label="Timeline">
      {desk.canShowMore && <button type="button" className="outlined more" onClick={() => desk.showMore()}>Show what was before</button>}
      {entries.length + outgoing.length === 0 && <p className="empty">Nothing has happened yet.</p>}
      <ol aria-live="polite" aria-relevant="additions">
        {entries.map((entry, index) => (
          <Fragment key={keyOf(entry)}>
            {dayOf(entry.occurredAt, nowMs) !== (index > 0 ? dayOf(entries[index - 1]!.occurredAt, nowMs) : null) && <li className="day"><span>{dayOf(entry.occurredAt, nowMs)}</span></li>}
            <EntryOf entry={entry} screen={screen} />
          </Fragment>
        ))}
        {outgoing.map((each) => (
          <li key={each.key} className="entry out" data-client-id={each.key}>
            <Bubble channel={each.channel} who="You" at={each.saidAt} state={each.state === 'refused' ? 'FAILED' : 'QUEUED'} text={each.text} reason={each.reason}>
              {each.state === 'refused' && <button type="button" className="outlined" onClick={() => desk.takeBack(each.key)}>Take back</button>}
            </Bubble>
          </li>
        ))}
      </ol>
    </div>
  );
}

/** What was said here keeps its place in the page when the real entry comes. */
const keyOf = ({ id, subject }: Entry): string => (subject?.__typename === 'Message' ? subject.clientId : null) ?? id;

interface Ends {
  oldest: string | undefined;
  newest: string | undefined;
  /** What was said here last and isn't on the timeline yet. */
  own: string | undefined;
}

/** Stays at the end as it grows, unless somebody reads further up, whose place is kept; what one has said oneself is always shown. */
function useFollowedEnd({ oldest, newest, own }: Ends) {
  const list = useRef<HTMLDivElement>(null);
  const seen = useRef<(Ends & { height: number }) | null>(null);
  useLayoutEffect(() => {
    const element = list.current!;
    const before = seen.current;
    const height = element.scrollHeight;
    const wasNear = before === null || element.scrollTop + element.clientHeight >= before.height - NEAR_PX;
    if (wasNear || (own !== undefined && own !== before.own)) element.scrollTop = height;
    else if (oldest !== before.oldest && newest === before.newest) element.scrollTop += height - before.height;
    seen.current = { oldest, newest, own, height };
  }, [oldest, newest, own]);
  return list;
}
