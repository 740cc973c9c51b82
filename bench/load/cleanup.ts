/** What was started, ended in the opposite order; stands where a test's own would. */
export class Cleanup {
  readonly #steps: (() => unknown)[] = []

  teardown(step: () => unknown): void {
    this.#steps.unshift(step)
  }

  async run(): Promise<void> {
    for (const step of this.#steps.splice(0)) await step()
  }
}
