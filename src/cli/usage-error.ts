/** A command was used wrongly: exit code 2. The message says what to do. */
export class UsageError extends Error {}
