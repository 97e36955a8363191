// Whether a calendar of business hours is open at a moment (pure). Hours are local to the calendar's time zone, so a day with a clock change
// has the same opening times on the wall as any other.
import { z } from 'zod';

const time = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/, 'Expected a time like 09:00, or 24:00 for the end of the day.');

/** `business_hours.hours`: Monday is 1. Hours over midnight are two entries. */
export const openingHours = z
  .array(z.strictObject({ day: z.int().min(1).max(7), from: time, to: time }).refine((h) => h.from < h.to, 'An opening must end after it begins, on the same day.'))
  .max(70);

export interface Calendar {
  /** IANA name. */
  timeZone: string;
  hours: z.infer<typeof openingHours>;
}

/** True when `at` (RFC 3339) lies in one of the calendar's openings: from included, to excluded. */
export function isOpen(calendar: Calendar, at: string): boolean {
  const local = localTime(calendar.timeZone, at);
  return calendar.hours.some((h) => h.day === local.day && h.from <= local.time && local.time < h.to);
}

/** True for a time zone that this process knows (`Europe/Amsterdam`, `UTC`). */
export function isTimeZone(name: string): boolean {
  try {
    formatter(name);
    return true;
  } catch {
    return false;
  }
}

const DAYS: Record<string, number> = { Mon: 1, Tue: 2, Wed: 3, Thu: 4, Fri: 5, Sat: 6, Sun: 7 };

function localTime(timeZone: string, at: string): { day: number; time: string } {
  const parts: Partial<Record<Intl.DateTimeFormatPartTypes, string>> = {};
  for (const { type, value } of formatter(timeZone).formatToParts(new Date(at))) parts[type] = value;
  return { day: DAYS[parts.weekday!]!, time: `${parts.hour}:${parts.minute}` };
}

// Making a formatter costs a hundred times what using one does; there are some 600 zones.
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(timeZone: string): Intl.DateTimeFormat {
  let made = formatters.get(timeZone);
  if (!made) {
    made = new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', weekday: 'short', hour: '2-digit', minute: '2-digit' });
    formatters.set(timeZone, made);
  }
  return made;
}
