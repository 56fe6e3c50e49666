/** The first byte of a text message in one frame: FIN, and the opcode of text. */
const WHOLE_TEXT = 0x81;
/** The longest payload whose length is in the second byte; 126 and 127 there say that two or eight bytes follow. */
const SHORT = 125;
const TWO_BYTES = 126;
const EIGHT_BYTES = 127;
const MAX_OF_TWO_BYTES = 0xffff;

/**
 * A text message as a server writes it to the connection: one unmasked frame, in one piece of memory. It is for
 * connections without extensions.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6455#section-5.2
 */
export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const start = length <= SHORT ? 2 : length <= MAX_OF_TWO_BYTES ? 4 : 10;
  const frame = Buffer.allocUnsafe(start + length);
  frame[0] = WHOLE_TEXT;
  if (length <= SHORT) {
    frame[1] = length;
  } else if (length <= MAX_OF_TWO_BYTES) {
    frame[1] = TWO_BYTES;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = EIGHT_BYTES;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.write(text, start);
  return frame;
}
