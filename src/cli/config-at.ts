import type { Config } from '../config/config.ts'
import { readConfig } from '../config/config-file.ts'
import type { CommandIo } from './io.ts'
import { UsageError } from './usage-error.ts'

/** @throws UsageError with every problem of the file */
export async function configAt({ env }: Pick<CommandIo, 'env'>, path: string): Promise<Config> {
  const read = await readConfig({ path, env })
  if (!read.ok) throw new UsageError(read.problems.join('\n'))
  return read.config
}
