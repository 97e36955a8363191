// Reading Postmark's JSON by hand: every field may be missing, null or of another kind, and none of that may lose a mail.
import { storable } from '../clean.ts';

export type Fields = Record<string, unknown>;

export const fieldsOf = (value: unknown): Fields => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {});

export const listOf = (value: unknown): Fields[] => (Array.isArray(value) ? value.map(fieldsOf) : []);

/** Text that can be kept; null for what is none and for nothing but blanks. */
export const textOf = (value: unknown): string | null => (typeof value === 'string' && value.trim() !== '' ? storable(value) : null);

/** An id or a code, which may be written as a number or as text. */
export const idOf = (value: unknown): string | null => (typeof value === 'number' && Number.isFinite(value) ? String(value) : (textOf(value)?.trim() ?? null));
