// By what the customer can be answered, and the answer.
import { useState, type KeyboardEvent } from 'react';
import type { Desk, ReplyOption, Screen } from './desk.ts';
import { ChannelIcon, Icon } from './icons.tsx';
import type { Channel } from './operations.generated.ts';
import { CHANNELS } from './words.ts';

export function Composer({ desk, screen }: { desk: Desk; screen: Screen }) {
  const [text, setText] = useState(desk.drafts.get(screen.id) ?? '');
  const [chosen, setChosen] = useState<Channel | null>(null);
  const allowed = screen.replyOptions.filter(({ form }) => form === 'FREE' || form === 'HUMAN_AGENT');
  const refused = screen.replyOptions.filter((option) => !allowed.includes(option));
  const option = allowed.find(({ channel }) => channel === chosen) ?? allowed.find(({ recommended }) => recommended) ?? allowed[0];
  const isTooLong = option?.textMax != null && text.length > option.textMax;
  const change = (draft: string) => {
    desk.drafts.set(screen.id, draft);
    setText(draft);
  };
  const say = () => {
    if (!option || text.trim() === '' || isTooLong) return;
    desk.say(option.channel, text.trim());
    change('');
  };
  return (
    <form id="answer" className="composer" onSubmit={(event) => { event.preventDefault(); say(); }}>
      <fieldset className="options">
        <legend>Answer by</legend>
        {allowed.map((each) => (
          <label key={each.channel} className="option" title={each.explanation}>
            <input type="radio" name="channel" value={each.channel} checked={each === option} onChange={() => setChosen(each.channel)} />
            <ChannelIcon channel={each.channel} />{CHANNELS[each.channel]}
            {each.recommended && <span className="best"><Icon name="star" /><span className="unseen">recommended</span></span>}
          </label>
        ))}
        {allowed.length === 0 && <span className="none">No channel can be used now.</span>}
        {refused.length > 0 && <WhyNot refused={refused} />}
      </fieldset>
      {option && <p className="why" id="why">{option.identity && <>To <strong>{addressOf(option)}</strong>. </>}{option.explanation}{option.recommended && option.recommendation !== null ? ` ${option.recommendation}` : ''}</p>}
      <div className="write">
        <textarea
          aria-label={option ? `Your answer by ${CHANNELS[option.channel]}` : 'Your answer'} aria-describedby={option ? 'why' : undefined} rows={2} value={text} disabled={!option}
          placeholder={option ? `Write to ${screen.customer.displayName}…` : 'The customer can’t be answered now'} onChange={(event) => change(event.target.value)} onKeyDown={onEnter(say)}
        />
        <button type="submit" className="send" disabled={!option || text.trim() === '' || isTooLong}><Icon name="send" />Send</button>
      </div>
      {isTooLong && <p className="problem" role="alert">{CHANNELS[option.channel]} takes {option.textMax} characters; these are {text.length}.</p>}
    </form>
  );
}

const WhyNot = ({ refused }: { refused: ReplyOption[] }) => (
  <details className="whynot">
    <summary>{refused.length} not possible</summary>
    <ul>{refused.map(({ channel, explanation }) => <li key={channel}><ChannelIcon channel={channel} /><span><strong>{CHANNELS[channel]}</strong> {explanation}</span></li>)}</ul>
  </details>
);

/** A chat's address is the id of a browser, which tells nobody anything. */
const addressOf = ({ channel, identity }: ReplyOption): string => (channel === 'LIVE_CHAT' || channel === 'IN_APP' ? 'the visitor’s window' : identity!.value);

/** Enter sends, with Shift it begins a line; not while a word is still being composed. */
export const onEnter = (send: () => void) => (event: KeyboardEvent): void => {
  if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
  event.preventDefault();
  send();
};
