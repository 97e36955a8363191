// What an account of FreeSWITCH is set up with.
import { z } from 'zod';

export const freeswitchSettings = z.strictObject({
  eventSocket: z
    .strictObject({
      host: z.string().regex(/^[A-Za-z0-9._:-]{1,253}$/, 'The name or IP address by which this server reaches FreeSWITCH.'),
      port: z.number().int().min(1).max(65_535).default(8021),
    })
    .optional()
    .describe('Where FreeSWITCH tells of calls while they happen; left out, calls are known when they ended.'),
});
export type FreeswitchSettings = z.infer<typeof freeswitchSettings>;

export const freeswitchSecrets = z.strictObject({
  username: z.string().regex(/^[^:\s]+$/, 'A name of your own, without a colon or blanks: the part of `cred` before the colon.'),
  password: z.string().min(12, 'A password of your own, at least 12 characters: the part of `cred` after the colon.'),
  eventSocketPassword: z.string().regex(/^\S{1,200}$/, 'The password in event_socket.conf.xml, without blanks.').optional(),
});
export type FreeswitchSecrets = z.infer<typeof freeswitchSecrets>;
