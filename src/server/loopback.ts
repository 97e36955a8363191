/** Whether a host, or the host of a URL, is this machine's own: what only who sits at it can reach. */
export function isLoopback(hostOrUrl: string): boolean {
  const host = URL.canParse(hostOrUrl) ? new URL(hostOrUrl).hostname : hostOrUrl;
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/.test(host);
}
