// What an operator watches: counters and histograms in Prometheus' text format. Labels are names from closed lists (a channel, a field, a
// code), never ids or addresses: each combination is a series that is kept for ever.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

export const metrics = new Registry();

const PREFIX = 'throughline_';

/** `counter('messages_total', …)` is served as `throughline_messages_total`. */
export const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> =>
  new Counter({ name: PREFIX + name, help, labelNames, registers: [metrics] });

/** `read`, if given, is asked whenever the metrics are served. */
export const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = [], read?: (gauge: Gauge<L>) => void | Promise<void>): Gauge<L> =>
  new Gauge({
    name: PREFIX + name,
    help,
    labelNames,
    registers: [metrics],
    ...(read
      ? {
          collect(this: Gauge<L>) {
            return read(this);
          },
        }
      : {}),
  });

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Of seconds, from a millisecond to ten seconds, unless `buckets` says otherwise. */
export const histogram = <L extends string>(name: string, help: string, labelNames: readonly L[] = [], buckets: number[] = SECONDS): Histogram<L> =>
  new Histogram({ name: PREFIX + name, help, labelNames, buckets, registers: [metrics] });

let watching = false;

/** The process's own: memory, event loop, garbage collection. Once. */
export function watchProcess(): void {
  if (watching) return;
  watching = true;
  collectDefaultMetrics({ register: metrics });
}

/** The text that `/metrics` answers, and its content type. */
export const metricsText = async (): Promise<{ contentType: string; text: string }> => ({ contentType: metrics.contentType, text: await metrics.metrics() });
