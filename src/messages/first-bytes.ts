/** Whether `start`, a character a byte, stands at `at`. */
export const startsWith = (bytes: Uint8Array, start: string, at = 0): boolean =>
  bytes.length >= at + start.length && [...start].every((character, i) => bytes[at + i] === character.charCodeAt(0));
