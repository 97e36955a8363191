// The sandbox's uploads, and the pictures that it gives out. https://docs.x.com/x-api/media/quickstart/media-upload-chunked
import type { SandboxAnswer, SandboxRequest } from './sandbox.ts';

export interface XUpload {
  category: string;
  type: string;
  bytes: number;
  content: Buffer;
  segments: number;
  state: 'open' | 'in_progress' | 'succeeded' | 'failed';
  /** States that are asked for until it is done. */
  stepsLeft: number;
}

const SEGMENT_BYTES_MAX = 8 * 1024 * 1024;
/** Category -> types that it takes, and their size. https://docs.x.com/x-api/media/quickstart/best-practices */
const CATEGORIES: Record<string, { types: RegExp; bytesMax: number }> = {
  dm_image: { types: /^image\/(jpeg|png|webp)$/, bytesMax: 5 * 1024 * 1024 },
  dm_gif: { types: /^image\/gif$/, bytesMax: 15 * 1024 * 1024 },
  dm_video: { types: /^video\/(mp4|quicktime)$/, bytesMax: 512 * 1024 * 1024 },
};

export function xMedia(processing: () => { steps: number; ends: 'succeeded' | 'failed'; checkAfterSecs: number }, newId: () => string) {
  const uploads = new Map<string, XUpload>();

  /** Null when the request is for something else. */
  function take(request: SandboxRequest, url: URL): SandboxAnswer | null {
    const route = `${request.method} ${url.pathname}`;
    if (route === 'POST /2/media/upload/initialize') return initialize(request);
    const [, id, step] = /^POST \/2\/media\/upload\/(\d+)\/(append|finalize)$/.exec(route) ?? [];
    if (id !== undefined) {
      const upload = uploads.get(id);
      if (!upload || upload.state !== 'open') return invalid('The media id is not that of an open upload.');
      return step === 'append' ? append(upload, request) : finalize(id, upload);
    }
    if (route === 'GET /2/media/upload') return status(url);
    // A picture of a Direct Message, at its old kind of address.
    return /^GET \/1\.1\/ton\/data\/dm\/\d+\/\d+\/[\w-]+\.jpg$/.test(route) ? { status: 200, headers: { 'content-type': 'image/jpeg' }, body: PICTURE } : null;
  }

  function initialize(request: SandboxRequest): SandboxAnswer {
    const { media_type: type, total_bytes: bytes, media_category: category } = JSON.parse(request.body.toString('utf8')) as { media_type?: string; total_bytes?: number; media_category?: string };
    const taken = Object.hasOwn(CATEGORIES, String(category)) ? CATEGORIES[String(category)]! : undefined;
    if (!taken || typeof type !== 'string' || !taken.types.test(type)) return invalid('media_category and media_type do not fit each other.');
    if (!Number.isInteger(bytes) || bytes! <= 0 || bytes! > taken.bytesMax) return invalid('File size exceeds the limit.');
    const id = newId();
    uploads.set(id, { category: category!, type, bytes: bytes!, content: Buffer.alloc(0), segments: 0, state: 'open', stepsLeft: category === 'dm_image' ? 0 : processing().steps });
    return { status: 200, body: { data: { id, media_key: `3_${id}`, expires_after_secs: 86_400 } } };
  }

  function append(upload: XUpload, request: SandboxRequest): SandboxAnswer {
    const boundary = /^multipart\/form-data; boundary=(\S+)$/.exec(request.headers['content-type'] ?? '')?.[1];
    if (boundary === undefined) return invalid('Missing media field.');
    const fields = parts(request.body, boundary);
    const segment = fields.get('media');
    if (!segment || fields.get('segment_index')?.toString() !== String(upload.segments)) return invalid('segment_index is not the next one.');
    if (segment.length > SEGMENT_BYTES_MAX) return { status: 413, body: { title: 'Payload Too Large', type: 'about:blank', status: 413, detail: 'Payload Too Large' } };
    upload.content = Buffer.concat([upload.content, segment]);
    upload.segments += 1;
    return { status: 200, body: { data: { expires_at: 86_400 } } };
  }

  function finalize(id: string, upload: XUpload): SandboxAnswer {
    if (upload.content.length !== upload.bytes) return invalid(`Segments do not add up to provided total file size: ${upload.content.length} of ${upload.bytes}.`);
    upload.state = upload.stepsLeft > 0 ? 'in_progress' : 'succeeded';
    return { status: 200, body: { data: { id, media_key: `3_${id}`, size: upload.bytes, expires_after_secs: 86_400, ...processingInfo(upload, 'pending') } } };
  }

  function status(url: URL): SandboxAnswer {
    const id = url.searchParams.get('media_id') ?? '';
    const upload = uploads.get(id);
    if (!upload || url.searchParams.get('command') !== 'STATUS') return invalid('The media id is not known.');
    if (upload.state === 'in_progress' && --upload.stepsLeft <= 0) upload.state = processing().ends;
    return { status: 200, body: { data: { id, media_key: `3_${id}`, ...processingInfo(upload, upload.state) } } };
  }

  function processingInfo(upload: XUpload, state: string): object {
    if (upload.category === 'dm_image') return {};
    const open = upload.state === 'in_progress';
    return { processing_info: { state: open ? state : upload.state, ...(open ? { check_after_secs: processing().checkAfterSecs } : {}), ...(upload.state === 'failed' ? { error: { code: 1, name: 'InvalidMedia', message: 'Unsupported video format.' } } : {}) } };
  }
  return { uploads, take };
}

/** A JPEG's beginning: enough for whoever looks at the first bytes. */
const PICTURE = Buffer.from('ffd8ffe000104a46494600010100000100010000ffd9', 'hex');

/** The named parts of a multipart body (RFC 7578), their bytes as they came. */
function parts(body: Buffer, boundary: string): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  const mark = Buffer.from(`--${boundary}`);
  for (let at = body.indexOf(mark); at >= 0; ) {
    const next = body.indexOf(mark, at + mark.length);
    if (next < 0) break;
    const part = body.subarray(at + mark.length + 2, next - 2);
    const head = part.indexOf('\r\n\r\n');
    const name = /name="([^"]+)"/.exec(part.subarray(0, head).toString('latin1'))?.[1];
    if (name !== undefined) found.set(name, part.subarray(head + 4));
    at = next;
  }
  return found;
}

const invalid = (message: string): SandboxAnswer =>
  ({ status: 400, body: { errors: [{ message }], title: 'Invalid Request', detail: 'One or more parameters to your request was invalid.', type: 'https://api.x.com/2/problems/invalid-request' } });
