import { useEffect, useRef } from 'react';
import { Conversation } from './conversation.tsx';
import type { Desk } from './desk.ts';
import { Inbox } from './inbox.tsx';
import { useStore } from './store.ts';
import { ThemeSwitch } from './theme.tsx';
import type { Visitor } from './visitor.ts';
import { VisitorChat } from './visitor-chat.tsx';

export function App({ desk, visitor }: { desk: Desk; visitor: Visitor }) {
  const { live, name } = useStore(desk);
  useFollowing(desk, visitor);
  return (
    <>
      <a className="skip" href="#answer">Skip to the answer</a>
      <header className="bar">
        <h1><svg className="mark" viewBox="0 0 32 32" aria-hidden="true"><path d="M6 12h20M6 20h11" /><circle cx="24" cy="20" r="2.5" /></svg>Throughline</h1>
        <p className="tagline">One customer, one timeline, whatever the channel</p>
        <p className={live ? 'connection live' : 'connection'} role="status"><span className="dot" />{live ? 'Live' : 'Connecting…'}</p>
        {name !== null && <p className="me">Answering as <strong>{name}</strong></p>}
        <ThemeSwitch />
      </header>
      <main>
        <VisitorChat visitor={visitor} />
        <Inbox desk={desk} />
        <Conversation desk={desk} />
      </main>
    </>
  );
}

/**
 * The desk opens the conversation that the visitor's words arrive in: that is what one has come to see. Whatever is opened later stays open. The two
 * sides know a conversation by ids of their own, so it is known by what was said last.
 */
function useFollowing(desk: Desk, visitor: Visitor): void {
  const { chat } = useStore(visitor);
  const { rows } = useStore(desk);
  const followed = useRef<string | undefined>(undefined);
  const chatId = chat.conversations.at(-1)?.id;
  const said = chat.messages.at(-1)?.text ?? null;
  const conversationId = chatId === followed.current || said === null ? undefined : rows?.find(({ lastMessage }) => lastMessage?.channel === 'LIVE_CHAT' && lastMessage.text === said)?.id;
  useEffect(() => {
    if (conversationId === undefined) return;
    followed.current = chatId;
    desk.open(conversationId);
  }, [desk, chatId, conversationId]);
}
