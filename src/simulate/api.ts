// The desk's API, as any program calls it.

/** What the API refused, in its own words. */
export class ApiRefused extends Error {
  override readonly name = 'ApiRefused';
  constructor(readonly code: string, message: string) {
    super(message);
  }
}

export interface Api {
  /** Without a slash at the end. */
  address: string;
  /** The data of an operation. @throws ApiRefused for the first error or user error; Error when nobody answers there */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the shape is the document's
  ask(document: string, variables?: Record<string, unknown>): Promise<any>;
  /** The same server with another credential. */
  as(key: string): Api;
}

const TIMEOUT_MS = 30_000;

export function apiAt(url: string, key: string): Api {
  const address = url.replace(/(?<!\/)\/+$/, '');
  return {
    address,
    as: (other) => apiAt(address, other),
    ask: async (document, variables) => {
      // eslint-disable-next-line no-restricted-globals -- the desk's own address, given by who runs the command
      const response = await fetch(`${address}/graphql`, {
        method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` }, body: JSON.stringify({ query: document, variables }), signal: AbortSignal.timeout(TIMEOUT_MS),
      }).catch((error: Error) => {
        throw new Error(`There is no answer at ${address}: ${(error.cause as Error | undefined)?.message ?? error.message}. Is the server running? Give its address with --url.`);
      });
      const text = await response.text();
      const answer = jsonOf(text);
      if (!answer) throw new Error(`${address}/graphql answered ${response.status} and no JSON: ${text.slice(0, 200)}`);
      const error = answer.errors?.[0];
      if (error) throw new ApiRefused(error.extensions?.code ?? 'ERROR', error.message);
      const [userError] = Object.values(answer.data ?? {}).flatMap((payload) => payload?.userErrors ?? []);
      if (userError) throw new ApiRefused(userError.code, `${userError.message}${userError.field ? ` (${userError.field.join('.')})` : ''}`);
      return answer.data;
    },
  };
}

interface Answer {
  data?: Record<string, { userErrors?: { code: string; message: string; field?: string[] | null }[] } | null> | null;
  errors?: { message: string; extensions?: { code?: string } }[];
}

function jsonOf(text: string): Answer | null {
  try {
    return JSON.parse(text) as Answer;
  } catch {
    return null;
  }
}
