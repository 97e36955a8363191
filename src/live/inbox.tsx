import { useState, type KeyboardEvent } from 'react';
import { Avatar } from './avatar.tsx';
import type { Desk, Row } from './desk.ts';
import { useNow } from './now.ts';
import { useStore } from './store.ts';
import { CHANNELS, sinceOf, STATUSES, whenOf } from './words.ts';

const VIEWS = { Open: (row: Row) => row.status !== 'CLOSED', All: () => true } as const;
type View = keyof typeof VIEWS;

export function Inbox({ desk }: { desk: Desk }) {
  const { rows, openId } = useStore(desk);
  const [view, setView] = useState<View>('Open');
  const nowMs = useNow();
  const shown = rows?.filter((row) => VIEWS[view](row) || row.id === openId) ?? null;
  return (
    <section className="inbox" aria-labelledby="inbox-title">
      <div className="head">
        <h2 id="inbox-title">Inbox</h2>
        <div className="views" role="group" aria-label="Which conversations">
          {(Object.keys(VIEWS) as View[]).map((each) => <button type="button" key={each} aria-pressed={each === view} onClick={() => setView(each)}>{each}</button>)}
        </div>
      </div>
      {shown === null ? <p className="empty">Reading the inbox…</p> : shown.length === 0 ? <p className="empty">Nobody waits for an answer.</p> : (
        <ul className="rows" onKeyDown={move}>
          {shown.map((row) => <li key={row.id}><RowButton row={row} isOpen={row.id === openId} nowMs={nowMs} onOpen={() => desk.open(row.id)} /></li>)}
        </ul>
      )}
    </section>
  );
}

function RowButton({ row, isOpen, nowMs, onOpen }: { row: Row; isOpen: boolean; nowMs: number; onOpen: () => void }) {
  const { customer, lastMessage, unreadCount, waitingSince, status } = row;
  const channel = lastMessage?.channel ?? row.channels[0];
  return (
    <button type="button" className={unreadCount > 0 ? 'row unread' : 'row'} aria-current={isOpen ? 'true' : undefined} onClick={onOpen}>
      <Avatar name={customer.displayName} channel={channel} />
      <span className="who">{customer.displayName}</span>
      <time dateTime={row.lastActivityAt}>{whenOf(row.lastActivityAt, nowMs)}</time>
      <span className="last">
        {channel && <span className="unseen">{CHANNELS[channel]}: </span>}
        {lastMessage ? <>{lastMessage.direction === 'OUTBOUND' && <span className="you">You: </span>}{lastMessage.text ?? 'Something other than text'}</> : row.subject ?? 'A call'}
      </span>
      <span className="marks">
        {status !== 'OPEN' && <span className="tag">{STATUSES[status]}</span>}
        {status === 'OPEN' && waitingSince !== null && <span className="waits">waits {sinceOf(waitingSince, nowMs)}</span>}
        {row.priority === 'HIGH' || row.priority === 'URGENT' ? <span className="tag">{row.priority === 'HIGH' ? 'High' : 'Urgent'}</span> : null}
        {unreadCount > 0 && <span className="count">{unreadCount > 99 ? '99+' : unreadCount}<span className="unseen"> unread</span></span>}
      </span>
    </button>
  );
}

/** The arrow keys go through the list, as in any list; the ends stay. */
function move(event: KeyboardEvent<HTMLUListElement>): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined) return;
  const buttons = [...event.currentTarget.querySelectorAll('button')];
  const next = buttons[buttons.indexOf(document.activeElement as HTMLButtonElement) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
