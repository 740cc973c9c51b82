import type { Command } from 'commander'
import { configJsonSchema } from '../config/schema.ts'
import type { CommandIo } from './io.ts'

const HELP = `
Editors complete and check the file with it. With the YAML language server, this first line will do:
  # yaml-language-server: $schema=./countersign.schema.json

Exit code: 0.

Example:
  countersign schema > countersign.schema.json
`

/** Adds `schema`. */
export function registerSchema(program: Command, io: CommandIo): void {
  program
    .command('schema')
    .description('Print the JSON Schema of the configuration, for editors')
    .addHelpText('after', HELP)
    .action(() => {
      io.out(`${JSON.stringify(configJsonSchema(), null, 2)}\n`)
      io.exit(0)
    })
}
