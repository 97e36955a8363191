// What can go wrong on purpose: a closed list, each with advice whether to try again. Everything else is a bug and is shown as INTERNAL.

export const ERROR_CODES = {
  INVALID_INPUT: { http: 400, retryable: false, meaning: 'A value is not of the expected form; `field` says which. Correct it.' },
  INVALID_ID: { http: 400, retryable: false, meaning: 'The id is not one of this type (they look like `cus_…`).' },
  INVALID_CURSOR: { http: 400, retryable: false, meaning: 'The cursor is not one that this list or this workspace gave. Start again without it.' },
  RESYNC: { http: 400, retryable: false, meaning: 'The cursor is older than the log reaches back, or belongs to a database that was restored. Read afresh and continue from `Query.cursor`.' },
  UNAUTHENTICATED: { http: 401, retryable: false, meaning: 'No key or token, or one that is wrong, expired or revoked.' },
  FORBIDDEN: { http: 403, retryable: false, meaning: 'The key or token lacks a permission; the message names it.' },
  NOT_FOUND: { http: 404, retryable: false, meaning: 'Nothing of this workspace has that id.' },
  CONFLICT: { http: 409, retryable: false, meaning: '`expectedVersion` is not the current version. Read again, then decide.' },
  ALREADY_EXISTS: { http: 409, retryable: false, meaning: 'Something with this name, key or address is there already.' },
  ADDRESS_TAKEN: { http: 409, retryable: false, meaning: 'The address belongs to another customer.' },
  INVALID_TRANSITION: { http: 409, retryable: false, meaning: 'The state cannot change this way from where it is; the message says why.' },
  COLLISION: { http: 409, retryable: false, meaning: 'A colleague answered since what `seenUpTo` names. Show that reply, then decide.' },
  IDEMPOTENCY_MISMATCH: { http: 409, retryable: false, meaning: 'The idempotency key was used with other input. Use a new key.' },
  NOT_SENDABLE: { http: 409, retryable: false, meaning: 'The customer cannot be written to on that channel; the message says why.' },
  NOT_REACHABLE: { http: 409, retryable: false, meaning: 'The customer has no address on that channel.' },
  PROVIDER_UNREACHABLE: { http: 502, retryable: true, meaning: 'The provider did not answer. Try again; the message says what else can be done.' },
  TOO_LARGE: { http: 413, retryable: false, meaning: 'The request is larger than the limit that the message names.' },
  TOO_EXPENSIVE: { http: 400, retryable: false, meaning: 'The operation costs more than allowed. Ask for smaller pages.' },
  RATE_LIMITED: { http: 429, retryable: true, meaning: 'The budget is used up. Try again after the time that `Retry-After` names.' },
  OVERLOADED: { http: 503, retryable: true, meaning: 'The server or its database is busy. Try again after the time that `Retry-After` names.' },
  TIMED_OUT: { http: 504, retryable: true, meaning: 'It took longer than the limit. Ask for less, or try again.' },
  INTERNAL: { http: 500, retryable: true, meaning: 'A fault of ours, logged under the id in the message.' },
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** An expected outcome that a user may read: the sentence names the value, what was expected and the remedy. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  constructor(
    readonly code: ErrorCode,
    message: string,
    /** `field`: path of the input value at fault. Others are shown as extensions. */
    readonly details: { field?: string[] } & Record<string, unknown> = {},
  ) {
    super(message);
  }
  get retryable(): boolean {
    return ERROR_CODES[this.code].retryable;
  }
  get httpStatus(): number {
    return ERROR_CODES[this.code].http;
  }
}

/** Several at once, so that a form can show each beside its field. As one it is its first. */
export class Refusals extends Refusal {
  constructor(readonly all: readonly [Refusal, ...Refusal[]]) {
    super(all[0].code, all[0].message, all[0].details);
  }
}

/** What a refusal says, one by one. */
export const refusalsIn = (refusal: Refusal): readonly Refusal[] => (refusal instanceof Refusals ? refusal.all : [refusal]);

/**
 * Runs checks that don't depend on each other: what each gives, undefined for one that refuses. `end()` throws all refusals together.
 */
export function together(): { check<T>(what: () => T): T | undefined; end(): void } {
  const refusals: Refusal[] = [];
  return {
    check(what) {
      try {
        return what();
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        refusals.push(...refusalsIn(error));
        return undefined;
      }
    },
    end() {
      const [first, ...more] = refusals;
      if (first) throw more.length === 0 ? first : new Refusals([first, ...more]);
    },
  };
}
