// Mail's dates (RFC 5322, 3.3 and the obsolete forms of 4.3) -> RFC 3339 with milliseconds. What can't be a real moment is null.

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
/** Minutes east of Greenwich. Other names mean `-0000` by RFC 5322, 4.3: the time without a zone. */
const ZONES: Record<string, number> = {
  ut: 0, utc: 0, gmt: 0, z: 0, est: -300, edt: -240, cst: -360, cdt: -300, mst: -420, mdt: -360, pst: -480, pdt: -420, jst: 540, cet: 60, cest: 120, bst: 60,
};
const FORM = /(?:^|[\s,])(\d{1,2})[\s-]+([a-z]{3})[a-z]*\.?[\s-]+(\d{2,4})[\s,]+(\d{1,2})\s*:\s*(\d{1,2})(?:\s*:\s*(\d{1,2})(?:[.,](\d{1,9}))?)?\s*(?:([+-])(\d{2}):?(\d{2})|([a-z]{1,5})\b)?/i;

/** A `Date` header's value. */
export function mailMoment(value: string | null): string | null {
  if (!value) return null;
  const text = value.slice(0, 300).replace(/\([^()]*\)/g, ' ');
  const found = FORM.exec(text);
  if (!found) return isoMoment(text.trim());
  const [, day, monthName, yearText, hour, minute, second = '0', fraction = '', sign, zoneHours, zoneMinutes, zoneName] = found;
  const month = MONTHS.indexOf(monthName!.toLowerCase());
  if (month < 0) return null;
  const short = Number(yearText);
  const year = yearText!.length === 4 ? short : short < 50 ? 2000 + short : 1900 + short;
  const milliseconds = Number(fraction.padEnd(3, '0').slice(0, 3));
  const east = sign ? (sign === '-' ? -1 : 1) * (Number(zoneHours) * 60 + Number(zoneMinutes)) : (ZONES[zoneName?.toLowerCase() ?? ''] ?? 0);
  if (Number(day) < 1 || Number(day) > 31 || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60 || Math.abs(east) > 24 * 60) return null;
  return within(Date.UTC(year, month, Number(day), Number(hour), Number(minute), Number(second), milliseconds) - east * 60_000);
}

/** When the hop that wrote this `Received` header took the mail: what stands after its last semicolon. */
export function receivedMoment(value: string | null): string | null {
  if (!value) return null;
  const at = value.lastIndexOf(';');
  return at < 0 ? null : mailMoment(value.slice(at + 1));
}

/** An RFC 3339 moment, in milliseconds and UTC. */
export function isoMoment(value: string | null): string | null {
  return value && /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(value) ? within(Date.parse(value)) : null;
}

/** E-mail is younger than 1970; a year beyond 9999 has no RFC 3339 form. */
const within = (ms: number): string | null => (Number.isFinite(ms) && ms >= 0 && ms < 253_402_300_800_000 ? new Date(ms).toISOString() : null);
