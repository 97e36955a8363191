import { Avatar } from './avatar.tsx';
import { Composer } from './composer.tsx';
import type { Desk, Screen } from './desk.ts';
import { useStore } from './store.ts';
import { Timeline } from './timeline.tsx';
import { STATUSES } from './words.ts';

export function Conversation({ desk }: { desk: Desk }) {
  const { screen, openId, outgoing, customerTypes, problem } = useStore(desk);
  if (openId === null || screen === null) {
    return <section className="conversation" aria-label="Conversation"><p className="empty">{openId === null ? 'Choose a conversation from the inbox.' : 'Reading…'}</p></section>;
  }
  return (
    <section className="conversation" aria-label={`Conversation with ${screen.customer.displayName}`}>
      <Head desk={desk} screen={screen} />
      {problem !== null && <p className="problem" role="alert">{problem}</p>}
      <Timeline key={screen.customer.id} desk={desk} screen={screen} outgoing={outgoing.filter(({ conversationId }) => conversationId === openId)} />
      <p className="typing" role="status">{customerTypes && `${screen.customer.displayName} is typing…`}</p>
      <Composer key={openId} desk={desk} screen={screen} />
    </section>
  );
}

function Head({ desk, screen }: { desk: Desk; screen: Screen }) {
  const { customer, status, assignee, queue } = screen;
  const isClosed = status === 'CLOSED';
  const facts = [customer.company, screen.subject, queue?.name, assignee === null ? 'Unassigned' : `With ${assignee.name}`].filter((fact) => fact != null);
  return (
    <div className="head">
      <Avatar name={customer.displayName} />
      <div className="person">
        <h2>{customer.displayName}{customer.tier !== null && <span className="tag">{customer.tier}</span>}{status !== 'OPEN' && <span className="tag">{STATUSES[status]}</span>}</h2>
        <p title={facts.join(' · ')}>{facts.join(' · ')}</p>
      </div>
      <ul className="addresses" aria-label="Known addresses">
        {customer.identities.nodes.filter(({ kind }) => SHOWN.has(kind)).slice(0, 3).map(({ id, value }) => <li key={id}>{value}</li>)}
      </ul>
      <button type="button" className="outlined" onClick={() => void desk.setStatus(isClosed ? 'OPEN' : 'CLOSED')}>{isClosed ? 'Open again' : 'Close'}</button>
    </div>
  );
}

/** Addresses that a person would read out; the others are ids. */
const SHOWN = new Set<string>(['PHONE', 'EMAIL', 'SIP_URI']);
