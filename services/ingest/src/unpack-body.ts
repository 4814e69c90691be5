import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

const gunzipAsync = promisify(gunzip);

export type UnpackedBody =
  | { readonly outcome: 'unpacked'; readonly text: string }
  | { readonly outcome: 'too_large' | 'unknown_encoding' | 'broken' };

/**
 * The text of a request body, unpacked by its `Content-Encoding`. Unpacking stops at `limitBytes`, so a
 * small body never costs more memory than a large one may.
 */
export async function unpackBody(
  body: Buffer,
  of: { readonly encoding: string | undefined; readonly limitBytes: number },
): Promise<UnpackedBody> {
  if (body.length > of.limitBytes) return { outcome: 'too_large' };
  switch (of.encoding?.trim().toLowerCase() ?? '') {
    case '':
    case 'identity':
      return { outcome: 'unpacked', text: toText(body) };
    case 'gzip':
    case 'x-gzip':
      return unzip(body, of.limitBytes);
    default:
      return { outcome: 'unknown_encoding' };
  }
}

async function unzip(body: Buffer, limitBytes: number): Promise<UnpackedBody> {
  try {
    return { outcome: 'unpacked', text: toText(await gunzipAsync(body, { maxOutputLength: limitBytes })) };
  } catch (error) {
    const tooLarge = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
    return { outcome: tooLarge ? 'too_large' : 'broken' };
  }
}

function toText(body: Buffer): string {
  const text = body.toString('utf8');
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}
