// Chunks at byte offsets become text: what was seen is skipped, UTF-8 is decoded across chunks.

/** The bytes of a base64 text. */
export function bytesOf(base64) {
  const raw = atob(base64);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

/** One stream's decoder; `next` is the offset of the byte that is wanted next. */
export class StreamBytes {
  constructor(start = 0) {
    this.next = start;
    this.decoder = new TextDecoder("utf-8");
    this.partial = start > 0; // begun inside the stream: the first line is not whole
  }

  /** `{text, missing}` of a chunk: new text, and how many bytes before it never came. */
  take(offset, bytes) {
    let missing = 0;
    if (offset < this.next) bytes = bytes.subarray(Math.min(bytes.length, this.next - offset));
    else if (offset > this.next) {
      missing = offset - this.next;
      this.decoder = new TextDecoder("utf-8");
      this.next = offset;
    }
    this.next += bytes.length;
    let text = this.decoder.decode(bytes, { stream: true });
    if (this.partial) {
      const end = text.indexOf("\n");
      text = end < 0 ? "" : text.slice(end + 1);
      this.partial = end < 0;
    }
    return { text, missing };
  }

  /** What was left of an unfinished character. */
  end() {
    return this.decoder.decode();
  }
}
