// Where a provider delivers to. The public address is this process's configuration; the path is the endpoint's.
import { publicId } from '../platform/ids.ts';

let base = '';

/** Call once at start with PUBLIC_URL, without a slash at its end. Before that, addresses are paths. */
export function initWebhookUrls(publicUrl: string): void {
  base = publicUrl.replace(/\/+$/, '');
}

/** A path of this server as the world reaches it. */
export const publicAddress = (path: string): string => base + path;

/** `https://support.example.com/hooks/twilio/end_…` */
export const webhookUrl = (provider: string, endpointId: string): string => publicAddress(`/hooks/${provider}/${publicId('end', endpointId)}`);
