/** Marks a branch that the compiler has proved unreachable; throws if the proof was wrong. */
export function assertNever(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`)
}
