import { expect, test } from 'vitest';
import { counter, gauge, histogram, metricsText, watchProcess } from '../../src/platform/metrics.ts';

test('what was counted is served in the text format, with the process’ own figures', async () => {
  counter('test_messages_total', 'Messages.', ['channel']).inc({ channel: 'SMS' }, 2);
  histogram('test_seconds', 'Time.').observe(0.003);
  gauge('test_backlog', 'Waiting.', [], (of) => of.set(7));
  watchProcess();
  watchProcess();
  const { contentType, text } = await metricsText();
  expect(contentType).toContain('text/plain');
  expect(text).toContain('throughline_test_messages_total{channel="SMS"} 2');
  expect(text).toContain('throughline_test_seconds_bucket{le="0.005"} 1');
  expect(text).toContain('throughline_test_backlog 7');
  expect(text).toContain('process_cpu_user_seconds_total');
});
