import { useLayoutEffect, useRef, useState } from 'react';
import type { ChatMessage } from '../visitors/client/protocol.ts';
import { Avatar } from './avatar.tsx';
import { onEnter } from './composer.tsx';
import { FileLink } from './file.tsx';
import { Icon } from './icons.tsx';
import { useStore } from './store.ts';
import type { Visitor } from './visitor.ts';
import { timeOf } from './words.ts';

export function VisitorChat({ visitor }: { visitor: Visitor }) {
  const { chat, greeting, refusal } = useStore(visitor);
  const [name, setName] = useState('');
  const [text, setText] = useState('');
  const end = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    end.current!.scrollTop = end.current!.scrollHeight;
  }, [chat.messages.length, greeting]);
  const isNew = chat.messages.length === 0 && !visitor.hasBegun;
  const say = () => {
    if (text.trim() === '') return;
    visitor.say(text.trim(), name.trim());
    setText('');
  };
  return (
    <section className="visitor" aria-labelledby="visitor-title">
      <p className="caption">What the customer sees</p>
      <div className="widget">
        <div className="head">
          <Avatar name="Acme Ceramics" />
          <div><h2 id="visitor-title">Acme Ceramics</h2><p>{chat.connection === 'connecting' ? 'Connecting again…' : 'Chat with our team'}</p></div>
          {!isNew && <button type="button" className="quiet" onClick={() => void visitor.forget()}>New visitor</button>}
        </div>
        <div className="messages" ref={end} tabIndex={0} role="region" aria-label="Messages of the chat">
          <ol aria-live="polite" aria-relevant="additions">
            {greeting !== null && <li className="theirs"><p className="text">{greeting}</p></li>}
            {chat.messages.map((message) => <Line key={message.clientId ?? message.id} message={message} />)}
          </ol>
        </div>
        {refusal !== null && <p className="problem" role="alert">{refusal}</p>}
        <form onSubmit={(event) => { event.preventDefault(); say(); }}>
          {isNew && <input className="name" aria-label="Your name" placeholder="Your name (if you like)" autoComplete="off" maxLength={100} value={name} onChange={(event) => setName(event.target.value)} />}
          <div className="write">
            <label className="quiet hand" title="Send a file">
              <Icon name="clip" /><span className="unseen">Send a file</span>
              <input type="file" onChange={({ target }) => { if (target.files?.[0]) void visitor.hand(target.files[0], name.trim()); target.value = ''; }} />
            </label>
            <textarea aria-label="Your message" placeholder="Write a message…" rows={1} value={text} onChange={(event) => { setText(event.target.value); visitor.typing(); }} onKeyDown={onEnter(say)} />
            <button type="submit" className="send round" aria-label="Send the message" disabled={text.trim() === ''}><Icon name="send" /></button>
          </div>
        </form>
      </div>
      <p className="hint">Write here, and watch it arrive at the right.</p>
    </section>
  );
}

function Line({ message: { author, authorName, text, files, sentAt, state, reason, editedAt, deletedAt, clientId } }: { message: ChatMessage }) {
  const isOwn = author === 'VISITOR';
  return (
    <li className={isOwn ? 'own' : 'theirs'} data-client-id={clientId ?? undefined}>
      {!isOwn && authorName !== null && <p className="meta">{authorName}</p>}
      {(deletedAt !== null || text) && <p className={deletedAt === null ? 'text' : 'text gone'}>{deletedAt === null ? text : 'Taken back'}</p>}
      {files.map((file, index) => <FileLink key={index} {...file} name={file.filename ?? file.mime ?? 'A file'} />)}
      <p className="meta">{state === 'refused' ? `Not sent: ${reason}` : state === 'sending' ? 'Sending…' : <time dateTime={sentAt}>{timeOf(sentAt)}</time>}{editedAt !== null && ' · edited'}</p>
    </li>
  );
}
