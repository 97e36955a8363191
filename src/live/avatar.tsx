import { ChannelIcon } from './icons.tsx';
import type { Channel } from './operations.generated.ts';
import { CHANNELS, initialsOf } from './words.ts';

/** Initials, with the channel beside them. What it shows is said elsewhere in words. */
export const Avatar = ({ name, channel }: { name: string; channel?: Channel | undefined }) => (
  <span className="avatar" aria-hidden="true" data-hue={hueOf(name)}>
    {initialsOf(name)}
    {channel && <span className="badge"><ChannelIcon channel={channel} /></span>}
  </span>
);

export const ChannelName = ({ channel }: { channel: Channel }) => <span className="channel"><ChannelIcon channel={channel} />{CHANNELS[channel]}</span>;

const HUES = 5;
/** The same person has the same tint everywhere. */
const hueOf = (name: string): number => [...name].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)!) % 9_973, 7) % HUES;
