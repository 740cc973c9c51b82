import { FieldReader } from '../field-reader.ts'

/** Reads the fields of a message: numbers are big-endian (manual, section 54.6). */
export class MessageReader extends FieldReader {
  int16(): number {
    return this.buffer.readInt16BE(this.take(2))
  }

  /** A count: an Int16 that the server reads as unsigned. */
  uint16(): number {
    return this.buffer.readUInt16BE(this.take(2))
  }

  int32(): number {
    return this.buffer.readInt32BE(this.take(4))
  }

  uint32(): number {
    return this.buffer.readUInt32BE(this.take(4))
  }
}
