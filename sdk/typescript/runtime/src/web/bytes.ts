// https://webidl.spec.whatwg.org/#BufferSource

export type BufferSource = ArrayBuffer | ArrayBufferView;

/** The bytes of it, not copied. */
export function toBytes(source: BufferSource | SharedArrayBuffer): Uint8Array {
  if (source instanceof Uint8Array) return source;
  if (ArrayBuffer.isView(source)) return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  if (source instanceof ArrayBuffer || source instanceof SharedArrayBuffer) return new Uint8Array(source as ArrayBuffer);
  throw new TypeError("an ArrayBuffer or a view of one is expected");
}

export function isBufferSource(value: unknown): value is BufferSource {
  return value instanceof ArrayBuffer || ArrayBuffer.isView(value);
}

export function concat(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** The buffer of these bytes alone. */
export function toBuffer(bytes: Uint8Array): ArrayBuffer {
  const { buffer } = bytes;
  return (bytes.byteLength === buffer.byteLength ? buffer : bytes.slice().buffer) as ArrayBuffer;
}
