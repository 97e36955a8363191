import { expect, test } from 'vitest';
import { respondVoice } from '../../../src/channels/voice/respond.ts';
import { fixture, form, HOOK, posted } from '../twilio/requests.ts';

const EMPTY = '<?xml version="1.0" encoding="UTF-8"?><Response/>';
const to = (query: Record<string, string> | [string, string][]): string => `${HOOK}?${new URLSearchParams(query)}`;
const answer = (name: string, url: string): string => respondVoice(fixture(`voice/twilio/${name}.form`, { url })).body.replace('<?xml version="1.0" encoding="UTF-8"?>', '');
const CALLBACK = `${HOOK}?forward=%2B15035550199&amp;account=%2B14155550100`;
const REPORTS = `statusCallback="${CALLBACK}" statusCallbackEvent="initiated ringing answered completed" statusCallbackMethod="POST"`;

test('a call that nobody ordered anything for is rejected, not answered', () => {
  expect(answer('incoming', HOOK)).toBe('<Response><Reject/></Response>');
  expect(respondVoice(fixture('voice/twilio/incoming.form')).headers).toEqual({ 'content-type': 'text/xml; charset=utf-8' });
});

test('a call is forwarded, answered when a person answers, and reported leg by leg with its account', () => {
  const expected = `<Response><Dial answerOnBridge="true" timeout="25" action="${CALLBACK}" method="POST"><Number ${REPORTS}>+15035550199</Number></Dial></Response>`;
  expect(answer('incoming', to({ forward: '+15035550199' }))).toBe(expected);
  // A plus that wasn't encoded is put back.
  expect(answer('incoming', `${HOOK}?forward=+15035550199`)).toContain('>+15035550199</Number>');
});

test('several targets ring at once, and what cannot be dialled is left out', () => {
  const body = answer('incoming', to([['forward', '+15035550199'], ['forward', 'sip:desk@pbx.example'], ['forward', 'client:ada'], ['forward', '911'], ['forward', '<Play>x</Play>']]));
  expect([...body.matchAll(/<(Number|Sip|Client) [^>]*>([^<]*)</g)].map(([, noun, target]) => [noun, target])).toEqual([
    ['Number', '+15035550199'], ['Sip', 'sip:desk@pbx.example'], ['Client', 'ada'],
  ]);
  expect(answer('incoming', to({ forward: '911' }))).toBe('<Response><Reject/></Response>');
});

test('calls are recorded only when it is ordered', () => {
  expect(answer('incoming', to({ forward: '+15035550199' }))).not.toContain('record');
  expect(answer('incoming', to({ forward: '+15035550199', record: 'true' }))).toContain('record="record-from-answer-dual" recordingStatusCallback=');
});

test('who reaches nobody can leave a message, and what is said to him is escaped', () => {
  const url = to({ forward: '+15035550199', voicemail: 'Please leave a <message> & "wait" \u0001.', transcribe: 'true' });
  const busy = (fields: Record<string, string>) => respondVoice(posted(form({ CallSid: 'CA1', To: '+14155550100', CallStatus: 'in-progress', ...fields }), { url })).body;
  const asked = busy({ DialCallStatus: 'no-answer', DialCallSid: 'CA2' });
  expect(asked).toContain('<Say>Please leave a &lt;message&gt; &amp; &quot;wait&quot; .</Say><Record action="');
  expect(asked).toContain('transcribe="true" transcribeCallback="');
  expect(busy({ DialCallStatus: 'busy', CallStatus: 'ringing' })).toContain('<Record');
  // He was spoken to, or he hung up: nothing more.
  expect(busy({ DialCallStatus: 'completed' })).toBe(EMPTY);
  expect(busy({ DialCallStatus: 'canceled', CallStatus: 'completed' })).toBe(EMPTY);
  expect(answer('incoming', to({ voicemail: 'Hello' }))).toMatch(/^<Response><Say>Hello<\/Say><Record action="[^"]*voicemail=Hello[^"]*"[^>]*\/><\/Response>$/);
});

test('a report is answered with nothing, whatever is ordered', () => {
  const url = to({ forward: '+15035550199', voicemail: 'Hello' });
  for (const name of ['completed', 'leg-answered', 'recording-completed', 'voicemail-recorded', 'transcription', 'conference-joined', 'keys-pressed', 'dial-completed-recorded', 'outbound-machine']) {
    expect(`<?xml version="1.0" encoding="UTF-8"?>${answer(name, url)}`, name).toBe(EMPTY);
  }
  const legRings = form({ CallSid: 'CA2', ParentCallSid: 'CA1', Direction: 'outbound-dial', CallStatus: 'ringing', SequenceNumber: '1' });
  expect(respondVoice(posted(legRings, { url })).body).toBe(EMPTY);
  expect(respondVoice(posted('{', { url, headers: { 'content-type': 'application/json' } })).body).toBe(EMPTY);
});

test('the orders come back with the next request, and nothing else does', () => {
  const url = `${HOOK}?${form({ forward: '+15035550199', bodySHA256: 'x', other: 'y', CallSid: 'CA1', CallStatus: 'ringing', To: '+14155550100', From: '+15035550142' })}`;
  expect(respondVoice(posted('', { method: 'GET', url })).body).toContain(`action="${CALLBACK}"`);
});
