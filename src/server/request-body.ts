// The raw body of a request, up to its route's limit. Fastify's own reading puts a large one together at once, which stops the event loop.
import { errorCodes, type FastifyRequest } from 'fastify';
import { joined } from '../platform/large-bytes.ts';

/** @throws FST_ERR_CTP_BODY_TOO_LARGE, before the rest is read; FST_ERR_CTP_INVALID_CONTENT_LENGTH */
export async function readBody(request: FastifyRequest, payload: NodeJS.ReadableStream): Promise<Buffer> {
  const limit = request.routeOptions.bodyLimit ?? 0;
  const announced = request.headers['content-length'] === undefined ? null : Number(request.headers['content-length']);
  if (announced !== null && announced > limit) throw new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE();
  const chunks: Buffer[] = [];
  let bytes = 0;
  await new Promise<void>((resolve, reject) => {
    const end = (error?: Error | null) => {
      payload.off('data', take).off('end', end).off('error', end);
      if (error) reject('statusCode' in error ? error : Object.assign(error, { statusCode: 400 }));
      else resolve();
    };
    const take = (chunk: Buffer) => {
      bytes += chunk.length;
      // It is not destroyed: the answer still goes out by this connection.
      if (bytes > limit) end(new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE());
      else chunks.push(chunk);
    };
    payload.on('data', take).on('end', end).on('error', end);
  });
  if (announced !== null && announced !== bytes) throw new errorCodes.FST_ERR_CTP_INVALID_CONTENT_LENGTH();
  return joined(chunks);
}
