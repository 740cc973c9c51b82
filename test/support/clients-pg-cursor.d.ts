/** The package has no types of its own; these are what the tests use. */
declare module 'pg-cursor' {
  import type { Submittable } from 'pg'

  export default class Cursor implements Submittable {
    constructor(text: string, values?: readonly unknown[])
    submit: Submittable['submit']
    /** At most so many rows; none once all have been read. */
    read(rows: number): Promise<Record<string, unknown>[]>
    close(): Promise<void>
  }
}
