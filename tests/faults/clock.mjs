// Loaded into a server before anything else (NODE_OPTIONS=--import): its wall clock can then be set from outside, as a bad time server or an operator
// does. The file CLOCK_FILE holds by how many milliseconds it is wrong. Timers go on as they do: they follow the other, monotonic clock.
import { readFileSync } from 'node:fs';

const file = process.env.CLOCK_FILE;
const RealDate = Date;
let wrongByMs = 0;
const read = () => {
  try {
    wrongByMs = Number(readFileSync(file, 'utf8')) || 0;
  } catch {
    wrongByMs = 0;
  }
};
globalThis.Date = class Date extends RealDate {
  constructor(...parts) {
    if (parts.length === 0) super(RealDate.now() + wrongByMs);
    else super(...parts);
  }
  static now() {
    return RealDate.now() + wrongByMs;
  }
};
if (file) {
  read();
  setInterval(read, 50).unref();
}
