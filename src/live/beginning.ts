// What the server gives the page to begin with (src/server/live-page.ts): a token of an agent of the demo, and the key of its chat.

export interface Beginning {
  /** Acts as a member, for at most 12 hours. */
  memberToken: string;
  /** By which anybody may begin a chat. */
  publishableKey: string;
}

export function beginning(page: Document): Beginning {
  const { memberToken, publishableKey } = page.getElementById('root')!.dataset;
  return { memberToken: memberToken!, publishableKey: publishableKey! };
}

/** The page once more, for the fresh token in it. */
export async function beginAgain(): Promise<Beginning> {
  const response = await fetch('/live', { headers: { accept: 'text/html' } });
  if (!response.ok) throw new Error(`The page answered ${response.status}.`);
  return beginning(new DOMParser().parseFromString(await response.text(), 'text/html'));
}
